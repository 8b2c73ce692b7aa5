"""HTTP's edges: HEAD wherever GET is, and bodies only of the kinds that a path takes (RFC 9110)."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.common.problems import ProblemError

JSON = "application/json"


class HeadAsGet:
    """Answer HEAD as GET is answered, without the body: monitors and link checkers ask so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.METHOD_NOT_ALLOWED:
                MutableHeaders(scope=message)["allow"] = ", ".join(sorted(_allowed(scope)))
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"} if is_head else scope, receive, answer)


def _allowed(scope: Scope) -> set[str]:
    """Return every method that a path takes: the router names those of its first route alone."""
    methods: set[str] = set()
    for route in iter_route_contexts(scope["app"].routes):
        if route.methods and route.path_regex.match(scope["path"]):
            methods |= route.methods
    if not methods:  # what is mounted are files
        methods = {"GET"}
    return methods | {"HEAD"} if "GET" in methods else methods


class JsonRoute(APIRoute):
    """A route of the API: what is sent without saying that it is JSON is refused as that, not as wrong JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            if request.method == "POST":
                check_content_type(request)
            return await handle(request)

        return checked


def check_content_type(request: Request, *taken: str) -> None:
    """Raise `ProblemError` (415) for a body of another kind than JSON, or what else is `taken`, or a compressed one."""
    coding = request.headers.get("content-encoding", "").strip().lower() or "identity"
    if coding != "identity":
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"圧縮された内容（Content-Encoding：{coding[:40]}）は受け付けていません。圧縮せずに送信してください。",
            headers={"Accept-Encoding": "identity"},
        )
    kinds = (JSON, *taken)
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent not in kinds and not (sent.startswith("application/") and sent.endswith("+json")):
        given = f"「{sent[:40]}」は受け付けていません。" if sent else "Content-Type が付いていません。"
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"{given}Content-Type に {' か '.join(kinds)} を付けて送信してください。",
            headers={"Accept": ", ".join(kinds)},
        )
