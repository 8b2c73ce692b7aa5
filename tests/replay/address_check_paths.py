"""Every way through the procedures of mailed codes, as people walk it. Histories of each are kept and replayed."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from models.yayoi.deadlines import ADDRESS_CHECK_LASTS
from models.yayoi.store.address_checks import ONE_CLICK
from tests.support.browser_user import NEW, BrowserUser, wrong
from tests.support.environment import OFFICE_B

Path = Callable[[BrowserUser], Awaitable[WorkflowHandle[Any, Any]]]


async def registered_with_a_second_code(browser_user: BrowserUser) -> WorkflowHandle[Any, Any]:
    place = await browser_user.begun()
    await browser_user.enter(place, wrong(await browser_user.code()))
    await browser_user.later(place, ONE_CLICK)
    await browser_user.send(place, {}, action=f"{place}/resend")
    await browser_user.enter(place, await browser_user.code(2))
    return browser_user.procedure(place)


async def registration_never_finished(browser_user: BrowserUser) -> WorkflowHandle[Any, Any]:
    place = await browser_user.begun()
    await browser_user.mail()
    procedure = browser_user.procedure(place)
    await browser_user.environment.temporal.fast_forward(procedure, ADDRESS_CHECK_LASTS + timedelta(minutes=1))
    return procedure


async def registration_ended_by_an_operator(browser_user: BrowserUser) -> WorkflowHandle[Any, Any]:
    place = await browser_user.begun()
    await browser_user.mail()
    await browser_user.procedure(place).execute_update("end_check", {"reason": "お電話"})
    return browser_user.procedure(place)


async def registration_cancelled_in_the_web_ui(browser_user: BrowserUser) -> WorkflowHandle[Any, Any]:
    place = await browser_user.begun()
    await browser_user.mail()
    await browser_user.procedure(place).cancel()
    await browser_user.procedure(place).execute_update("end_check", {"reason": "お電話"})
    return browser_user.procedure(place)


async def password_set(browser_user: BrowserUser) -> WorkflowHandle[Any, Any]:
    place = await browser_user.begun("/password", {"yayoi_id": OFFICE_B[0]})
    await browser_user.enter(place, await browser_user.code(1, OFFICE_B[0]), **NEW)
    return browser_user.procedure(place)


CHECK_PATHS: tuple[Path, ...] = (
    registered_with_a_second_code,
    registration_never_finished,
    registration_ended_by_an_operator,
    registration_cancelled_in_the_web_ui,
    password_set,
)
