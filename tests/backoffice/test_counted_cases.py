"""What figures count, on rows as procedures write them, read as the role that may read what it counts."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from models.backoffice.case_figures import STAGES, MailState, ProcedureFigures
from models.backoffice.store.counted_cases import CountedCases
from models.common.calendar import day_in_japan
from models.tables import ApplicationRow, CaseStatusRow, HeldCaseRow, NoticeRow
from models.yayoi.mails import MailKind
from models.yayoi.procedures import Stage
from tests.support.databases import as_role
from tests.support.environment import OFFICE_C, Environment, at_rest, form
from workers.database_roles import DatabaseRole


@pytest.mark.robustness("backlog")
async def test_open_cases_mails_and_notices_are_counted(environment: Environment) -> None:
    now = datetime.now(UTC)
    async with as_role(environment.sessions, DatabaseRole.FIGURES) as own:
        counted = CountedCases(own, lambda: now)
        nothing = await counted.read()
        assert nothing.waiting == {}
        assert set(nothing.procedures) == set(STAGES)
        assert set(nothing.procedures.values()) == {ProcedureFigures()}
        assert nothing.mails == dict.fromkeys(MailState, 0)
        assert (nothing.notices, nothing.acceptance_to_notice) == ({True: 0, False: 0}, {})
        assert (nothing.unstarted_forms, nothing.oldest_unstarted_form) == (0, 0)

        sharing, notified = await environment.apply(form([OFFICE_C])), await environment.apply(form())
        await at_rest(sharing, Stage.SHARING)
        await at_rest(notified, Stage.SET_UP)
        this = CaseStatusRow.case_no == sharing.application_no
        async with environment.sessions.begin() as session:
            marks = {"overdue": True, "held": True, "failing": True, "awaits_approval": True}
            await session.execute(update(CaseStatusRow).where(this, CaseStatusRow.part == 1).values(**marks))
            waits = {"started_at": None, "applied_at": now - timedelta(minutes=2)}
            row = ApplicationRow.application_no == sharing.application_no
            await session.execute(update(ApplicationRow).where(row).values(**waits))
            mail = NoticeRow.case_no == sharing.application_no
            stuck = {"sent_at": None, "created_at": now - timedelta(minutes=1)}
            await session.execute(update(NoticeRow).where(mail).values(**stuck))
            notice = (NoticeRow.case_no == notified.application_no, NoticeRow.kind == MailKind.COMPLETION_NOTICE)
            came_back = {"bounced_at": now, "sent_at": now}
            await session.execute(update(NoticeRow).where(*notice).values(**came_back))
            applied = ApplicationRow.application_no == notified.application_no
            await session.execute(update(ApplicationRow).where(applied).values(applied_at=now - timedelta(days=3)))
        now += timedelta(seconds=1)
        found = await counted.read()
        assert found.waiting["OfficeDataProcedure", Stage.SHARING, "applicant"] == 1
        assert found.waiting["OfficeDataProcedure", Stage.SET_UP, "applicant"] == 1
        assert found.procedures["OfficeDataProcedure"] == ProcedureFigures(1, 1, 1, 1)
        assert found.mails[MailState.PENDING] > 0
        assert found.mails[MailState.RETURNED] == 1
        assert found.oldest_pending_mail == 61
        assert (found.unstarted_forms, found.oldest_unstarted_form) == (1, 121)
        assert found.notices == {True: 1, False: 0}
        assert found.acceptance_to_notice == {"50": timedelta(days=3).total_seconds(), "90": 3 * 86_400}
        async with environment.sessions.begin() as session:
            late = {"due_date": day_in_japan(now - timedelta(days=5))}
            await session.execute(update(ApplicationRow).where(applied).values(**late))
            refused = {"refused_because": "宛先を受け付けませんでした"}
            await session.execute(update(NoticeRow).where(mail).values(**refused))
        found = await counted.read()
        assert found.notices == {True: 0, False: 1}
        assert (found.mails[MailState.PENDING], found.oldest_pending_mail) == (0, 0)
        assert found.mails[MailState.REFUSED] > 0


async def test_mails_that_wait_since_a_restore_are_counted_apart(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    now = datetime.now(UTC)
    async with environment.sessions.begin() as session:
        await session.execute(update(NoticeRow).values(sent_at=None))
    async with as_role(environment.sessions, DatabaseRole.FIGURES) as own:
        counted = CountedCases(own, lambda: now)
        before = (await counted.read()).mails
        assert before[MailState.PENDING] > before[MailState.HELD] == 0
        async with environment.sessions.begin() as session:
            session.add(HeldCaseRow(case_no=case.application_no, held_since=now))
        found = await counted.read()
        assert (found.mails[MailState.PENDING], found.mails[MailState.HELD]) == (0, before[MailState.PENDING])
        assert found.oldest_pending_mail == 0
