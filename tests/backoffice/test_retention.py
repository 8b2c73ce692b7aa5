"""Each night: histories that have closed are summarised in the audit, and what was kept long enough ends."""

from datetime import timedelta
from uuid import uuid4

from google.protobuf.json_format import MessageToDict
from sqlalchemy import select, update
from temporalio.testing import ActivityEnvironment

from activities.backoffice.retention import RetentionActivities
from models.backoffice.history_summary import SUMMARISED, HistorySummary
from models.backoffice.store.case_audit import NOT_KEPT
from models.common.calendar import utc_now
from models.common.commitments import SALT, commitment_of
from models.common.signing_keys import KeyPurpose, PrivateKey
from models.common.task_queues import erasing_queue
from models.tables import ApplicationRow, AuditRow, CaseStatusRow, DraftRow
from models.yayoi.operator_actions import Cancel
from models.yayoi.procedures import Stage
from tests.support.databases import as_role
from tests.support.ending import end
from tests.support.environment import OFFICE_B, OFFICE_C, Case, Environment, at_rest, form
from tests.support.sandbox import RESTRICTED
from web.backoffice.audit_exports import AuditExports
from workers.database_roles import DatabaseRole
from workers.known_keys import private_key_for
from workers.wiring.eraser import build_eraser
from workflows.backoffice.retention import Retention


async def one_night(environment: Environment) -> dict[str, int]:
    async with (
        as_role(environment.sessions, DatabaseRole.ERASE) as sessions,
        build_eraser(environment.client, environment.settings, sessions, versioned=False, runner=RESTRICTED),
    ):
        ended = await environment.client.execute_workflow(
            Retention.run, id=str(uuid4()), task_queue=erasing_queue(environment.settings.temporal_task_queue)
        )
    return ended.rows


async def summaries(environment: Environment) -> list[AuditRow]:
    return await environment.rows(
        select(AuditRow).filter_by(action=SUMMARISED).order_by(AuditRow.case_no, AuditRow.part)
    )


async def two_cases(environment: Environment) -> tuple[Case, Case]:
    """One that has ended, and one that goes on."""
    ended = await environment.apply(form([OFFICE_C]))
    await at_rest(ended, Stage.SHARING)
    await ended.act(Cancel(reason="お電話"))
    await ended.application.result()
    going_on = await environment.apply(form([OFFICE_B]))
    await at_rest(going_on, Stage.SET_UP)
    return ended, going_on


async def test_a_history_that_has_closed_is_summarised_once_and_found_once_temporal_has_lost_it(
    environment: Environment,
) -> None:
    ended, going_on = await two_cases(environment)
    for _ in range(2):
        await one_night(environment)
    rows = await summaries(environment)
    assert [(row.case_no, row.part) for row in rows] == [(ended.application_no, 0), (ended.application_no, 1)]
    [run] = [HistorySummary.model_validate(each) for each in rows[1].facts["runs"]]
    history = await ended.office().fetch_history()
    assert [event.id for event in run.events] == [event.event_id for event in history.events]
    assert run.events[-1].type == "WORKFLOW_EXECUTION_COMPLETED"
    assert run.run_id == (await ended.office().describe()).run_id
    for event, kept in zip(history.events, run.events, strict=True):
        assert kept.commitment == commitment_of({"event": MessageToDict(event), SALT: run.salt})

    async def key() -> PrivateKey:
        return await private_key_for(environment.settings, environment.sessions, KeyPurpose.AUDIT)

    async def lost(_: str) -> list[HistorySummary]:
        return []

    document = await AuditExports(environment.sessions, key, lost).export(ended.application_no)
    assert document
    places = "、".join(f"part {row.part} の {row.sequence} 番目" for row in rows)
    assert document.records["history"] == {"in_temporal": [], "says": NOT_KEPT.format(places=places)}
    await end(going_on.application, going_on.office())


async def test_one_whose_history_is_gone_is_not_asked_for_again_and_an_open_one_waits(environment: Environment) -> None:
    _, going_on = await two_cases(environment)

    async def lost(_: str) -> list[HistorySummary]:
        return []

    async def still_open(_: str) -> None:
        return None

    async def nobody_open(_: str) -> bool:
        return False

    for read, done in ((still_open, 0), (lost, 2), (lost, 0)):
        activities = RetentionActivities(environment.sessions, read, nobody_open)
        assert (await ActivityEnvironment().run(activities.summarise_histories)).parts == done
    assert [row.facts for row in await summaries(environment)] == [{"runs": []}, {"runs": []}]
    await end(going_on.application, going_on.office())


async def test_what_was_kept_long_enough_ends_and_a_case_that_is_open_is_whole(environment: Environment) -> None:
    ended, going_on = await two_cases(environment)
    long_ago = utc_now() - timedelta(days=4 * 365)
    async with environment.sessions.begin() as session:
        await session.execute(update(CaseStatusRow).values(changed_at=long_ago))
        session.add(DraftRow(draft_id=uuid4(), changed_at=long_ago, expires_at=long_ago))
    rows = await one_night(environment)
    assert rows["drafts"] == 1
    assert rows["applications"] == 1
    names = {row.application_no: row.family_name for row in await environment.rows(select(ApplicationRow))}
    assert names[ended.application_no] == ""
    assert names[going_on.application_no] != ""
    await end(going_on.application, going_on.office())
