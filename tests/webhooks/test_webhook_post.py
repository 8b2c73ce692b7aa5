"""One POST of a webhook: where it may go, and what counts as taken."""

import ssl
from asyncio import StreamReader, StreamWriter, create_subprocess_exec, start_server
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from activities.webhooks import http_post as webhook_post
from activities.webhooks.http_post import GoneError, HttpPoster, NotTakenError, Reach, not_posted, reach, signed
from tests.support.webhook_receiver import SECRET, Receiver, receiving

NOW = datetime.now(UTC)
MESSAGE = signed("msg_1", {"type": "office.closed"}, [SECRET], NOW)
ANYWHERE = HttpPoster(allow_private=True)


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_whatever_zone_the_clock_has_the_signature_is_of_the_moment() -> None:
    there = signed("msg_1", {"type": "office.closed"}, [SECRET], NOW.astimezone(timezone(timedelta(hours=9))))
    assert there == MESSAGE


async def test_the_path_and_the_name_reach_the_subscriber(receiver: Receiver) -> None:
    message = signed("msg_1", {"type": "office.closed"}, [SECRET], datetime.now(UTC))  # the receiver refuses old ones
    await ANYWHERE.post(receiver.url.replace("127.0.0.1", "localhost") + "/a%20b?key=%E3%81%82&x=1", message)
    [got] = receiver.got
    assert got.headers["host"].startswith("localhost:")
    assert got.headers["user-agent"] == "tetsuzuki"
    assert got.verified(SECRET) == {"type": "office.closed"}


@pytest.mark.robustness("final only when sure")
@pytest.mark.parametrize(
    "status", [300, 301, 303, 304, 307, 308, 400, 401, 404, 408, 421, 425, 429, 451, 500, 504, 599]
)
async def test_all_but_2xx_is_not_taken_and_no_redirect_is_followed(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    with pytest.raises(NotTakenError, match=f"HTTP {status}"):
        await ANYWHERE.post(receiver.url, MESSAGE)
    assert len(receiver.got) == 1


OK = b"HTTP/1.1 200 OK\r\n"
SAYING_YES = (
    OK + b"content-encoding: gzip\r\ncontent-length: 9999999999\r\n\r\nno gzip",
    OK + b"transfer-encoding: chunked\r\n\r\nno number",
    OK + b"location: http://169.254.169.254/\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + OK + b"\r\n",
    b"HTTP/1.1 226 IM Used\r\n\r\n",
    b"HTTP/1.1 204 \r\n\r\n",
)
"""The body is nobody's: it may be endless, or none."""
SAYING_NOTHING = (
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 X\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n",
    *(b"HTTP/1.1 999 X\r\n\r\n", b"HTTP/1.1 000 X\r\n\r\n", b"ICY 200 OK\r\n\r\n", b"HTTP/2 200\r\n\r\n"),
    *(b"", b"HTTP/1.1 20", b"<p>200 OK</p>", b"220 mail.example ESMTP\r\n", b"\x15\x03\x01\0\x02\x02\x0a"),
    *(OK + b"x: \0\r\n\r\n", OK + b"x: " + b"x" * 200_000 + b"\r\n\r\n"),
    OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\n",
)


@pytest.mark.robustness("final only when sure")
async def test_an_answer_counts_by_its_status_alone_and_what_is_none_is_tried_again() -> None:
    answers = [*SAYING_YES, *SAYING_NOTHING]

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        said = answers.pop(0)
        writer.write(said)
        if said in SAYING_YES:
            await reader.read()  # until the other side leaves: it waits for no more
        writer.close()

    async with await start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        for _ in SAYING_YES:
            await ANYWHERE.post(url, MESSAGE)
        for _ in SAYING_NOTHING:
            with pytest.raises(NotTakenError):
                await ANYWHERE.post(url, MESSAGE)


async def test_410_is_gone(receiver: Receiver) -> None:
    receiver.answers = [410]
    with pytest.raises(GoneError):
        await ANYWHERE.post(receiver.url, MESSAGE)


async def test_a_subscriber_that_never_answers_does_not_hold_us(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_post, "TIMEOUT", 0.3)
    receiver.hangs = True
    with pytest.raises(NotTakenError, match="秒以内に応答がありませんでした"):
        await ANYWHERE.post(receiver.url, MESSAGE)
    receiver.hangs = False


async def test_nobody_there_is_not_taken() -> None:
    with pytest.raises(NotTakenError, match="ConnectError"):
        await ANYWHERE.post("http://127.0.0.1:1/hook", MESSAGE)
    with pytest.raises(NotTakenError, match="アドレスが見つかりませんでした"):
        await ANYWHERE.post("https://nobody.invalid/hook", MESSAGE)


async def test_this_machine_is_out_of_reach_unless_it_is_allowed(receiver: Receiver) -> None:
    """Also by a name that means it: what is judged is the address that is connected to."""
    for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost")):
        with pytest.raises(NotTakenError, match="TETSUZUKI_WEBHOOK_ALLOW_PRIVATE"):
            await HttpPoster(allow_private=False).post(url, MESSAGE)
    assert receiver.got == []


async def test_public_addresses_take_https_only_and_machines_secrets_are_never_reached() -> None:
    for poster in (ANYWHERE, HttpPoster(allow_private=False)):
        with pytest.raises(NotTakenError, match="https でだけ"):
            await poster.post("http://8.8.8.8/hook", MESSAGE)
        with pytest.raises(NotTakenError, match="送信してはならない"):
            await poster.post("http://169.254.169.254/latest", MESSAGE)


@pytest.mark.robustness("hosts")
@pytest.mark.parametrize(
    ("expected", "addresses"),
    [
        (Reach.PUBLIC, "8.8.8.8 2606:4700::1111 ::ffff:8.8.8.8"),
        (Reach.PRIVATE, "127.0.0.1 127.9.9.9 ::1 10.0.0.1 172.16.0.1 192.168.1.1 fd00::1 ::ffff:10.0.0.1 100.64.0.1"),
        (Reach.NOBODY, "168.63.129.16 192.0.0.192 100.100.100.200 fd00:ec2::254 fd20:ce::254 ::ffff:168.63.129.16"),
        (Reach.NOBODY, "169.254.169.254 fe80::1%eth0 0.0.0.0 :: 224.0.0.1 240.0.0.1 64:ff9b::a00:1 2002:a00:1::"),
    ],
)
def test_who_means_the_same_machine_by_an_address(expected: Reach, addresses: str) -> None:
    assert {address: reach(address) for address in addresses.split()} == dict.fromkeys(addresses.split(), expected)


async def test_tls_is_checked_by_the_subscribers_name(tmp_path: Path) -> None:
    """Though the connection is made to an address."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    asked = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    making = await create_subprocess_exec(
        "openssl", *asked.split(), "-keyout", key, "-out", certificate, stderr=DEVNULL
    )
    assert await making.wait() == 0
    async with receiving(ssl_certfile=certificate, ssl_keyfile=key) as receiver:
        by_address = receiver.url.replace("http:", "https:")
        by_name = by_address.replace("127.0.0.1", "localhost")
        trusting = HttpPoster(allow_private=True, tls=ssl.create_default_context(cafile=str(certificate)))
        await trusting.post(by_name, MESSAGE)
        for poster, url in ((trusting, by_address), (ANYWHERE, by_name)):
            with pytest.raises(NotTakenError, match="ConnectError"):
                await poster.post(url, MESSAGE)
        assert len(receiver.got) == 1


ENGLISH = "[SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer certificate"


@pytest.mark.robustness("words of the machinery")
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ConnectError(ENGLISH), "接続できませんでした（ConnectError）"),
        (httpx.ConnectTimeout(ENGLISH), "時間内に応答がありませんでした（ConnectTimeout）"),
        (httpx.ReadError(ENGLISH), "通信が途中で切れました（ReadError）"),
        (httpx.RemoteProtocolError(ENGLISH), "応答を読み取れませんでした（RemoteProtocolError）"),
        (OSError(101, ENGLISH), "送信できませんでした（OSError）"),
        (UnicodeError(ENGLISH), "送信できませんでした（UnicodeError）"),
    ],
    ids=str,
)
def test_why_a_message_was_not_taken_is_said_in_japanese(error: Exception, said: str) -> None:
    assert str(not_posted(error)) == said
