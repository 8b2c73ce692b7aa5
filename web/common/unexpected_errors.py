"""What nobody expected: answered like everything else, and logged without what was being handled."""

import logging
import traceback
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.common.security_log import current_request

_log = logging.getLogger(__name__)


class Unexpected:
    """Answer an error that no handler knows, inside of what protects answers.

    An error's text may hold what somebody has typed, so the log gets its types and places only.
    """

    def __init__(self, app: ASGIApp, answer: Callable[[Request, Exception], Response]) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            if scope["type"] != "http":
                raise
            request = current_request()
            request_id = request.request_id if request else "unknown"
            _log.error("%s %s failed, request %s\n%s", scope["method"], scope["path"], request_id, places_of(error))
            if begun:
                raise ConnectionAbortedError("the answer had begun") from None
            await self._answer(Request(scope), error)(scope, receive, send)


def places_of(error: BaseException) -> str:
    """Return the types of an error and of its causes, each with the lines it came through; no error's own text."""
    lines: list[str] = []
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        lines += [type(each).__qualname__, *(line.rstrip() for line in traceback.format_tb(each.__traceback__))]
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return "\n".join(lines)
