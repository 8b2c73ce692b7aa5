"""Guesses at an account's secret: strangers are slowed and bounded, and its owner always gets through.

A guess is counted before it is looked at, and taken back if it was right: only wrong ones count.

- A device that is known for the account counts by itself. A browser is known once a right password was typed there, or
  a link from a mail to the account's address was opened there.
- All others count by client, by client and account, and all together by account. When that last count is used up, as by
  somebody who guesses from many lines, no unknown device can try for the rest of the day; known ones do not notice. The
  owner of an unknown device reads of the mail with which they get through (`Guess.owner_can`).
"""

import secrets
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum

from itsdangerous import BadData
from starlette.requests import HTTPConnection
from starlette.responses import Response

from models.common.secret_keys import SecretKeys
from web.common.auth.rate_limits import Limit, Try
from web.common.cookies import Cookie

KNOWN_FOR = timedelta(days=365)
"""How long a browser is known, from when it was used last."""
MOST_KNOWN = 20
"""For how many accounts a browser is known; the one that it was used for longest ago is forgotten."""


class Guess(Enum):
    """What can be guessed. The value names the count."""

    SIGN_IN = "sign-in"
    MYICS_SIGN_IN = "myics-sign-in"
    NOTICE = "notice"
    """Which address goes with a new contract ID (Y19)."""
    MAILS = "mails"
    """No secret: a device is known for a mail address once a link in a mail to it was opened there."""
    PRODUCT_PASSWORD = "product-password"  # noqa: S105 a name
    """The password of STEP5, asked for in STEP6 of who is signed in (Y20)."""

    @property
    def owner_can(self) -> str:
        """What somebody whose right password is not looked at can do at once, in Japanese."""
        return _OWNER_CAN.get(self, "")

    def tries(self, account: str, client: str, known: str | None) -> tuple[Try, ...]:
        """Return what a guess counts as; `known`: the device that is known for the account."""
        what = f"{self.value}:{account}"
        if known:
            return ((Limit.GUESSES, f"{what}:known {known}"),)
        return (
            (Limit.GUESSES_FROM, f"{self.value}:{client}"),
            (Limit.GUESSES, f"{what}:{client}"),
            (Limit.GUESSES_OF_STRANGERS, what),
        )


_OWNER_CAN = {
    Guess.SIGN_IN: (
        "お急ぎのときは、「パスワードを忘れた・設定していない」からお進みください。"
        "メールでご本人を確認して新しいパスワードを設定すると、すぐにログインできます。"
    ),
    Guess.MYICS_SIGN_IN: (
        "お急ぎのときは、「パスワードをお忘れの方」からお進みください。"
        "メールの URL で新しいパスワードを設定すると、すぐにログインできます。"
    ),
    Guess.NOTICE: (
        "お急ぎのときは、「サービス契約ID（お客様番号）」のお知らせメールのリンクを開き、"
        "その画面から STEP5 にお進みください。この番号の弥生ID でログインしてからでも、すぐに手続きできます。"
    ),
    Guess.MAILS: (
        "お急ぎのときは、このメールアドレスに本日届いた、弥生からのメールにあるリンクを開いてください。"
        "ご本人のアドレスであることが確認され、すぐに手続きできます。"
    ),
}


class Devices:
    """What browsers are known for: a signed list in a cookie of their own, of accounts' hashes."""

    def __init__(self, secret_keys: SecretKeys, *, https: bool) -> None:
        self._secret_keys = secret_keys
        self._signed = secret_keys.serializer("device")
        self._cookie = Cookie("device", https=https, lasts=KNOWN_FOR)

    def known(self, request: HTTPConnection, guess: Guess, account: str) -> str | None:
        """Return the browser's id if it is known for this account."""
        device, accounts = self._read(request)
        return device if any(name in accounts for name in self._names(guess, account)) else None

    def remember(self, request: HTTPConnection, response: Response, guess: Guess, *accounts: str) -> None:
        """Know this browser for these accounts from now on."""
        device, known = self._read(request)
        newest_first = dict.fromkeys([*(next(self._names(guess, account)) for account in accounts), *known])
        self._cookie.write(response, str(self._signed.dumps([device, list(newest_first)[:MOST_KNOWN]])))

    def _read(self, request: HTTPConnection) -> tuple[str, list[str]]:
        try:
            device, accounts = self._signed.loads(self._cookie.read(request))
        except BadData:
            return secrets.token_urlsafe(16), []
        return device, accounts

    def _names(self, guess: Guess, account: str) -> Iterator[str]:
        """Yield what names the account without naming it to whoever reads the cookie, by each key."""
        digests = self._secret_keys.digests(f"known device:{guess.value}:{account}")
        return (digest.hex()[:24] for digest in digests)
