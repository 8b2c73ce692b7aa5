"""What is read of a request: who asks first, then how much, for how long, and how many at once."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from web.common.body_limit import LARGE_AT_ONCE, MAX_BODY_BYTES, BodyLimit, LargerBodies
from web.common.problems import ProblemError

TROUBLE = pytest.mark.robustness("answers under trouble")
MOST = 5_000_000


class Sender:
    """Sends a body in pieces, as slowly as it likes, and keeps what comes back."""

    def __init__(
        self, *pieces: bytes, path: str = "/files", method: str = "POST", announced: int | None = None
    ) -> None:
        self._pieces = list(pieces)
        self.asked = 0
        self.got: list[Message] = []
        headers = [] if announced is None else [(b"content-length", str(announced).encode())]
        self.scope: Scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": b""}
        self.ends = True

    async def receive(self) -> Message:
        self.asked += 1
        if not self._pieces:
            if not self.ends:
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}
        body = self._pieces.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self._pieces) or not self.ends}

    async def send(self, message: Message) -> None:
        self.got.append(message)

    @property
    def status(self) -> int:
        return int(self.got[0]["status"])


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await Response(f"{len(body)} {hash(body)}")(scope, receive, send)


def limit(*, is_known: bool = True, read_within: float = 60.0, app: Callable[..., object] = echo) -> BodyLimit:
    async def refuses(_: Request) -> ProblemError | None:
        return None if is_known else ProblemError(HTTPStatus.UNAUTHORIZED, "who?")

    def answer(_: Request, problem: Exception) -> Response:
        assert isinstance(problem, ProblemError)
        return JSONResponse({}, problem.status, headers=problem.headers)

    return BodyLimit(
        app,  # type: ignore[arg-type]
        answer=answer,
        larger={"/files": LargerBodies(MOST, refuses)},
        refuses={"/api/": refuses},
        read_within=read_within,
    )


@TROUBLE
@pytest.mark.parametrize("sizes", [[], [0], [1], [MAX_BODY_BYTES], [MAX_BODY_BYTES, 1], [100_000] * 20, [3, 0, 4]])
async def test_what_is_taken_comes_whole(sizes: list[int]) -> None:
    pieces = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    sender = Sender(*(pieces or [b""]))
    await limit()(sender.scope, sender.receive, sender.send)
    whole = b"".join(pieces)
    assert sender.got[1]["body"] == f"{len(whole)} {hash(whole)}".encode()


@TROUBLE
async def test_of_a_stranger_s_large_body_only_the_beginning_is_read() -> None:
    sender = Sender(*[b"x" * 30_000] * 100)
    await limit(is_known=False)(sender.scope, sender.receive, sender.send)
    assert (sender.status, sender.asked) == (401, MAX_BODY_BYTES // 30_000 + 1)


@TROUBLE
@pytest.mark.parametrize("path", ["/api/events", "/api/bounces", "/api/applications"])
async def test_of_an_unknown_system_nothing_is_read(path: str) -> None:
    sender = Sender(b"x", path=path)
    await limit(is_known=False)(sender.scope, sender.receive, sender.send)
    assert (sender.status, sender.asked) == (401, 0)
    reading = Sender(b"", path=path, method="GET")
    await limit(is_known=False)(reading.scope, reading.receive, reading.send)
    assert reading.status == 200


@TROUBLE
@pytest.mark.parametrize(("path", "most"), [("/files", MOST), ("/apply", MAX_BODY_BYTES)])
async def test_what_is_too_large_is_refused_announced_or_not(path: str, most: int) -> None:
    announced = Sender(b"x", path=path, announced=most + 1)
    await limit()(announced.scope, announced.receive, announced.send)
    assert (announced.status, announced.asked) == (413, 0)
    unannounced = Sender(*[b"x" * 60_000] * (most // 60_000 + 2), path=path, announced=1)
    await limit()(unannounced.scope, unannounced.receive, unannounced.send)
    assert unannounced.status == 413


@TROUBLE
@pytest.mark.parametrize("pieces", [[], [b"a"], [b"x" * 200_000]])
async def test_a_body_that_never_ends_is_given_up(pieces: list[bytes]) -> None:
    sender = Sender(*pieces)
    sender.ends = False
    await limit(read_within=0.05)(sender.scope, sender.receive, sender.send)
    assert sender.status == 408


@TROUBLE
async def test_only_some_large_bodies_come_at_once_and_their_places_are_free_again() -> None:
    limited = limit(read_within=0.5)
    slow = [Sender(b"x" * 100_000) for _ in range(LARGE_AT_ONCE)]
    for sender in slow:
        sender.ends = False
    waiting = [asyncio.create_task(limited(each.scope, each.receive, each.send)) for each in slow]
    while any(each.asked < 2 for each in slow):  # noqa: ASYNC110 nothing else says so
        await asyncio.sleep(0)
    one_more = Sender(b"x" * 100_000)
    await limited(one_more.scope, one_more.receive, one_more.send)
    assert one_more.status == 503
    small = Sender(b"x")
    await limited(small.scope, small.receive, small.send)
    assert small.status == 200
    await asyncio.gather(*waiting)
    assert {each.status for each in slow} == {408}
    again = Sender(b"x" * 100_000)
    await limited(again.scope, again.receive, again.send)
    assert again.status == 200
