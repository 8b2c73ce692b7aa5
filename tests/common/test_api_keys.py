"""The API is for systems that know one of its keys, and each is known by its key's name."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from http import HTTPStatus

import httpx
import pytest
import pytest_asyncio
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.api_keys import Scope, key_sent, read_api_keys
from models.common.guessable import LEAST_LENGTH
from tests.support.secret_key import SECRET_KEY
from tests.support.signing import customers_signer
from web.backoffice import bounces
from web.yayoi import api
from web.yayoi.customer import evidence
from workers.settings import Settings
from workers.wiring.web import build_web

OLD, NEW = "the-key-of-last-year-0123456789-abcdef", "the-key-of-this-year-0123456789-abcdef"
PATHS = ("/api/applications", "/api/events", "/api/evidence/check", "/api/bounces")


def with_keys(*keys: str) -> Settings:
    return Settings(secret_key=SECRET_KEY, api_keys=tuple(map(SecretStr, keys)))


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


SCOPES = dict(zip(PATHS, (Scope.APPLY, Scope.REPORT, Scope.ASK, Scope.REPORT), strict=True))


async def test_a_key_opens_what_its_scopes_say_and_another_scope_is_named_to_who_lacks_it(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    keys = {f"key-of-{scope}-0123456789-abcdefghijkl": scope for scope in Scope}
    settings = with_keys(*(f"{scope}-system:{scope}:{key}" for key, scope in keys.items()), f"two:apply+ask:{OLD}")
    app = build_web(settings, sessions, temporal.client, customers_signer)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web.test") as http:
        for path, needed in SCOPES.items():
            for key, scopes in {**{key: {scope} for key, scope in keys.items()}, OLD: {Scope.APPLY, Scope.ASK}}.items():
                answer = await http.post(path, json={}, headers={"Authorization": f"Bearer {key}"})
                if needed in scopes:
                    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
                else:
                    assert answer.status_code == HTTPStatus.FORBIDDEN
                    assert needed in answer.json()["detail"]


def test_every_path_of_the_api_says_which_scope_it_needs() -> None:
    routers = (api.router, bounces.router, evidence.api)
    paths = {
        route.path: getattr(route.endpoint, "api_scope", None)
        for each in routers
        for route in each.routes
        if isinstance(route, APIRoute)
    }
    assert paths == SCOPES


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
    for settings in (Settings(secret_key=SECRET_KEY), Settings(secret_key=SECRET_KEY, api_open=True)):
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
    assert [key_sent(keys, key) for key in (OLD, NEW, "")] == [*keys, None]
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
    f"a:b:{OLD}": "some of apply, report, ask",
    f"a::{OLD}": "some of apply, report, ask",
    f"a:apply+:{OLD}": "some of apply, report, ask",
    f"a:Apply:{OLD}": "some of apply, report, ask",
    "ab" * LEAST_LENGTH: "repeats few characters",
    f"anonymous:{OLD}": "a key's name",
    f"a:{OLD} {OLD}": "characters that no header carries",
    f"a:{OLD}鍵": "characters that no header carries",
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


@pytest.mark.long
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
    assert key_sent(keys, text) == (keys[0] if text == OLD else None)
