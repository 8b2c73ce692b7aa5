"""A bulk action on the whole stack, whose desk and worker are killed while it is carried out."""

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.backoffice.bulk_actions import MOST_CASES
from models.common.identifiers import MailAddress
from models.myics.forms import FirmForm
from models.myics.identifiers import CustomerNo
from models.myics.registrations import RegistrationKind
from models.myics.store.requests import Requester, invite_firm
from models.tables import AuditRow, BulkLineRow, CaseStatusRow
from tests.support.signing import SATO
from tests.support.stack_cases import load_examples
from tests.support.web import SAME_ORIGIN, text_of
from workers import database
from workers.commands.operators import sign_in_link
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack
from workers.wiring.derived import desk_url

pytestmark = [pytest.mark.stack, pytest.mark.long]

REASON = "一括の記録"
REPRESENTATIVES = RegistrationKind.REPRESENTATIVE.workflow_type
Sessions = async_sessionmaker[AsyncSession]


async def test_five_hundred_cases_are_done_once_each_although_desk_and_worker_are_killed_meanwhile(
    state_dir: Path,
) -> None:
    async with Stack(alone(state_dir), say=lambda _: None) as stack, database.opened(stack.settings) as sessions:
        await load_examples(stack.settings)
        await invite_firms(sessions, MOST_CASES)
        begun = select(func.count()).select_from(CaseStatusRow).where(CaseStatusRow.first_run_id.is_not(None))
        await until(sessions, begun, MOST_CASES)
        async with httpx.AsyncClient(base_url=desk_url(stack.settings), headers=SAME_ORIGIN, timeout=60) as http:
            link = await sign_in_link(stack.settings, sessions, "tn")
            await http.post("/sign-in/link", data={"key": link.partition("key=")[2]})
            place = await confirmed(http, sessions)
        answered = select(func.count()).select_from(BulkLineRow).where(BulkLineRow.answered_at.is_not(None))
        for done in (MOST_CASES // 10, MOST_CASES // 2):
            await until(sessions, answered, done)
            for part in ("desk", "worker"):
                stack.kill(part)
            await asyncio.gather(stack.back("desk"), stack.back("worker"))
        await until(sessions, answered, MOST_CASES)
        async with sessions() as session:
            lines = list(await session.scalars(select(BulkLineRow)))
            audited = list(await session.scalars(select(AuditRow)))
        noted = Counter(row.case_no for row in audited if row.reason == REASON)
        assert {str(line.bulk_id) for line in lines} == {place.rpartition("/")[2]}
        assert [line.refused_because for line in lines if line.refused_because] == []
        assert noted == Counter({line.case_no: 1 for line in lines})
        assert len(noted) == MOST_CASES


async def invite_firms(sessions: Sessions, count: int) -> None:
    """Have so many registrations of representatives begin, each of a firm of its own."""
    requester = Requester(str(SATO), datetime.now(UTC))
    async with sessions.begin() as session:
        for number in range(count):
            form = FirmForm(
                customer_no=CustomerNo(f"3{number:09d}"),
                name=f"会計事務所 {number}",
                representative="青葉 一郎",
                address=MailAddress(f"firm-{number}@kaikei.example.jp"),
            )
            await invite_firm(session, form, requester)


async def confirmed(http: httpx.AsyncClient, sessions: Sessions) -> str:
    """Choose every case, have each judged, and confirm; return the bulk action's page."""
    async with sessions() as session:
        numbers = list(await session.scalars(select(CaseStatusRow.case_no).filter_by(procedure=REPRESENTATIVES)))
    chosen = await http.post("/desk/bulk", data={"cases": [f"{number}/0" for number in numbers]})
    place = chosen.headers["location"]
    await http.post(place, data={"kind": "note", "reason": REASON, "form_id": "note"})
    while "refresh" in (await http.get(f"{place}/progress")).headers:  # noqa: ASYNC110 as a browser asks
        await asyncio.sleep(0.5)
    page = await http.get(place)
    assert re.search(rf"{MOST_CASES} 件を実行できます", text_of(page)), text_of(page)
    await http.post(f"{place}/confirm", data={"form_id": "confirm"})
    return str(place)


async def until(sessions: Sessions, counted: Select[int], wanted: int) -> None:
    """Wait until there are so many."""
    while await _count(sessions, counted) < wanted:  # noqa: ASYNC110 other processes write it
        await asyncio.sleep(0.05)


async def _count(sessions: Sessions, counted: Select[int]) -> int:
    async with sessions() as session:
        return (await session.scalars(counted)).one()
