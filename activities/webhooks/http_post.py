"""One signed POST of a webhook message: where it may go, how it is signed, and what the response means."""

import asyncio
import json
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Protocol

import httpx
from standardwebhooks import Webhook

TIMEOUT = 20.0
"""Seconds for the whole attempt."""
GONE = 410


class NotTakenError(Exception):
    """The subscriber has not taken the message; the text says why in Japanese, without what the response said."""


class GoneError(NotTakenError):
    """The subscriber wants no more messages (410)."""


@dataclass(frozen=True)
class SignedMessage:
    """What is sent: the body as it was signed, and the headers of Standard Webhooks."""

    body: str
    headers: dict[str, str]


def signed(message_id: str, payload: dict[str, Any], secrets: Sequence[str], now: datetime) -> SignedMessage:
    """Sign with every secret, so that a subscriber may change its own at any time during a rotation."""
    at = now.astimezone(UTC)  # the library takes any time for one in UTC
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    signatures = " ".join(Webhook(secret).sign(message_id, at, body) for secret in secrets)
    return SignedMessage(
        body,
        {
            "content-type": "application/json",
            "user-agent": "tetsuzuki",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signatures,
        },
    )


class Poster(Protocol):
    """Whatever delivers a message to a subscriber."""

    async def post(self, url: str, message: SignedMessage) -> None:
        """Return when it is taken (2xx). Raises `GoneError` and `NotTakenError`."""


class Reach(StrEnum):
    """Who means the same machine by an address."""

    PUBLIC = "everybody on the internet"
    PRIVATE = "this machine or its network"
    NOBODY = "nobody that messages are for"


_TRANSITION = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""IPv6 addresses that hold IPv4 ones, which might be private."""
_CLOUDS = tuple(
    map(
        ip_network,
        ("168.63.129.16/32", "192.0.0.192/32", "100.100.100.200/32", "fd00:ec2::/32", "fd20:ce::/32"),
    )
)
"""Where clouds serve their machines, secrets among it, at addresses of no special kind: Azure, Oracle, Alibaba, AWS,
Google."""


def reach(address: str) -> Reach:
    """Judge an address. Link-local ones are nobody's: clouds serve secrets of their machines there."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if ip.is_loopback:
        return Reach.PRIVATE
    if ip.is_multicast or ip.is_link_local or ip.is_unspecified or ip.is_reserved:
        return Reach.NOBODY
    if any(ip in network for network in (*_TRANSITION, *_CLOUDS)):
        return Reach.NOBODY
    return Reach.PUBLIC if ip.is_global else Reach.PRIVATE


@cache
def _trusted() -> ssl.SSLContext:
    """Read whom this machine trusts, and what `SSL_CERT_FILE` says; it takes a while, so once."""
    return httpx.create_ssl_context()


class HttpPoster:
    """Posts by HTTP: no redirect is followed, and no proxy of the environment is used.

    Only https to public addresses; with `allow_private` also http, and https, to this machine and its network: whoever
    adds a subscriber must not be able to reach what only this network can (SSRF). The address that was judged is the
    one that is connected to, whatever the name resolves to afterwards.
    """

    def __init__(self, *, allow_private: bool, tls: ssl.SSLContext | None = None) -> None:
        self._allow_private = allow_private
        self._tls = tls or _trusted()

    async def post(self, url: str, message: SignedMessage) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                status = await self._send(httpx.URL(url), message)
        except TimeoutError:
            raise NotTakenError(f"{TIMEOUT:.0f} 秒以内に応答がありませんでした") from None
        except (httpx.HTTPError, OSError) as error:
            raise not_posted(error) from error
        if status == GONE:
            raise GoneError("HTTP 410：送信先が、これ以上受け取らないと回答しました")
        if not httpx.codes.is_success(status):
            raise NotTakenError(f"HTTP {status}")

    async def _send(self, url: httpx.URL, message: SignedMessage) -> int:
        # Connected to by address; TLS and the subscriber's server still see the name.
        target = url.copy_with(host=await self._address(url))
        async with (
            httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, follow_redirects=False, verify=self._tls) as http,
            http.stream(
                "POST",
                target,
                content=message.body.encode(),
                headers={**message.headers, "host": url.netloc.decode("ascii")},
                extensions={"sni_hostname": url.raw_host.decode("ascii")},
            ) as response,
        ):
            return response.status_code  # the body is not read

    async def _address(self, url: httpx.URL) -> str:
        port = url.port or {"https": 443, "http": 80}[url.scheme]
        try:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM)
        except OSError:
            raise NotTakenError("ホスト名からアドレスが見つかりませんでした") from None
        addresses = [str(entry[4][0]) for entry in found]
        # One that is not allowed among several is enough: it would only be a matter of tries.
        match max(map(reach, addresses), key=list(Reach).index):
            case Reach.PUBLIC if url.scheme != "https":
                raise NotTakenError("インターネットのアドレスには、https でだけ送信します")
            case Reach.PRIVATE if not self._allow_private:
                raise NotTakenError("社内のアドレスです（TETSUZUKI_WEBHOOK_ALLOW_PRIVATE が設定されていません）")
            case Reach.NOBODY:
                raise NotTakenError("通知を送信してはならないアドレスです")
        return addresses[0]


def not_posted(error: Exception) -> NotTakenError:
    """Return what operators read of an error: what it means, and its type for engineers; never its own text."""
    meaning = next((words for kind, words in _MEANINGS if isinstance(error, kind)), "送信できませんでした")
    return NotTakenError(f"{meaning}（{type(error).__name__}）")


_MEANINGS: tuple[tuple[type[Exception], str], ...] = (
    (httpx.TimeoutException, "時間内に応答がありませんでした"),
    (httpx.ConnectError, "接続できませんでした"),
    (httpx.NetworkError, "通信が途中で切れました"),
    (httpx.ProtocolError, "応答を読み取れませんでした"),
)
