"""One hostile input, and what most of them are made of."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from tests.hostile.people import THIEF
from tests.hostile.target import Attacker
from tests.support.web import CROSS_SITE, PASSWORD

SCRIPT = "<script>alert(1)</script>"
JSON = ("/api/applications", "/api/events", "/api/evidence/check")
RETURNED = "/api/bounces"
UNREADABLE = "フォームを読み取れませんでした"
NOT_OURS = "安全のため、このフォームは受け付けられませんでした"
NO_PAGE = "お探しのページはありません"
NO_CASE = "リンク（URL）が正しくないか、お申し込みがありません"
DEAD_LINK = "この招待のリンクは使えません"
FORGED = "署名が一致しません"
NOT_JSON = "JSON として読み取れません"
FORM = {"content-type": "application/x-www-form-urlencoded"}

Send = Callable[[Attacker], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Attack:
    """One hostile input. `expected` is read in the answer, `never` is not in it; `to` is where a redirect leads."""

    group: str
    sent: str
    where: str
    send: Send
    status: int
    expected: str = ""
    never: tuple[str, ...] = ()
    to: str = ""

    @property
    def name(self) -> str:
        return f"{self.sent} -> {self.where}"


ENQUIRY = {"contract_id": THIEF.contract_id, "name": "盗田", "mail_address": "jiro@nusumi.example", "text": "困った"}
REGISTRATION = {
    "family_name": "盗田",
    "given_name": "次郎",
    "yayoi_id": "new@nusumi.example",
    "yayoi_id_confirmation": "new@nusumi.example",
    "password": PASSWORD,
    "password_confirmation": PASSWORD,
    "terms": "true",
}


def form(path: str, fields: dict[str, str], **more: str) -> Send:
    return lambda attacker: attacker.form(path, fields | more)


def get(path: str, **query: str) -> Send:
    return lambda attacker: attacker.http.get(path, params=query or None)


def foreign(path: str, content: str | bytes, content_type: str = FORM["content-type"], **sent: str) -> Send:
    """What a page of another site makes a browser that is signed in send. `sent` are headers that say otherwise."""

    async def send(attacker: Attacker) -> httpx.Response:
        await attacker.sign_in()
        return await attacker.foreign(path, content, {"content-type": content_type} | (sent or CROSS_SITE))

    return send


def json(path: str, content: bytes | str, content_type: str = "application/json") -> Send:
    return lambda attacker: attacker.json(path, content, content_type)
