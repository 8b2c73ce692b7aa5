"""How often somebody may try what 弥生's pages offer."""

from datetime import timedelta

from web.common.auth.guesses import Guess, Secret
from web.common.auth.rate_limits import Allowed, Limit


class YayoiLimit(Limit):
    """What is limited on these pages alone."""

    REGISTRATION_FROM = Allowed("registration-from", 30, timedelta(hours=1))
    """Per client, since the answer discloses whether a mail address is registered."""
    REGISTRATION_MAIL_DAILY = Allowed("registration-mail-daily", 15, timedelta(days=1))
    """Per mail address, of all unknown devices: nobody's inbox is filled, and with few tries for each nobody guesses a
    code."""
    DRAFT_MAIL_DAILY = Allowed("draft-mail-daily", 15, timedelta(days=1))
    """Per mail address, of all unknown devices: mails with the link to a plan or a half-filled form."""
    PASSWORD_MAIL_DAILY = Allowed("password-mail-daily", 15, timedelta(days=1))
    """Per Yayoi ID, of all clients: mails with which a new password is set; who comes later that day uses one of them.
    """
    PASSWORD_MAIL_AGAIN_DAILY = Allowed("password-mail-daily", 9, timedelta(days=1))
    """How many of these may be second mails of a request: the others' links live until the day is over."""
    DRAFT_FROM = Allowed("draft-from", 120, timedelta(hours=1))
    """Per client: plans and half-filled forms kept."""
    CASE_LINK = Allowed("case-link", 6, timedelta(hours=1))
    """Per case: requests for a fresh link, of which one an hour is mailed."""


class YayoiGuess(Guess):
    """What 弥生's pages ask for."""

    SIGN_IN = Secret(
        "sign-in",
        "お急ぎのときは、「パスワードを忘れた・設定していない」からお進みください。"
        "メールでご本人を確認して新しいパスワードを設定すると、すぐにログインできます。",
    )
    """The password of a Yayoi ID (Y26)."""
    NOTICE = Secret(
        "notice",
        "お急ぎのときは、「サービス契約ID（お客様番号）」のお知らせメールのリンクを開き、"
        "その画面から STEP5 にお進みください。この番号の弥生ID でログインしてからでも、すぐに手続きできます。",
    )
    """Which address goes with a new contract ID (Y19)."""
    MAILS = Secret(
        "mails",
        "お急ぎのときは、このメールアドレスに本日届いた、弥生からのメールにあるリンクを開いてください。"
        "ご本人のアドレスであることが確認され、すぐに手続きできます。",
    )
    """No secret: a device is known for a mail address once a link in a mail to it was opened there."""
    PRODUCT_PASSWORD = Secret("product-password")
    """The password of STEP5, asked for in STEP6 of who is signed in (Y20)."""
