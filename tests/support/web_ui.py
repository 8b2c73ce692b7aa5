"""In the place of the Temporal Web UI: a server that writes down what it is asked, and answers as it is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from tests.support.serving import served

SAFE = (
    "base-uri 'self'; default-src 'none'; style-src 'nonce-1'; script-src 'nonce-1'; frame-ancestors 'self'; "
    "form-action 'none'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox;"
)
"""What the Web UI says of the frame that shows a case's text."""
ITS_SETTINGS = {"Version": "2.54.1", "WorkflowCancelDisabled": False, "WorkflowUpdateDisabled": False, "Codec": {}}


@dataclass
class AskedOfWebUi:
    """One request that it got."""

    method: str
    path: str
    """As it was sent, with its query."""
    headers: dict[str, str]
    body: bytes


@dataclass
class SmallWebUi:
    """The server, and what it was asked."""

    address: str = ""
    policy: str | None = SAFE
    asked: list[AskedOfWebUi] = field(default_factory=list)

    @property
    def last(self) -> AskedOfWebUi:
        return self.asked[-1]

    async def answer(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode()
        query = request.scope["query_string"].decode()
        whole = f"{path}?{query}" if query else path
        self.asked.append(AskedOfWebUi(request.method, whole, dict(request.headers), await request.body()))
        if path == "/render":
            return Response("<p>", headers={"content-security-policy": self.policy} if self.policy else {})
        answer = JSONResponse(ITS_SETTINGS if path == "/api/v1/settings" else {"asked": "for"})
        answer.set_cookie("_csrf", "of the Web UI")
        answer.headers["x-frame-options"] = "SAMEORIGIN"
        return answer


@asynccontextmanager
async def small_web_ui() -> AsyncIterator[SmallWebUi]:
    web_ui = SmallWebUi()
    app = FastAPI(openapi_url=None)
    app.add_api_route("/{path:path}", web_ui.answer, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    async with served(app, http="h11", h11_max_incomplete_event_size=1024 * 1024) as address:
        web_ui.address = address
        yield web_ui
