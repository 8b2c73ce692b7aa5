"""How often somebody may try what MYICS' pages offer."""

from datetime import timedelta

from web.common.auth.guesses import Guess, Secret
from web.common.auth.rate_limits import Allowed, Limit


class MyicsLimit(Limit):
    """What is limited on these pages alone."""

    NEW_PASSWORD = Allowed("new-password", 3, timedelta(hours=1))
    """Per client and account that it asks for, whether or not it exists."""
    NEW_PASSWORD_DAILY = Allowed("new-password-daily", 6, timedelta(days=1))
    """Per account, of all clients: mails with a link. Whoever comes later today uses the newest of them."""
    NEW_PASSWORD_FROM = Allowed("new-password-from", 30, timedelta(hours=1))
    """Per client."""


class MyicsGuess(Guess):
    """What MYICS' pages ask for."""

    SIGN_IN = Secret(
        "myics-sign-in",
        "お急ぎのときは、「パスワードをお忘れの方」からお進みください。"
        "メールの URL で新しいパスワードを設定すると、すぐにログインできます。",
    )
    """The password of an account (M6)."""
