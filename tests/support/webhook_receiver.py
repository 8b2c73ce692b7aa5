"""A subscriber: a real HTTP server that keeps what it gets and answers as the test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from standardwebhooks import Webhook

from tests.support.running import PATIENCE
from tests.support.serving import served

SECRET = "whsec_" + "QUJD" * 11 + "QQ=="
OLD_SECRET = "whsec_" + "REVG" * 11 + "RA=="


@dataclass
class Got:
    """One POST."""

    headers: dict[str, str]
    body: str

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> object:
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Answers with the statuses of `answers` in turn, then 204. `hangs`: takes the message and says nothing."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    hangs: bool = False

    async def take(self, request: Request) -> Response:
        self.got.append(Got(dict(request.headers), (await request.body()).decode()))
        while self.hangs:  # noqa: ASYNC110 the test says when it ends
            await asyncio.sleep(0.02)
        status = self.answers.pop(0) if self.answers else 204
        return Response(status_code=status, headers={"location": f"{self.url}/elsewhere"} if status == 307 else None)

    async def has(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.got) < count:  # noqa: ASYNC110 another task takes them
                await asyncio.sleep(0.02)


@asynccontextmanager
async def receiving(**options: Any) -> AsyncIterator[Receiver]:
    """Receive; `options` are uvicorn's."""
    receiver = Receiver()
    app = FastAPI()
    app.add_api_route("/{path:path}", receiver.take, methods=["GET", "POST"])
    async with served(app, **options) as address:
        receiver.url = f"{address}/hook"
        yield receiver
