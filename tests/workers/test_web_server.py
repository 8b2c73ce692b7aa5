"""Who speaks for whom: a proxy only where a setting names it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request

from tests.support.running import PATIENCE
from web.common.auth import client_address
from workers import web_server
from workers.web_server import config

app = FastAPI()


@app.get("/")
async def who(request: Request) -> str:
    return client_address(request)


@pytest.mark.parametrize(
    ("named", "counted"),
    [
        (None, "127.0.0.1"),  # not even somebody on this machine
        ("", "127.0.0.1"),
        ("10.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9"),
        ("10.0.0.1,127.0.0.0/8", "203.0.113.9"),
    ],
)
async def test_nobody_is_believed_to_speak_for_another_client_unless_a_setting_names_them(
    monkeypatch: pytest.MonkeyPatch, named: str | None, counted: str
) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    if named is not None:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", named)
    served = config(app, "127.0.0.1", 8080)
    served.load()
    transport = httpx.ASGITransport(served.loaded_app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://web.test") as http:
        answer = await http.get("/", headers={"x-forwarded-for": "203.0.113.9"})
    assert answer.json() == counted


@pytest.mark.robustness("answers under trouble")
@pytest.mark.parametrize(
    "head", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nhost: web.test\r\nx-slow: y", b"\r\n"]
)
async def test_a_head_that_is_not_complete_in_time_ends_its_connection(
    monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    monkeypatch.setattr(web_server, "HEAD_WITHIN", 0.2)
    async with listening() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()
        writer.close()
        assert not answer or answer.startswith(b"HTTP/1.1 400 ")
        quick = await _get(port)
        assert quick.status_code == 200
        assert "server" not in quick.headers


NO_REQUESTS = (
    b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"x" * 100_000 + b"\r\n\r\n",
    b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * 20_000 + b"\r\n",
    b"GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nx: \0\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost : a\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET /\r\n\r\n",
    *(
        b"POST / HTTP/1.1\r\nhost: a\r\n" + header + b"\r\n\r\nxx"
        for header in (
            *(b"content-length: 1\r\ncontent-length: 2", b"content-length: 1, 2", b"content-length: +1"),
            *(b"content-length: -1", b"content-length: 0x1", b"content-length: " + b"9" * 30),
            *(b"transfer-encoding: gzip", b"transfer-encoding: chunked\r\ntransfer-encoding: chunked"),
        )
    ),
    b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\0" * 40,  # how TLS begins
)


@pytest.mark.robustness("edges of HTTP")
async def test_what_is_no_request_or_has_too_long_a_head_is_answered_so_and_ends_its_connection() -> None:
    async with listening() as port:
        for sent in NO_REQUESTS:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            answer = b""
            with contextlib.suppress(ConnectionResetError):  # the rest of what was sent is not read
                async with asyncio.timeout(PATIENCE):
                    while piece := await reader.read(1 << 16):
                        answer += piece
            writer.close()
            assert answer.startswith(b"HTTP/1.1 400 "), (sent[:80], answer)
        assert (await _get(port)).status_code == 200


@pytest.mark.robustness("answers under trouble")
async def test_connections_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "MOST_CONNECTIONS", 3)
    async with listening() as port:
        waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        await _until(port, 503)
        for _, writer in waiting:
            writer.close()
        await _until(port, 200)


async def _until(port: int, status: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await _get(port)).status_code != status:  # noqa: ASYNC110 the server has no event for it
            await asyncio.sleep(0.02)


async def _get(port: int) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.get(f"http://127.0.0.1:{port}/")


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[int]:
    server = uvicorn.Server(config(app, "127.0.0.1", 0))
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(PATIENCE):
            while not server.started:  # noqa: ASYNC110 uvicorn has no event for it
                await asyncio.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving
