"""Who may come in: what pages ask for before they do anything."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from models.common.calendar import utc_now
from models.common.password_hashing import Hashing
from models.common.secret_keys import SecretKeys
from models.common.security_log import SecurityEvent, account_hash, security_event
from models.common.store.sessions import DatabaseSessions
from web.common.auth.guesses import Devices, Guess
from web.common.auth.rate_limits import Limit, Limits, SharedLimit, Try, client_address
from web.common.problems import ProblemError
from web.common.sent_forms import PageRoute, SignInNeededError, sign_in_address

MAX_FIELDS = 600
"""More than the longest form has: 500 cases that an operator has chosen."""
UNREADABLE_FORM = "フォームを読み取れませんでした。お手数ですが、フォームを開き直してください。"
HOME = "/"


class Auth:
    """What all pages share: known devices, limits and password hashing."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        *,
        secret_keys: SecretKeys,
        https: bool,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.https = https
        self.hashing = Hashing()
        self.devices = Devices(secret_keys, https=https)
        self._limits = Limits(sessions, secret_keys, now)
        self.limit_kept_forms = self._limits.count_kept_forms

    def open_on(self, app: FastAPI) -> None:
        """Lead those who must sign in to where that is done."""
        app.add_exception_handler(SignInNeededError, to_sign_in)

    async def limit(self, limit: Limit, of: str) -> None:
        """Count one try. Raises `ProblemError` (429, with Retry-After) once there were too many."""
        await self._limits.count((limit, of))

    async def limit_all(self, *tries: Try, instead: str = "") -> None:
        """Count each of these tries, or none of them. Raises as `limit`; `instead`: what who is refused can do."""
        await self._limits.count(*tries, instead=instead)

    async def limit_mails(self, request: Request, mails: Guess, address: str, daily: Limit) -> None:
        """Count a mail to this address that anybody can ask for. Raises as `limit`.

        `mails`: as what a device is known on which a link in a mail was opened.
        A device on which a link in a mail to the address was opened counts by itself: what strangers have asked for
        never keeps its owner out.
        """
        if known := self.devices.known(request, mails, address):
            await self.limit(SharedLimit.MAIL, f"known {known} {address}")
            return
        by_client = (SharedLimit.MAIL, f"{client_address(request)} {address}")
        await self.limit_all(by_client, (daily, address), instead=mails.owner_can)

    async def within(self, *tries: Try) -> bool:
        """Count each of these tries, or none of them; return whether they were counted."""
        try:
            await self._limits.count(*tries)
        except ProblemError:
            return False
        return True

    @asynccontextmanager
    async def trying(self, *tries: Try, instead: str = "") -> AsyncIterator[None]:
        """Count tries before what they ask for is looked at, and take them back unless the block raises.

        Raises as `limit`; `instead`: what can be done at once by who is refused.
        """
        counted = await self._limits.count(*tries, instead=instead)
        yield
        await self._limits.take_back(counted)

    def guessing(
        self, request: Request, guess: Guess, account: str, *, signed_in: str | None = None
    ) -> AbstractAsyncContextManager[None]:
        """Count a guess as `web.common.auth.guesses` says; the block raises if it is wrong.

        `signed_in`: who is signed in as the one whom the account belongs to; they count by themselves.
        """
        known = signed_in or self.devices.known(request, guess, account)
        tries = guess.tries(account, client_address(request), known)
        return _noting_wrong(guess, account, self.trying(*tries, instead=guess.owner_can))

    async def trust(self, request: Request, response: Response, guess: Guess, account: str) -> None:
        """Know this browser for the account, whose owner has just shown that they read its mails.

        What strangers have guessed wrong no longer counts.
        """
        self.devices.remember(request, response, guess, account)
        await self._limits.clear(SharedLimit.GUESSES_OF_STRANGERS, guess.of(account))

    async def forget(self) -> None:
        """Delete counts that are over."""
        await self._limits.forget()


@asynccontextmanager
async def _noting_wrong(guess: Guess, account: str, trying: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
    """Write down a guess that was wrong; one that there were too many of is written down as what it is answered."""
    async with trying:
        try:
            yield
        except Exception:
            security_event(SecurityEvent.GUESS, "wrong", secret=guess.value.count, account=account_hash(account))
            raise


async def readable_form(request: Request) -> None:
    """Dependency of every page: a form that is sent can be read (else 400)."""
    await _check(request, files=0)


async def readable_form_with_file(request: Request) -> AsyncIterator[None]:
    """Dependency of a page whose form holds one file: the same, for a form that browsers send in the other way."""
    try:
        await _check(request, files=1)
        yield
    finally:
        await request.close()


def page_router(*, files: int = 0) -> APIRouter:
    """Return a router for pages: none is in the API's description, and each form can be read and is answered by 303.

    `files`: how many files a form may hold; browsers send such a form in the other way.
    """
    readable = readable_form_with_file if files else readable_form
    return APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[Depends(readable)])


async def _check(request: Request, *, files: int) -> None:
    if request.method in {"GET", "HEAD"}:
        return
    # Our forms are sent in the one ordinary way. The other lets the sender choose any of Python's codecs, some of
    # which fail, and some of which make halves of characters that can neither be stored nor shown.
    sent_as = request.headers.get("content-type", "").strip().lower()
    if sent_as.startswith("multipart/") and (not files or "charset" in sent_as):
        raise ProblemError(HTTPStatus.BAD_REQUEST, UNREADABLE_FORM)
    try:
        # Starlette keeps it: the page reads the same form again.
        sent = await request.form(max_files=files, max_fields=MAX_FIELDS)
    except HTTPException:
        raise ProblemError(HTTPStatus.BAD_REQUEST, UNREADABLE_FORM) from None
    # Postgres keeps no NUL, and nobody types one: neither in a name, nor in any of several values of one name.
    if any("\0" in name or "\0" in str(value) for name, value in sent.multi_items()):
        raise ProblemError(HTTPStatus.BAD_REQUEST, UNREADABLE_FORM)


def local_path(path: str) -> str:
    """Return the path if it lies on this site, else the home page: nobody is sent elsewhere from here."""
    is_local = path.startswith("/") and not path.startswith("//") and path.isprintable() and "\\" not in path
    return path if is_local else HOME


async def to_sign_in(request: Request, needed: Exception) -> Response:
    if not isinstance(needed, SignInNeededError):
        return RedirectResponse(HOME, HTTPStatus.SEE_OTHER)
    # As it was sent: a path that was decoded may be another one.
    path: str = request.scope["raw_path"].partition(b"?")[0].decode("ascii", "replace")
    asked = path + (f"?{request.url.query}" if request.url.query else "")
    place = sign_in_address(needed, asked if needed.there is None else needed.there)
    return RedirectResponse(place, HTTPStatus.SEE_OTHER)
