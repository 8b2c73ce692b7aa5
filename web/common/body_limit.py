"""What is read of a request before anything acts on it: who asks first, then how much, for how long, and how many."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from tempfile import SpooledTemporaryFile

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.common.problems import ProblemAnswer, ProblemError

MAX_BODY_BYTES = 64 * 1024
"""Twenty offices with everything filled in take less than a tenth of it."""
READ_WITHIN = 60.0
"""Seconds for a whole body; 5 MB come within it over a line of 0.7 Mbit/s."""
LARGE_AT_ONCE = 8
"""Bodies of more than `MAX_BODY_BYTES`; each lies on disk while it comes."""
_CHUNK = 64 * 1024
_WITHOUT_BODY = {"GET", "HEAD"}

TOO_SLOW = "送信に時間がかかりすぎたため、受け付けを止めました。通信の状態を確認して、もう一度送信してください。"
TOO_MANY = "大きなファイルの送信が重なっています。しばらくしてから、もう一度送信してください。"

RefusesWhoAsks = Callable[[Request], Awaitable[ProblemError | None]]
"""Says by the head of a request alone why its body is not read; None: it is."""


@dataclass(frozen=True)
class LargerBodies:
    """A path to which more may be sent, by whom."""

    most: int
    """Bytes."""
    refuses: RefusesWhoAsks


class BodyLimit:
    """Refuse bodies of more than `MAX_BODY_BYTES` with 413, whether or not their length was announced.

    `larger`: paths to which more may be sent. `refuses`: what the paths of other systems begin with, and who is refused
    there, before any of the body is read.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        answer: ProblemAnswer,
        larger: Mapping[str, LargerBodies],
        refuses: Mapping[str, RefusesWhoAsks] | None = None,
        read_within: float = READ_WITHIN,
    ) -> None:
        self._app = app
        self._answer = answer
        self._larger = larger
        self._refuses = dict(refuses or {})
        self._read_within = read_within
        self._large = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        with SpooledTemporaryFile(max_size=MAX_BODY_BYTES) as body:
            try:
                await self._refuse(request, self._refuses_for(scope["path"]))
                async with asyncio.timeout(self._read_within):
                    ended = await self._read(request, receive, body)
            except TimeoutError:
                problem = ProblemError(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW, headers={"Connection": "close"})
                await self._answer(request, problem)(scope, receive, send)
                return
            except ProblemError as problem:
                await self._answer(request, problem)(scope, receive, send)
                return
            body.seek(0)
            again = _messages(body, ended)

            async def replay() -> Message:
                return await anext(again, None) or await receive()

            await self._app(scope, replay, send)

    def _refuses_for(self, path: str) -> RefusesWhoAsks | None:
        return next((refuses for prefix, refuses in self._refuses.items() if path.startswith(prefix)), None)

    async def _refuse(self, request: Request, refuses: RefusesWhoAsks | None) -> None:
        if refuses and request.method not in _WITHOUT_BODY and (problem := await refuses(request)):
            raise problem

    async def _read(self, request: Request, receive: Receive, body: "SpooledTemporaryFile[bytes]") -> Message:
        """Read the whole body; return the message with which it ended. Raises `ProblemError`."""
        larger = self._larger.get(request.url.path)
        most = larger.most if larger else MAX_BODY_BYTES
        announced = request.headers.get("content-length", "0")
        size = 0
        _check_size(int(announced) if announced.isdecimal() else 0, most)
        is_large = False
        try:
            while True:
                message = await receive()
                chunk = message.get("body", b"")
                size += len(chunk)
                _check_size(size, most)
                if size > MAX_BODY_BYTES and larger and not is_large:
                    await self._refuse(request, larger.refuses)
                    self._begin_large()
                    is_large = True
                body.write(chunk)
                if not message.get("more_body", False):
                    return message
        finally:
            self._large -= is_large

    def _begin_large(self) -> None:
        if self._large >= LARGE_AT_ONCE:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, TOO_MANY)
        self._large += 1


def _check_size(size: int, most: int) -> None:
    if size > most:
        limit = f"{most // 1024} KB 以内で送信してください。"
        raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, limit)


async def _messages(body: "SpooledTemporaryFile[bytes]", ended: Message) -> AsyncIterator[Message]:
    if ended["type"] != "http.request":  # whoever sent it has gone
        yield ended
        return
    chunk = body.read(_CHUNK)
    while following := body.read(_CHUNK):
        yield {"type": "http.request", "body": chunk, "more_body": True}
        chunk = following
    yield {"type": "http.request", "body": chunk, "more_body": False}
