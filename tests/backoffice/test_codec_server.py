"""`/codec`: what the Temporal Web UI shows is decrypted for whoever may see it, each payload by itself."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.json_format import MessageToJson, Parse
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1 import WorkflowMetadata

from models.common.encryption import HOUSE, CaseKey, KeyGone, new_key
from models.common.operators import Role
from tests.support.desk import DeskSite, desk_on, fill_operators
from tests.support.web import CROSS_SITE
from tests.support.web_ui import small_web_ui
from web.backoffice import codec_server
from web.backoffice.codec_server import DECODE, ENCODE, ERASED, KEYS_AWAY
from workers.codec import ENCODING, KEY_ID, CaseCodec, PayloadReader

OWNER = "application/YS-000001"
SECRET = '"弥生 太郎 様"'


class KeysOfTwoCases:
    """One case has a key, that of another was erased; now and then they are away."""

    def __init__(self) -> None:
        self.keys: dict[str, CaseKey | KeyGone] = {OWNER: CaseKey(OWNER, new_key()), HOUSE: CaseKey(HOUSE, new_key())}
        self.away = False

    async def find(self, owner: str) -> CaseKey | KeyGone:
        if self.away:
            await asyncio.Event().wait()
        return self.keys.get(owner, KeyGone.UNKNOWN)

    async def payload(self, owner: str = OWNER) -> dict[str, Any]:
        plain = Payload(metadata={"encoding": b"json/plain"}, data=SECRET.encode())
        [encrypted] = await CaseCodec(self, "default", owner).encode([plain])
        return sent(encrypted)


def sent(payload: Payload) -> dict[str, Any]:
    """As the Web UI sends it."""
    metadata = {name: base64.b64encode(value).decode() for name, value in payload.metadata.items()}
    return {"metadata": metadata, "data": base64.b64encode(payload.data).decode()}


def said(payload: dict[str, Any]) -> str:
    return base64.b64decode(payload["data"]).decode()


@pytest.fixture
def keys() -> KeysOfTwoCases:
    return KeysOfTwoCases()


@pytest_asyncio.fixture
async def desk(sessions: async_sessionmaker[AsyncSession], keys: KeysOfTwoCases) -> AsyncIterator[DeskSite]:
    await fill_operators(sessions)
    async with desk_on(sessions, payloads=PayloadReader(keys, "default")) as desk:
        yield desk


async def test_each_payload_is_answered_by_itself(
    desk: DeskSite, keys: KeysOfTwoCases, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await desk.sign_in("sk")
    other = "application/YS-000002"
    keys.keys[other] = CaseKey(other, new_key())
    erased = await keys.payload(other)
    keys.keys[other] = KeyGone.ERASED
    unknown = sent(Payload(metadata={"encoding": ENCODING, KEY_ID: b"application/YS-000003"}, data=b"x" * 40))
    plain = sent(Payload(metadata={"encoding": b"json/plain"}, data=b'"plain"'))
    asked = [await keys.payload(), erased, unknown, plain, await keys.payload(HOUSE)]
    answer = await desk.http.post(DECODE, json={"payloads": asked}, headers={"x-namespace": "default"})
    assert answer.status_code == 200
    shown = answer.json()["payloads"]
    assert [said(shown[0]), said(shown[4])] == [SECRET, SECRET]
    assert said(shown[1]) == f'"{ERASED}"'
    assert shown[2:4] == [unknown, plain]
    [line] = [line for line in caplog.messages if line.startswith("codec:")]
    assert line == (
        "codec: sk read what is encrypted with "
        "application/YS-000001, application/YS-000002, application/YS-000003, house"
    )
    assert "弥生" not in caplog.text


async def test_a_case_s_details_are_shown_with_what_operators_are_called_and_its_history_as_it_is(
    desk: DeskSite, keys: KeysOfTwoCases
) -> None:
    await desk.sign_in("sk")
    page = WorkflowMetadata(current_details="| 担当者　| sk |\n\n- 担当者 tn：お電話で確認")
    details = Payload(metadata={"encoding": b"json/protobuf", "messageType": page.DESCRIPTOR.full_name.encode()})
    history = Payload(metadata={"encoding": b"json/plain"}, data='"担当者 tn：お電話"'.encode())
    torn = Payload(metadata=details.metadata, data=b"{")
    details.data = MessageToJson(page).encode()
    asked = await CaseCodec(keys, "default", OWNER).encode([details, history, torn])
    answer = await desk.http.post(DECODE, json={"payloads": [sent(each) for each in asked]})
    shown = [said(each) for each in answer.json()["payloads"]]
    assert Parse(shown[0], WorkflowMetadata()).current_details == "| 担当者　| 佐藤 |\n\n- 担当者 田中：お電話で確認"
    assert shown[1:] == ['"担当者 tn：お電話"', "{"]


async def test_encoding_gives_back_what_it_got(desk: DeskSite) -> None:
    await desk.sign_in("sk")
    body = {"payloads": [sent(Payload(metadata={"encoding": b"json/plain"}, data=b'{"reason": "x"}'))]}
    answer = await desk.http.post(ENCODE, json=body)
    assert (answer.status_code, answer.json()) == (200, body)


@pytest.mark.parametrize("path", [DECODE, ENCODE])
async def test_it_is_read_by_whoever_may_see_the_web_ui_and_by_nobody_else(
    desk: DeskSite, keys: KeysOfTwoCases, path: str
) -> None:
    body = {"payloads": [await keys.payload()]}
    nobody = await desk.http.post(path, json=body)
    assert (nobody.status_code, nobody.json()["code"]) == (401, 16)
    await desk.add("admin", Role.ADMINISTRATOR)
    for handle, status in (("sk", 200), ("kn", 200), ("tn", 200), ("mr", 403), ("admin", 403)):
        browser = desk.browser()
        await desk.sign_in(handle, browser)
        answer = await browser.post(path, json=body)
        assert answer.status_code == status, handle
        assert ("payloads" in answer.json()) is (status == 200)
        await browser.aclose()


async def test_no_other_site_is_let_in(desk: DeskSite, keys: KeysOfTwoCases) -> None:
    await desk.sign_in("sk")
    body = {"payloads": [await keys.payload()]}
    answer = await desk.http.post(DECODE, json=body, headers=CROSS_SITE | {"origin": "https://elsewhere.example"})
    assert answer.status_code == 403
    allowed = await desk.http.post(DECODE, json=body)
    assert not [name for name in allowed.headers if name.startswith("access-control")]


async def test_while_keys_are_away_it_says_so_within_the_time_of_a_request(
    desk: DeskSite, keys: KeysOfTwoCases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec_server, "PATIENCE", timedelta(seconds=0.05))
    await desk.sign_in("sk")
    body = {"payloads": [await keys.payload()]}
    keys.away = True
    answer = await desk.http.post(DECODE, json=body)
    assert (answer.status_code, answer.json()["message"]) == (503, KEYS_AWAY)


@pytest.mark.parametrize("body", [b"", b"{", b'{"payloads": 1}', b"\xff"])
async def test_what_is_no_list_of_payloads_is_refused(desk: DeskSite, body: bytes) -> None:
    await desk.sign_in("sk")
    for path in (DECODE, ENCODE):
        assert (await desk.http.post(path, content=body)).status_code == 422


async def test_a_page_of_a_history_is_not_too_large(desk: DeskSite, keys: KeysOfTwoCases) -> None:
    await desk.sign_in("sk")
    body = {"payloads": [await keys.payload()] * 1000}
    assert len((await desk.http.post(DECODE, json=body)).json()["payloads"]) == 1000


async def test_the_web_ui_learns_where_it_has_payloads_decrypted(sessions: async_sessionmaker[AsyncSession]) -> None:
    await fill_operators(sessions)
    async with small_web_ui() as web_ui, desk_on(sessions, web_ui=web_ui.address) as desk:
        await desk.sign_in("sk")
        codec = (await desk.http.get("/api/v1/settings")).json()["Codec"]
    assert codec == {"Endpoint": f"{desk.url}/codec", "IncludeCredentials": True, "PassAccessToken": False}
