"""Forms of other sites are refused: a browser says itself where what it sends comes from (Fetch Metadata, `Origin`)."""

from http import HTTPStatus

import httpx
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from web.common.problems import SYSTEMS, ProblemAnswer, ProblemError

FOREIGN_FORM = (
    "安全のため、このフォームは受け付けられませんでした。このサイトのページから送信されたことを確認できません。"
    "ブラウザーを最新のものに更新し、フォームをもう一度開いて入力してください。入力内容は送信されていません。"
)
_CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
"""The methods that any page answers to; others are refused by the router."""


class Csrf:
    """Refuse with 403 what another site makes a browser send (cross-site request forgery), signing in included.

    No page can set the two headers that are looked at. Browsers send `Sec-Fetch-Site` since 2023, but only over TLS and
    to their own machine; all else depends on `Origin`. Whoever sends neither is refused: current browsers always do.
    Systems send no cookies, and prove by keys and signatures who they are: their paths are let through.
    """

    def __init__(
        self, app: ASGIApp, *, answer: ProblemAnswer, public_url: str, systems: tuple[str, ...] = SYSTEMS
    ) -> None:
        """`systems`: what the paths of other systems begin with."""
        self._app = app
        self._answer = answer
        self._systems = systems
        url = httpx.URL(public_url)
        self._origin = f"{url.scheme}://{url.netloc.decode()}"
        """As browsers write it: in small ASCII letters, without a port that is the scheme's own."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._passes(scope["method"], scope["path"], Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        foreign = ProblemError(HTTPStatus.FORBIDDEN, FOREIGN_FORM)
        await self._answer(Request(scope), foreign)(scope, receive, send)

    def _passes(self, method: str, path: str, headers: Headers) -> bool:
        if method not in _CHANGING or path.startswith(self._systems):
            return True
        if site := headers.get("sec-fetch-site"):
            return site in {"same-origin", "none"}  # none: the visitor's own doing, such as sending a page again
        return headers.get("origin") == self._origin
