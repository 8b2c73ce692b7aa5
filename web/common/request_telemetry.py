"""Each request is counted and measured by the template of its route, and begins a trace of its own."""

import re
import time

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.common.case_context import about_case
from models.common.security_log import current_request
from web.common.measures import METHODS, NO_ROUTE, count_request

_FAILED = 500
_CASE_NO = re.compile("[A-Za-z0-9-]{1,40}")
"""Whatever else is typed into an address could be somebody's."""
_QUIET = frozenset({"/healthz", "/readyz"})
"""Asked every few seconds by machines: they are counted and not traced."""


class RequestTelemetry:
    """Measures requests. Nothing that the client sends is believed: its trace could be anybody's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), _FAILED
        tracer = trace.get_tracer("tetsuzuki") if scope["path"] not in _QUIET else trace.NoOpTracer()
        method = scope["method"] if scope["method"] in METHODS else "other"
        with tracer.start_as_current_span(
            method, Context(), SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:

            async def noting(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    case_no = scope.get("path_params", {}).get("case_no", "")
                    if _CASE_NO.fullmatch(case_no):
                        about_case(case_no)
                await send(message)

            try:
                await self._app(scope, receive, noting)
            finally:
                route = route_of(scope)
                count_request(method, route, status, time.perf_counter() - began)
                if span.is_recording():
                    request = current_request()
                    span.update_name(f"{method} {route}")
                    span.set_attributes({"http.route": route, "http.response.status_code": status})
                    span.set_attribute("tetsuzuki.request", request.request_id if request else "")
                    if status >= _FAILED:
                        span.set_status(Status(StatusCode.ERROR))


def route_of(scope: Scope) -> str:
    """Return the template of the route that has answered, such as `/desk/cases/{case_no}`."""
    path = getattr(scope.get("route"), "path", None)
    return str(path) if path else NO_ROUTE
