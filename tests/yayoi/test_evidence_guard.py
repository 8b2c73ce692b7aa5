"""The wrong-group guard: it answers before evidence is stored, and nobody learns more than that (Y23)."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.yayoi.evidence_guard import NO_GROUP_YET, UNKNOWN_OFFICE, WRONG_GROUP, refuse_evidence
from tests.support.customer import errors_on, words
from tests.support.environment import OFFICE_B
from tests.support.web import Web, web_on
from workers import examples
from workers.registry.file import load

A, B = "office-a@yayoi-taro.example.jp", OFFICE_B[0]
TOKEN_A = "a0000001-0000-4000-8000-000000000001"
OTHER_GROUP = "office-1@shiraishi.example.co.jp"
GROUPS = st.none() | st.integers(1, 5)


@given(GROUPS, GROUPS)
def test_y23_only_a_member_of_the_offices_group_may_store(member_of: int | None, kept_in: int | None) -> None:
    allowed = refuse_evidence(member_of, kept_in) is None
    assert allowed == (kept_in is not None and member_of == kept_in)


@pytest_asyncio.fixture
async def web(sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> AsyncIterator[Web]:
    await load(sessions, examples.registry())
    async with web_on(sessions, temporal.client) as web:
        yield web


async def asked(web: Web, yayoi_id: str, token: str) -> httpx.Response:
    return await web.http.post("/api/evidence/check", json={"yayoi_id": yayoi_id, "office_token": token})


async def test_y23_the_page_says_where_the_evidence_of_the_right_id_will_be_kept(web: Web) -> None:
    answer = await asked(web, A, TOKEN_A)
    assert (answer.status_code, answer.json()) == (
        200,
        {"allowed": True, "office_name": "事業所A", "group_name": "事業グループA"},
    )


@pytest.mark.parametrize("yayoi_id", [B, OTHER_GROUP, "nobody@example.jp"])
async def test_y23_every_other_id_is_refused_alike(web: Web, yayoi_id: str) -> None:
    """In no group, in another, or not registered at all: whoever asks learns nothing about an address."""
    answer = await asked(web, yayoi_id, TOKEN_A)
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert answer.json()["detail"] == WRONG_GROUP
    assert "事業グループA" not in answer.text


async def test_y23_unknown_offices_and_offices_without_a_group_read_so(web: Web) -> None:
    answer = await asked(web, A, "99999999-0000-4000-8000-000000000001")
    assert (answer.status_code, answer.json()["detail"]) == (404, UNKNOWN_OFFICE)
    answer = await asked(web, B, OFFICE_B[1])
    assert (answer.status_code, answer.json()["detail"]) == (409, NO_GROUP_YET)
    answer = await asked(web, A, "not a token")
    assert answer.status_code == 422


async def test_y23_the_page_says_it_in_words(web: Web) -> None:
    await web.sign_in(A)
    answer = await web.send("/evidence", {"office_token": TOKEN_A.upper()})
    assert "保存できます。 「事業所A」の証憑は、事業グループ「事業グループA」に保存されます。" in words(answer)
    await web.sign_in(OTHER_GROUP)
    answer = await web.send("/evidence", {"office_token": TOKEN_A})
    assert errors_on(answer) == [f"事業所トークン：{WRONG_GROUP}"]
    assert "保存できます" not in words(answer)
    answer = await web.send("/evidence", {"office_token": ""})
    assert errors_on(answer) == ["事業所トークン：入力してください。"]
