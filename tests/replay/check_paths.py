"""Every way through the procedures of mailed codes, as people walk it. Histories of each are kept and replayed."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from models.yayoi.address_checks import LASTS
from models.yayoi.store.address_checks import ONE_CLICK
from tests.myics.registration_town import NEW, Town, wrong
from tests.support.world import OFFICE_B

Path = Callable[[Town], Awaitable[WorkflowHandle[Any, Any]]]


async def registered_with_a_second_code(town: Town) -> WorkflowHandle[Any, Any]:
    place = await town.begun()
    await town.enter(place, wrong(await town.code()))
    await town.later(place, ONE_CLICK)
    await town.send(place, {}, action=f"{place}/resend")
    await town.enter(place, await town.code(2))
    return town.procedure(place)


async def registration_never_finished(town: Town) -> WorkflowHandle[Any, Any]:
    place = await town.begun()
    await town.mail()
    procedure = town.procedure(place)
    await town.world.environment.fast_forward(procedure, LASTS + timedelta(minutes=1))
    return procedure


async def registration_ended_by_an_operator(town: Town) -> WorkflowHandle[Any, Any]:
    place = await town.begun()
    await town.mail()
    await town.procedure(place).execute_update("end_check", {"by": "佐藤", "reason": "お電話"})
    return town.procedure(place)


async def registration_cancelled_in_the_web_ui(town: Town) -> WorkflowHandle[Any, Any]:
    place = await town.begun()
    await town.mail()
    await town.procedure(place).cancel()
    return town.procedure(place)


async def password_set(town: Town) -> WorkflowHandle[Any, Any]:
    place = await town.begun("/password", {"yayoi_id": OFFICE_B[0]})
    await town.enter(place, await town.code(1, OFFICE_B[0]), **NEW)
    return town.procedure(place)


CHECK_PATHS: tuple[Path, ...] = (
    registered_with_a_second_code,
    registration_never_finished,
    registration_ended_by_an_operator,
    registration_cancelled_in_the_web_ui,
    password_set,
)
