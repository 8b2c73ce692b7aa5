"""The API is for systems that know one of its keys, where keys are set."""

from collections.abc import AsyncIterator
from http import HTTPStatus

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from workers.settings import Settings
from workers.wiring.root import build_web

OLD, NEW = "the-key-of-last-year", "the-key-of-this-year"
PATHS = ("/api/applications", "/api/events", "/api/evidence/check", "/api/bounces")


@pytest_asyncio.fixture
async def http(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(secret_key=SecretStr("secret"), api_keys=(SecretStr(OLD), SecretStr(NEW)))
    app = build_web(settings, sessions, temporal.client)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web.test") as http:
        yield http


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("sent", [None, "Bearer ", "Bearer another", f"Basic {NEW}", f"Bearer {NEW}x", "Bearer 鍵"])
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


def test_keys_are_split_at_commas_and_shown_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TETSUZUKI_API_KEYS", f"{OLD}, {NEW},")
    settings = Settings()
    assert [key.get_secret_value() for key in settings.api_keys] == [OLD, NEW]
    assert NEW not in repr(settings)
