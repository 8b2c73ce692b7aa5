"""Who speaks for whom: a proxy only where a setting names it."""

import httpx
import pytest
from fastapi import FastAPI, Request

from web.common.auth import client_address
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
