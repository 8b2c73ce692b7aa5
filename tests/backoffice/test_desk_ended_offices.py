"""An office whose procedure has ended, on the desk: what its customer has done can be recorded, and nothing else."""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest_asyncio
from sqlalchemy import select

from models.common.calendar import day_in_japan, day_in_words, utc_now
from models.common.desk_links import desk_case_path, operation_path
from models.common.operators import Role
from models.common.store.case_status import status_of
from models.common.store.operation_records import OperationRecords
from models.tables import ApplicationOfficeRow, RememberedLinkRow
from models.yayoi.deadlines import AFTER_CLOSING_DAYS, FOLLOW_UP_DAYS
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import SetUpStep, Stage
from models.yayoi.relink_form import FUTURE
from models.yayoi.store.pair_status import OVER
from models.yayoi.store.pair_status import status_of as pair_status_of
from models.yayoi.store.remembered_links import RELINK_CORRECTED
from tests.support.databases import as_role
from tests.support.desk import DeskSite, desk_on
from tests.support.environment import OFFICE_B, Case, Environment, at_rest, form
from tests.support.operator_actions import cancel_with_approval
from tests.support.recorded_paths import BANK_B
from tests.support.signing import SATO, operations_by
from tests.support.web import hidden_fields, text_of
from web.backoffice.case_reader import CaseReader, ReadCase
from web.backoffice.desk import DeskContext
from web.backoffice.ended_offices import EndedOfficeReader, EndedOfficeSender
from web.common.operation_sender import ENDED, Done, Refused, Why
from web.yayoi.ended_office_records import EndedOfficeRecords
from workers.database_roles import DatabaseRole

AGAIN = "日付の聞き間違い"
_KIND, BANK = BANK_B


@pytest_asyncio.fixture
async def site(environment: Environment) -> AsyncIterator[DeskSite]:
    """The desk as it is wired, on the environment's cases."""
    async with as_role(environment.sessions, DatabaseRole.DESK) as own:
        operations = operations_by(environment.client, own)
        queue = environment.settings.temporal_task_queue
        ended = EndedOfficeRecords(own, environment.client, operations, utc_now, task_queue=queue)
        sender = EndedOfficeSender(operations, ended, own, OperationRecords(own))
        reader = EndedOfficeReader(CaseReader(environment.client), own)
        async with desk_on(environment.sessions, sender=sender, reader=reader) as site:
            yield site


async def relinked(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_B]))
    await at_rest(case, Stage.SET_UP)
    await case.relink(_KIND, BANK, day_in_japan(await case.now()))
    return case


async def recorded(environment: Environment, case: Case) -> RememberedLinkRow:
    [row] = await environment.rows(select(RememberedLinkRow).filter_by(application_no=case.application_no))
    assert isinstance(row, RememberedLinkRow)
    return row


def operations_on(page: str) -> set[str]:
    return set(re.findall(r"/operations/([a-z_]+)", page))


async def test_y21_an_operator_corrects_the_day_of_a_relink_of_a_case_that_has_ended(
    environment: Environment, site: DeskSite
) -> None:
    """As long as it is kept: refused beside the field, taken once, shown in what has happened, and audited."""
    case = await relinked(environment)
    await case.do_steps(*SetUpStep)
    await case.office().result()
    await site.sign_in("sk")
    page = desk_case_path(case.application_no, 1)
    address = operation_path(case.application_no, 1, Action.CORRECT_RELINK)
    shown = await site.http.get(page)
    assert operations_on(shown.text) == {Action.CORRECT_RELINK, Action.RETRACT_RELINK, Action.RETRACT_SET_UP_STEP}
    begun = await site.http.get(address)
    day = (await recorded(environment, case)).relinked_on
    assert day is not None
    assert f"{BANK}」（再連携した日：{day_in_words(day)}）" in text_of(begun)
    along = hidden_fields(begun)
    future = {"relinked_on": str(day + timedelta(days=300)), "reason": AGAIN}
    refused = await site.http.post(address, data=along | future)
    assert FUTURE in text_of(refused)
    assert 'id="relinked_on-error"' in refused.text
    assert (await recorded(environment, case)).relinked_on == day

    first = day - timedelta(days=3)
    right = hidden_fields(refused) | {"relinked_on": str(day), "asked_from": str(first), "reason": AGAIN}
    pressed = [right, right | {"form_id": str(uuid4())}]  # pressed once, and after Back another time
    for each in pressed:
        sent = await site.http.post(address, data=each)
        assert sent.headers["location"] == f"{page}?done={Action.CORRECT_RELINK}"
    assert (await recorded(environment, case)).first_covered_on == first
    [entry] = [each for each in await case.audit() if each.action == RELINK_CORRECTED]
    assert (entry.by, entry.reason) == (str(SATO), AGAIN)
    done = text_of(await site.http.get(page))
    assert f"{BANK}」：{RELINK_CORRECTED}（担当者 佐藤：{AGAIN}）" in done

    other = await site.http.get(operation_path(case.application_no, 1, Action.ADD_NOTE))
    assert other.status_code == HTTPStatus.CONFLICT
    await site.add("kn", Role.AUDITOR)
    await site.sign_in("kn")
    assert address not in (await site.http.get(page)).text
    assert (await site.http.get(address)).status_code == HTTPStatus.FORBIDDEN


async def test_y27_of_a_case_that_was_undone_nothing_is_corrected(environment: Environment, site: DeskSite) -> None:
    case = await relinked(environment)
    said = {"link": await case.link(_KIND, BANK), "relinked_on": str(day_in_japan(await case.now())), "reason": AGAIN}
    await cancel_with_approval(case, "お客様のご希望")
    await case.office().result()
    await site.sign_in("sk")
    form_of_correction = await site.http.get(operation_path(case.application_no, 1, Action.CORRECT_RELINK))
    assert form_of_correction.status_code == HTTPStatus.CONFLICT
    sender = site.app.state.services[DeskContext].sender
    outcome = await sender.send(case.office().id, str(Action.CORRECT_RELINK), said, SATO, str(uuid4()))
    assert outcome == Refused(ENDED, Why.ENDED)
    assert RELINK_CORRECTED not in {each.action for each in await case.audit()}


async def test_y25_what_nobody_has_done_in_time_is_recorded_by_an_operator_whom_the_customer_asks(
    environment: Environment, site: DeskSite
) -> None:
    """The pages send whoever comes too late to the desk, which can do it: each step in its order, audited."""
    case = await environment.apply(form([OFFICE_B]))
    await at_rest(case, Stage.SET_UP)
    for days in (FOLLOW_UP_DAYS + 1, AFTER_CLOSING_DAYS + 1):
        await case.until(await case.now() + timedelta(days=days))
    assert (await case.office().result()).outcome is Outcome.INCOMPLETE
    status = await pair_status_of(environment.sessions, OFFICE_B[0])
    assert status is not None
    assert status.refuse(SetUpStep.SUPPORT_PASSWORD) == OVER
    await site.sign_in("sk")
    page = desk_case_path(case.application_no, 1)
    assert operations_on((await site.http.get(page)).text) == {Action.REPORT_SET_UP_STEP, Action.REPORT_RELINK}

    too_early = {"step": str(SetUpStep.PRODUCT), "reason": AGAIN}
    sender = site.app.state.services[DeskContext].sender
    refused = await sender.send(case.office().id, str(Action.REPORT_SET_UP_STEP), too_early, SATO, str(uuid4()))
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("順番が違います")
    for step in SetUpStep:
        await done(site, case, Action.REPORT_SET_UP_STEP, {"step": str(step), "reason": AGAIN})
    last = {"step": str(SetUpStep.OWNED_PRODUCT), "reason": AGAIN}
    await done(site, case, Action.RETRACT_SET_UP_STEP, last)
    await done(site, case, Action.REPORT_SET_UP_STEP, last)
    made = {"link": str(await case.link(_KIND, BANK)), "relinked_on": str(day_in_japan(utc_now())), "reason": AGAIN}
    assert await outcome_of(environment, case) == (Outcome.INCOMPLETE, ["口座連携「" + BANK + "」の再連携"])
    await done(site, case, Action.REPORT_RELINK, made)
    await done(site, case, Action.RETRACT_RELINK, {"link": made["link"], "reason": AGAIN})
    await done(site, case, Action.REPORT_RELINK, made)

    assert await outcome_of(environment, case) == (Outcome.COMPLETED, [])
    async with environment.sessions() as session:
        row = await status_of(session, case.application_no, 1)
    assert row is not None
    assert (row.stage, row.outcome, row.points) == (Stage.CLOSED, Outcome.COMPLETED, [])
    status = await pair_status_of(environment.sessions, OFFICE_B[0])
    assert status is not None
    assert status.follow_up.complete
    said = [entry for entry in await case.audit() if entry.reason == AGAIN]
    assert {entry.by for entry in said} == {str(SATO)}
    assert all(entry.signed for entry in said)
    shown = text_of(await site.http.get(page))
    assert str(Outcome.COMPLETED) in shown
    for step in SetUpStep:
        assert f"{step.label}を記録した（担当者 佐藤：{AGAIN}）" in shown

    # Pressed twice it is one; and Temporal keeps what has ended for a shorter time than the records are kept.
    taken_back = {"link": made["link"], "reason": "もう一度"}
    again = str(uuid4())
    for _ in range(2):
        sent = await sender.send(case.office().id, str(Action.RETRACT_RELINK), taken_back, SATO, again)
        assert isinstance(sent, Done)
    assert len([entry for entry in await case.audit() if entry.reason == "もう一度"]) == 1
    left = await EndedOfficeReader(NothingLeft(), environment.sessions).read(case.application_no, 1)
    assert left is not None
    assert (left.now.stage, len(left.now.problems)) == (str(Outcome.INCOMPLETE), 1)
    assert left.now.operation(Action.REPORT_RELINK) is not None
    for number, part in ((case.application_no, 2), ("unknown", 1), (case.application_no, 10**12)):
        assert await EndedOfficeReader(NothingLeft(), environment.sessions).read(number, part) is None


class NothingLeft:
    """Temporal, once nothing is left of any case."""

    async def read(self, case_no: str, part: int | None) -> ReadCase | None:  # noqa: ARG002
        return None

    async def judge(self, workflow_id: str, operation: str, message: Mapping[str, Any]) -> str | None:  # noqa: ARG002
        return None

    async def newest_run(self, workflow_id: str) -> str | None:  # noqa: ARG002
        return None


async def done(site: DeskSite, case: Case, action: Action, said: dict[str, str]) -> None:
    address = operation_path(case.application_no, 1, action)
    sent = await site.http.post(address, data=hidden_fields(await site.http.get(address)) | said)
    assert sent.status_code == HTTPStatus.SEE_OTHER, text_of(sent)
    assert sent.headers["location"] == f"{desk_case_path(case.application_no, 1)}?done={action}"


async def outcome_of(environment: Environment, case: Case) -> tuple[str | None, list[str] | None]:
    [row] = await environment.rows(select(ApplicationOfficeRow).filter_by(application_no=case.application_no))
    return row.outcome, row.open_points
