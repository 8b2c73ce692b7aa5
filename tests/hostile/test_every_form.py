"""Back, reload, twice: every form that the app takes is answered by a redirect, whatever becomes of it."""

import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastapi.routing import APIRoute
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.testing import WorkflowEnvironment

from models.common.password_hashing import Hashing
from models.tables import KeptFormRow
from tests.hostile.every_route import FIRM, add_firm, filled, paths_of, routes_of, signed_in
from tests.hostile.target import Target, target_on
from tests.support.databases import new_database
from tests.support.encryption import MASTER
from tests.support.journals import JOURNAL_OF_TESTS
from tests.support.matrices import mostly_long
from tests.support.web import PASSWORD_HASH
from web.common.auth.rate_limits import Limits
from web.common.problems import ProblemError
from web.common.sent_forms import SECRETS, PageRoute
from workers import database

TEMPLATES = Path(__file__).parents[2] / "web" / "templates"
MARK = "Himitsu1"
"""What is typed into every secret field."""
SENT: dict[str, dict[str, Any]] = {
    "nothing": {"data": {}},
    "everything wrong": {"data": dict.fromkeys(SECRETS, MARK) | dict.fromkeys(("yayoi_id", "address"), "x")},
    "no form": {"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=x"}},
}


@pytest_asyncio.fixture(scope="module")
async def target(postgres_socket: Path, temporal: WorkflowEnvironment) -> AsyncIterator[Target]:
    async with new_database(postgres_socket, "migrated") as url:
        engine = create_async_engine(url)
        async with target_on(database.sessions(engine, MASTER, JOURNAL_OF_TESTS), temporal.client) as target:
            await add_firm(target.sessions)
            yield target
        await engine.dispose()


def forms_of(target: Target) -> list[str]:
    """Every path that takes a form of people's."""
    return paths_of(target, "POST")


def test_every_form_is_taken_by_a_route_whose_answers_are_redirects(target: Target) -> None:
    pages = [each for each in routes_of(target) if "POST" in (each.methods or ())]
    assert len(pages) >= 40
    for context in pages:
        route = context.original_route if hasattr(context, "original_route") else context
        assert isinstance(route, APIRoute)
        assert isinstance(route, PageRoute), context.path


@pytest.mark.parametrize(
    ("signed", "sent"),
    mostly_long(
        [(signed, sent) for signed in (True, False) for sent in SENT],
        each_time=[(False, "nothing"), (False, "everything wrong")],
    ),
)
async def test_every_form_that_is_refused_leads_to_a_page_that_can_be_opened_again(
    target: Target, sent: str, *, signed: bool
) -> None:
    """Sent without what it needs, each is redirected to what a browser can go back to and open as often as it likes."""
    for path in forms_of(target):
        async with target.attacker() as attacker:
            if signed:
                await signed_in(target, attacker)
            answer = await attacker.http.request("POST", filled(path), **SENT[sent])
            assert answer.status_code == 303, (path, answer.status_code, answer.text)
            place = answer.headers["location"]
            assert place.startswith("/"), (path, place)
            assert MARK not in place
            pages = [await attacker.http.get(place, follow_redirects=True) for _ in range(2)]
            statuses = {page.status_code for page in pages}
            assert len(statuses) == 1
            assert statuses <= {200, 400, 403, 404, 409, 410, 422}, (path, place, statuses)
            assert "text/html" in pages[0].headers["content-type"]


async def test_no_secret_of_any_form_is_kept(target: Target) -> None:
    for path in forms_of(target):
        async with target.attacker() as attacker:
            await signed_in(target, attacker)
            typed = dict.fromkeys((*SECRETS, "link", "draft"), MARK) | {"name": "x", "yayoi_id": "no address"}
            place = (await attacker.http.request("POST", filled(path), data=typed)).headers["location"]
            page = await attacker.http.get(place, follow_redirects=True)
            assert MARK not in re.sub(r'name="link" value="[^"]*"|link=\w+', "", page.text), path
    async with target.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(KeptFormRow))
        assert MARK not in str([row.values for row in await session.scalars(select(KeptFormRow))])


# --- count first, look, hash last -------------------------------------------------------------------------------------

WELL_FORMED = {
    **dict.fromkeys(("password", "password_again", "password_confirmation"), "Kbqd1234"),
    **dict.fromkeys(("yayoi_id", "yayoi_id_confirmation", "mail_address"), "new@nusumi.example"),
    **dict.fromkeys(("contract_id", "existing_contract_id"), "7999999"),
    **dict.fromkeys(("terms", "authority", "consent"), "true"),
    "family_name": "盗田",
    "given_name": "次郎",
    "name": "盗田",
    "text": "困った",
    "kind": "一般",
    "customer_no": FIRM,
    "address": "nobody@aoba.example",
    "suffix": "0001",
    "code": "123456",
    "keyword": "合言葉",
    "office_token": "z" * 8 + "-zzzz" * 3 + "-" + "z" * 12,
}
"""A form with which nothing is wrong, whatever it is for, but that is about nothing that there is."""


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was hashed or compared with a hash; it costs nothing here."""
    done: list[str] = []

    async def hash_it(_: Hashing, password: str) -> str:
        done.append(f"hash {password}")
        return PASSWORD_HASH

    async def verify(_: Hashing, password_hash: str | None, password: str) -> bool:
        done.append(f"verify {password_hash and 'one'} {password}")
        return False

    monkeypatch.setattr(Hashing, "hash", hash_it)
    monkeypatch.setattr(Hashing, "verify", verify)
    return done


async def test_nothing_is_hashed_once_there_were_too_many_tries(
    target: Target, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "closed")

    async def count(*_: object, **__: object) -> None:
        raise closed

    monkeypatch.setattr(Limits, "count", count)
    for path in forms_of(target):
        async with target.attacker() as attacker:
            answer = await attacker.http.request("POST", filled(path), data=WELL_FORMED)
            assert answer.status_code == 303
            assert hashed == [], path


async def test_nothing_is_hashed_for_what_there_is_not(target: Target, hashed: list[str]) -> None:
    """Only where an account is asked for, and nobody may see whether there is one, or where one is to be made."""
    found = {}
    for path in forms_of(target):
        await target.forget_tries()
        async with target.attacker() as attacker:
            await attacker.http.request("POST", filled(path), data=WELL_FORMED | {"link": "made-up.link"})
        if hashed:
            found[path] = list(hashed)
            hashed.clear()
    assert found == {
        "/register": ["hash Kbqd1234"],
        "/sign-in": ["verify None Kbqd1234"],
        "/myics/sign-in": ["verify None Kbqd1234"],
        "/myics/password": ["verify None "],
    }


async def test_nothing_is_hashed_for_what_is_malformed(target: Target, hashed: list[str]) -> None:
    for path in forms_of(target):
        for typed in ({}, dict.fromkeys(WELL_FORMED, "x"), dict.fromkeys(WELL_FORMED, "")):
            async with target.attacker() as attacker:
                await attacker.http.request("POST", filled(path), data=typed)
            assert hashed == [], path


def test_every_field_that_hides_what_is_typed_is_a_secret() -> None:
    """Passwords, and the codes and words that are compared."""
    field = r'f\.text\(page, "(?P<name>[\w.]+)"[^}]*?(?:type="password"|one-time-code)'
    found = {"keyword"}
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text()
        for call in re.findall(r"{{.*?}}", text, re.DOTALL):
            found |= {match["name"] for match in re.finditer(field, call, re.DOTALL)}
        found |= set(re.findall(r'<input[^>]*name="(\w+)"[^>]*type="password"', text))
    assert found == SECRETS
