"""What every answer is protected by: a limit on what is read, security headers, and logs without secrets."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.common.security_log import current_request
from web.common.problems import ProblemAnswer, ProblemError

MAX_BODY_BYTES = 64 * 1024
"""Twenty offices with everything filled in take less than a tenth of it."""

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # links to case pages hold their key
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_OVER_TLS = {"Strict-Transport-Security": "max-age=31536000"}


class SecurityHeaders:
    """Add the security headers to every answer that does not set its own."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        """`https`: applicants reach the web over TLS, and browsers are instructed never to come without it."""
        self._app = app
        self._headers = _HEADERS | (_OVER_TLS if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


class BodyLimit:
    """Refuse bodies of more than `MAX_BODY_BYTES` with 413, whether or not their length was announced.

    `larger`: paths to which more may be sent, and how many bytes.
    """

    def __init__(self, app: ASGIApp, *, answer: ProblemAnswer, larger: Mapping[str, int]) -> None:
        self._app = app
        self._answer = answer
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._larger.get(scope["path"], MAX_BODY_BYTES)
        # A body this small is read whole before anything acts on it; so is every body that is accepted.
        received: list[Message] = []
        size = 0
        while True:
            message = await receive()
            received.append(message)
            size += len(message.get("body", b""))
            if size > most:
                limit = f"{most // 1024} KB 以内で送信してください。"
                too_large = ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, limit)
                await self._answer(Request(scope), too_large)(scope, receive, send)
                return
            if not message.get("more_body", False):
                break
        again = iter(received)

        async def replay() -> Message:
            return next(again, None) or await receive()

        await self._app(scope, replay, send)


class WithoutPeople(logging.Filter):
    """Keep who asked, and what comes after `?`, out of uvicorn's access log: links hold their keys there.

    In the place of the address stands what the security log knows the client by, and the request's id.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple) and record.args:
            _client, *facts = record.args
            request = current_request()
            who = f"{request.client} {request.request_id}" if request else "-"
            record.args = (who, *(fact.partition("?")[0] if isinstance(fact, str) else fact for fact in facts))
        return True
