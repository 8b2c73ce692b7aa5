"""Forms that only our own pages can send: a signed double-submit token against forged requests.

A page's form carries, signed and with its time, the hash of cookies: the one given to every browser that is shown a
form, and those of its sessions. Another site can neither read the cookies nor sign; a token of another browser, of
another session or of yesterday does not fit.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta

from itsdangerous import BadSignature, TimestampSigner
from markupsafe import Markup
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.doors.cookies import Cookie

FIELD = "csrf"
VALID = timedelta(hours=12)
"""As long as the longest session."""
_NEW_SEED = "new form seed"


class Forms:
    """Marks forms and recognises them."""

    def __init__(self, secret_key: str, session_cookies: Sequence[Cookie], *, https: bool) -> None:
        self._signer = TimestampSigner(secret_key, salt="form", digest_method=hashlib.sha256)
        self._sessions = session_cookies
        self._cookie = Cookie("form", https=https)

    def field(self, request: HTTPConnection) -> Markup:
        """Return the hidden field that every form with method=post holds."""
        seed = self._cookie.read(request) or request.scope["state"].setdefault(_NEW_SEED, secrets.token_urlsafe(32))
        token = self._signer.sign(self._bound(request, seed)).decode()
        return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token)

    def knows(self, request: HTTPConnection, token: object) -> bool:
        """Whether the token stands in a form that this browser was shown, not too long ago."""
        seed = self._cookie.read(request)
        try:
            bound = self._signer.unsign(str(token), max_age=int(VALID.total_seconds()))
        except BadSignature:
            return False
        return bool(seed) and hmac.compare_digest(bound, self._bound(request, seed).encode())

    def _bound(self, request: HTTPConnection, seed: str) -> str:
        bound_to = [seed, *(cookie.read(request) for cookie in self._sessions)]
        return hashlib.sha256("\n".join(bound_to).encode()).hexdigest()

    def give_cookie(self, scope: Scope, message: Message) -> None:
        """Add the cookie to an answer whose page has a form, for a browser that has none yet."""
        if seed := scope["state"].get(_NEW_SEED):
            made = Response()
            self._cookie.write(made, seed)
            MutableHeaders(scope=message).append("set-cookie", made.headers["set-cookie"])


class FormCookies:
    """Gives browsers the cookie that their forms are bound to."""

    def __init__(self, app: ASGIApp, forms: Forms) -> None:
        self._app = app
        self._forms = forms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._forms.give_cookie(scope, message)
            await send(message)

        if scope["type"] == "http":
            scope.setdefault("state", {})
        await self._app(scope, receive, with_cookie)
