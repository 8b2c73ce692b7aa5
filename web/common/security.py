"""What every answer is protected by: security headers, and logs without secrets."""

import logging

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.common.security_log import current_request

_POLICY = "Content-Security-Policy"
_HEADERS = {
    _POLICY: (
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

    def __init__(self, app: ASGIApp, *, https: bool, frames: bool = False) -> None:
        """`https`: people reach the web over TLS, and browsers are instructed never to come without it.

        `frames`: whether pages may show others of the same origin within them.
        """
        self._app = app
        self._headers = _HEADERS | (_OVER_TLS if https else {})
        if frames:
            self._headers |= {_POLICY: f"{_HEADERS[_POLICY]}; frame-src 'self'"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


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
