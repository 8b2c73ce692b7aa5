"""The audit on the desk: who sees it, what they take along, and that their own readings are in it."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.backoffice.case_places import case_no_of, workflows_of
from models.backoffice.store.case_readings import READ
from models.common.audit_export import verify_export
from models.common.audit_heads import AuditKeys, KnownKey
from models.tables import AuditRow
from tests.support.audited import CUSTOMERS_KEY, NO, OPERATORS_KEY, PERSON, write_entries
from tests.support.desk import AUDIT_KEY, desk_on, fill_operators
from tests.support.web_ui import small_web_ui

PATH = f"/desk/cases/{NO}/audit"


async def readings(sessions: async_sessionmaker[AsyncSession]) -> list[tuple[str, str]]:
    async with sessions() as session:
        rows = await session.scalars(select(AuditRow).filter_by(action=READ).order_by(AuditRow.audit_id))
        return [(row.case_no, row.by) for row in rows]


async def test_an_auditor_sees_it_takes_it_along_and_has_read_it_once_a_day(
    sessions: async_sessionmaker[AsyncSession],
) -> None:
    await fill_operators(sessions)
    await write_entries(sessions)
    async with desk_on(sessions) as site:
        await site.sign_in("kn")
        page = await site.http.get("/desk/audit", params={"case_no": "ys－000001 "}, follow_redirects=True)
        assert page.status_code == 200
        for said in ("期限を延ばす", "Y12", "operator:sk（署名あり）", f"{PERSON}様のお電話"):
            assert said in page.text
        document = await site.http.get(f"{PATH}.json")
        assert document.headers["content-disposition"] == f'attachment; filename="audit-{NO}.json"'
        keys = AuditKeys(KnownKey(key.public) for key in (OPERATORS_KEY, CUSTOMERS_KEY, AUDIT_KEY))
        found = verify_export(document.content, keys)
        assert (found.wrong, found.case_no) == ([], NO)
        pages = await site.http.get(f"{PATH}.pdf")
        assert pages.content.startswith(b"%PDF")
        assert await readings(sessions) == [(NO, "operator:kn")]
        for ending in ("", ".json", ".pdf"):
            missing = await site.http.get(f"/desk/cases/YS-999999/audit{ending}")
            assert missing.status_code == 404
    async with desk_on(sessions) as site:  # another process, which remembers nothing
        await site.sign_in("kn")
        await site.http.get(PATH)
        assert await readings(sessions) == [(NO, "operator:kn")]
        site.clock.time = site.clock.time.replace(hour=14)
        await site.http.get(PATH)
        assert await readings(sessions) == [(NO, "operator:kn")]
        site.clock.time = site.clock.time.replace(hour=15)  # midnight in Japan
        await site.sign_in("kn")
        await site.http.get(PATH)
        assert await readings(sessions) == [(NO, "operator:kn")] * 2


@pytest.mark.parametrize("handle", ["sk", "tn", "mr"])
async def test_nobody_else_sees_it(sessions: async_sessionmaker[AsyncSession], handle: str) -> None:
    await fill_operators(sessions)
    await write_entries(sessions)
    async with desk_on(sessions) as site:
        await site.sign_in(handle)
        for path in ("/desk/audit", PATH, f"{PATH}.json", f"{PATH}.pdf"):
            answer = await site.http.get(path)
            assert answer.status_code == 403
            assert PERSON not in answer.text


async def test_an_auditors_readings_in_the_temporal_web_ui_are_in_the_audit_of_the_case(
    sessions: async_sessionmaker[AsyncSession],
) -> None:
    await fill_operators(sessions)
    shown = "application%2FYS-000007%2Foffice%2F1"
    async with small_web_ui() as web_ui, desk_on(sessions, web_ui=web_ui.address) as site:
        await site.sign_in("sk")
        await site.http.get(f"/api/v1/namespaces/default/workflows/{shown}")
        assert await readings(sessions) == []
        async with site.browser() as auditor:
            await site.sign_in("kn", auditor)
            shown_ones = (shown, f"{shown}/history", "myics%2FMR-000001")
            for path in ("workflows", *(f"workflows/{each}" for each in shown_ones)):
                await auditor.get(f"/api/v1/namespaces/default/{path}")
            await auditor.get(f"/namespaces/default/workflows/{shown}/run/user-metadata")
        assert await readings(sessions) == [("YS-000007", "operator:kn"), ("MR-000001", "operator:kn")]


@pytest.mark.parametrize(
    ("workflow_id", "case_no", "part"),
    [
        ("application/YS-000007", "YS-000007", 0),
        ("application/YS-000007/office/12", "YS-000007", 12),
        ("myics/MR-000001", "MR-000001", 0),
        ("myics/MB-000001", "MB-000001", 0),
        ("registration/00000000-0000-4000-8000-00000000000a", "0000000000004000800000000000000A", 0),
        ("password/00000000-0000-4000-8000-00000000000a", "0000000000004000800000000000000A", 0),
        ("webhook/msg_1", "msg_1", 0),
        ("something/else", "something/else", 0),
    ],
)
def test_a_workflow_is_of_the_case_that_it_leads(workflow_id: str, case_no: str, part: int) -> None:
    assert case_no_of(workflow_id) == case_no
    assert workflow_id in workflows_of(case_no, part)
