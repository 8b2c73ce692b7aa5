"""The API is for systems that know one of its keys, and each is known by its key's name."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from http import HTTPStatus

import httpx
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.api_keys import LEAST_LENGTH, read_api_keys, system_of
from tests.support.signing import customers_signer
from workers.settings import Settings
from workers.wiring.root import build_web

OLD, NEW = "the-key-of-last-year-0123456789-abcdef", "the-key-of-this-year-0123456789-abcdef"
PATHS = ("/api/applications", "/api/events", "/api/evidence/check", "/api/bounces")
SECRET = SecretStr("secret")


def with_keys(*keys: str) -> Settings:
    return Settings(secret_key=SECRET, api_keys=tuple(map(SecretStr, keys)))


@pytest_asyncio.fixture
async def http(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> AsyncIterator[httpx.AsyncClient]:
    app = build_web(with_keys(f"old:{OLD}", f"new:{NEW}"), sessions, temporal.client, customers_signer)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web.test") as http:
        yield http


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "sent", [None, "Bearer ", "Bearer another", f"Basic {NEW}", f"Bearer {NEW}x", f"Bearer new:{NEW}", "Bearer 鍵"]
)
async def test_whoever_shows_no_key_is_refused(http: httpx.AsyncClient, path: str, sent: str | None) -> None:
    answer = await http.post(path, json={}, headers=[(b"Authorization", sent.encode())] if sent else [])
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "API キー" in answer.json()["detail"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", [OLD, NEW])
async def test_each_key_opens_while_they_are_changed(http: httpx.AsyncClient, path: str, key: str) -> None:
    answer = await http.post(path, json={}, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY  # read, and wrong for another reason


async def test_pages_ask_for_no_key_and_openapi_says_what_does(http: httpx.AsyncClient) -> None:
    assert (await http.get("/apply")).status_code == HTTPStatus.OK
    paths = (await http.get("/openapi.json")).json()["paths"]
    assert all(paths[path]["post"]["security"] == [{"HTTPBearer": []}] for path in PATHS)
    assert "security" not in paths["/webhooks/forms"]["post"]


@pytest.mark.parametrize("path", PATHS)
async def test_without_keys_the_api_is_closed_until_it_is_opened_on_purpose(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, path: str
) -> None:
    answers = []
    for settings in (Settings(secret_key=SECRET), Settings(secret_key=SECRET, api_open=True)):
        app = build_web(settings, sessions, temporal.client, customers_signer)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web.test") as http:
            answers.append(await http.post(path, json={}, headers={"Authorization": "Bearer "}))
    closed, opened = answers
    assert closed.status_code == HTTPStatus.UNAUTHORIZED
    assert all(name in closed.json()["detail"] for name in ("TETSUZUKI_API_KEYS", "TETSUZUKI_API_OPEN"))
    assert opened.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_keys_are_split_at_commas_named_and_shown_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TETSUZUKI_API_KEYS", f"registry:{OLD}, {NEW}")
    settings = Settings()
    keys = read_api_keys(key.get_secret_value() for key in settings.api_keys)
    assert [key.name for key in keys] == ["registry", "default"]
    assert [system_of(keys, key) for key in (OLD, NEW, "")] == ["registry", "default", None]
    assert NEW not in repr(settings) + repr(keys)


WRONG = {
    ",": "blank",
    " ": "blank",
    f"{OLD},": "blank",
    f"{OLD},,a:{NEW}": "blank",
    "a-long-key": f"at least {LEAST_LENGTH}",
    "registry:": "has 0 characters",
    f":{OLD}": "a key's name",
    f"Registry:{OLD}": "a key's name",
    f"a:b:{OLD}": "a key's name",
    f"anonymous:{OLD}": "a key's name",
    f"a:{OLD} {OLD}": "characters that no header carries",
    f"a:{'鍵' * LEAST_LENGTH}": "characters that no header carries",
    f"a:{OLD},a:{NEW}": "name 'a' is given to two keys",
    f"{OLD},{NEW}": "name 'default' is given to two keys",
    f"a:{OLD},b:{OLD}": "two systems have the same key",
}


@pytest.mark.parametrize(("value", "wanted"), WRONG.items())
def test_keys_that_cannot_guard_end_the_start_with_the_variables_name(
    monkeypatch: pytest.MonkeyPatch, value: str, wanted: str
) -> None:
    monkeypatch.setenv("TETSUZUKI_API_KEYS", value)
    with pytest.raises(ValidationError) as wrong:
        Settings()
    [error] = wrong.value.errors()
    assert error["loc"] == ("api_keys",)
    assert wanted in error["msg"]
    for secret in (OLD, NEW, "a-long-key"):
        assert secret not in str(wrong.value)


def test_a_command_with_a_short_key_ends_before_it_begins() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "workers", "up"],
        env=os.environ | {"TETSUZUKI_API_KEYS": "short"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: TETSUZUKI_API_KEYS: ")
    assert "32" in ended.stderr


def test_an_api_is_either_open_or_has_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TETSUZUKI_API_KEYS", OLD)
    monkeypatch.setenv("TETSUZUKI_API_OPEN", "true")
    with pytest.raises(ValidationError, match="TETSUZUKI_API_KEYS is set"):
        Settings()


@given(st.text(min_size=1, max_size=80))
def test_no_other_text_than_the_key_is_taken_for_it(text: str) -> None:
    keys = read_api_keys([f"registry:{OLD}"])
    assert system_of(keys, text) == ("registry" if text == OLD else None)
