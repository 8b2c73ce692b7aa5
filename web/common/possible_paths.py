"""Paths that lead nowhere, whatever they begin with."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


class PossiblePaths:
    """Answer a path that holds NUL before any page sees it: no database can be asked about what is named so."""

    def __init__(self, app: ASGIApp, *, answer: Callable[[Request, Exception], Response]) -> None:
        """Take what answers that there is no such page."""
        self._app, self._answer = app, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "\0" in scope["path"]:
            await self._answer(Request(scope), ValueError(scope["path"]))(scope, receive, send)
        else:
            await self._app(scope, receive, send)
