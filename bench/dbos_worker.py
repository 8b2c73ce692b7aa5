"""The DBOS side's worker: the steps to the notice, and what each does in Postgres and by mail, as DBOS workflows.

Each step runs the very code of our activity, so its SQL is ours: effect, ledger row and audit row in one transaction.
They are plain steps, not DBOS' datasource transactions: the ledger makes them take effect once, and a datasource would
write a row more. The form is stored in the first step, since no web does it. What Temporal adds for operators and other
systems (search attributes, details, stage changes) has no counterpart here, and nobody waits for the customer at the
end: a workflow ends with the thaw.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from dbos import DBOS
from sqlalchemy import event, make_url

from bench.other_processes import say_ready
from models.common.calendar import BusinessCalendar, utc_now
from models.common.messages import AssignCase
from models.common.store.sessions import DatabaseSessions
from models.tables import ApplicationRow
from models.yayoi.application_form import ApplicationForm
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.mails import MailKind
from models.yayoi.messages import OfficeStep, SendMail
from models.yayoi.store.intake import Intake
from workers import database, temporal
from workers.journal import JournalFile
from workers.master_keys import master_keys
from workers.program import read_settings, run, until_cancelled
from workers.settings import Settings
from workers.wiring.dependencies import Activities
from workers.wiring.root import build_activities

APPLICATION = "bench"
QUEUE, WORKFLOW = "applications", "lead_application"
WORKFLOWS_AT_ONCE = 100
"""In one process; as many as a Temporal worker runs activities by default. A limit over all processes costs more."""
POLLS_EVERY = 0.05
"""Seconds. By default, a second: a short batch would mostly wait."""
CONNECTIONS = 20
"""DBOS' own, beside those of the steps."""
_RETRIED: dict[str, Any] = {
    "retries_allowed": True,
    "interval_seconds": 1.0,
    "backoff_rate": 2.0,
    "max_attempts": 20,
}
"""As ours, but for the end: ours are tried until they work."""


def database_url(settings: Settings) -> str:
    """Our database, where DBOS keeps its tables in a schema of its own, by the driver that it wants."""
    return make_url(database.url(settings)).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def register(sessions: DatabaseSessions, settings: Settings, activities: Activities) -> None:
    """Register the straight way of an application with one office. DBOS takes functions, no methods."""
    # Else our web, which looks for what was not started, would start each of them on Temporal, too.
    event.listen(ApplicationRow, "init", _as_started)
    intake = Intake(sessions, BusinessCalendar(settings.closing_days))
    run_activity: dict[str, Callable[..., Awaitable[Any]]] = {each.__name__: each for each in activities}

    async def receive(form: dict[str, Any]) -> str:
        return str((await intake.receive(ApplicationForm.model_validate(form))).application_no)

    async def assign(number: str) -> None:
        asked = AssignCase(case_no=number, at=utc_now(), all_parts=True)
        await run_activity["assign_operator"](asked)

    async def do(step: str, number: str) -> None:
        await run_activity[step](OfficeStep(case_no=ApplicationNo(number), part=1, at=utc_now()))

    async def mail(number: str, office_no: int | None, kind: str) -> None:
        asked = SendMail(case_no=number, part=office_no, kind=MailKind(kind), at=utc_now())
        await run_activity["send_mail"](asked)

    receive_once, assign_once, do_once, mail_once = (
        DBOS.step(**_RETRIED)(each) for each in (receive, assign, do, mail)
    )

    async def lead_office(number: str) -> None:
        for step in ("check_pair", "remember_links", "sharing_state", "issue_contract_id"):
            await do_once(step, number)
        await mail_once(number, 1, MailKind.COMPLETION_NOTICE.value)
        await do_once("thaw_smart_import", number)

    lead_office_once = DBOS.workflow(name="lead_office")(lead_office)

    async def lead_application(form: dict[str, Any]) -> None:
        number = await receive_once(form)
        await assign_once(number)
        await DBOS.start_workflow_async(lead_office_once, number)
        await mail_once(number, None, MailKind.RECEIPT.value)

    DBOS.workflow(name=WORKFLOW)(lead_application)


def _as_started(_: ApplicationRow, __: tuple[Any, ...], columns: dict[str, Any]) -> None:
    columns["started_at"] = utc_now()


async def serve(settings: Settings) -> None:
    """Take applications from the queue until cancelled. Steps run on this loop, as our activities do on theirs."""
    engine = database.engine(settings)
    try:
        sessions = database.sessions(engine, master_keys(settings), JournalFile.of(settings))
        activities = build_activities(settings, sessions, await temporal.connect(settings, lazy=True))
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": database_url(settings),
                "sys_db_pool_size": CONNECTIONS,
                "log_level": "WARNING",
            }
        )
        register(sessions, settings, activities)
        DBOS.launch()
        await DBOS.register_queue_async(QUEUE, worker_concurrency=WORKFLOWS_AT_ONCE, polling_interval_sec=POLLS_EVERY)
        say_ready()
        await until_cancelled()
    finally:
        DBOS.destroy()
        await engine.dispose()


if __name__ == "__main__":
    raise SystemExit(run(serve(read_settings()), service=True))
