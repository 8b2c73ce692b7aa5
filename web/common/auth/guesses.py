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
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from itsdangerous import BadData
from starlette.requests import HTTPConnection
from starlette.responses import Response

from models.common.secret_keys import SecretKeys
from web.common.auth.rate_limits import SharedLimit, Try
from web.common.cookies import Cookie

KNOWN_FOR = timedelta(days=365)
"""How long a browser is known, from when it was used last."""
MOST_KNOWN = 20
"""For how many accounts a browser is known; the one that it was used for longest ago is forgotten."""


@dataclass(frozen=True)
class Secret:
    """What can be guessed, by the name of its count, and what its owner can do at once who is refused, in Japanese."""

    count: str
    owner_can: str = ""


class Guess(Enum):
    """What can be guessed, of each package that asks for it."""

    value: Secret

    @property
    def owner_can(self) -> str:
        """What somebody whose right answer is not looked at can do at once, in Japanese."""
        return self.value.owner_can

    def tries(self, account: str, client: str, known: str | None) -> tuple[Try, ...]:
        """Return what a guess counts as; `known`: the device that is known for the account."""
        what = self.of(account)
        if known:
            return ((SharedLimit.GUESSES, f"{what}:known {known}"),)
        return (
            (SharedLimit.GUESSES_FROM, f"{self.value.count}:{client}"),
            (SharedLimit.GUESSES, f"{what}:{client}"),
            (SharedLimit.GUESSES_OF_STRANGERS, what),
        )

    def of(self, account: str) -> str:
        """Return what the guesses at this account count under."""
        return f"{self.value.count}:{account}"


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
        digests = self._secret_keys.digests(f"known device:{guess.of(account)}")
        return (digest.hex()[:24] for digest in digests)
