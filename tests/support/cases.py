"""Cases that wait at a stage, and changes of their rows."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowHandle

from models.common.calendar import opening_of
from models.tables import (
    ApplicationOfficeRow,
)
from models.yayoi.procedures import Stage
from tests.support.environment import NOBODY, OFFICE_C, Case, Environment, at_rest, form
from workflows.backoffice.morning_digest import MorningDigest

DESK = "back-office@yayoi.example"
"""The operators' mailbox."""
SATO, TANAKA = "sato@back-office.example.jp", "tanaka@back-office.example.jp"

Handle = WorkflowHandle[Any, Any]


async def change(environment: Environment, *statements: Any) -> None:
    async with environment.sessions.begin() as session:
        for statement in statements:
            await session.execute(statement)


async def pair_of(case: Case, number: int = 1) -> ApplicationOfficeRow:
    async with case.environment.sessions() as session:
        return await session.get_one(ApplicationOfficeRow, (case.application_no, number))


async def in_correction(environment: Environment) -> Case:
    case = await environment.apply(form([(NOBODY, OFFICE_C[1])]))
    await at_rest(case, Stage.CORRECTION)
    return case


async def in_sharing(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    return case


async def in_set_up(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    return case


async def digest_on(environment: Environment, day: date) -> Handle:
    delay = opening_of(day) - datetime.now(UTC)
    procedure = await environment.client.start_workflow(
        MorningDigest.run,
        id=f"digest-{uuid4()}",
        task_queue=environment.settings.temporal_task_queue,
        start_delay=delay,
    )
    await pass_time(environment, procedure, opening_of(day))
    return procedure


async def pass_time(environment: Environment, procedure: Handle, moment: datetime) -> None:
    """Let a procedure's time pass to just after `moment`."""
    distance = moment - await environment.temporal.get_current_time(procedure)
    await environment.temporal.fast_forward(procedure, distance + timedelta(minutes=1))
