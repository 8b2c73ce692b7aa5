"""Ways through the short procedures, and through those that run by the clock. Histories of each are kept and replayed.

Receipt and form numbers begin anew in each database: a path is walked once per Temporal server.
"""

import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from sqlalchemy import update
from temporalio.client import WorkflowExecution, WorkflowHandle

from models.common.calendar import day_in_japan, opening_of
from models.common.waiting_for import WaitingFor
from models.tables import OfficeRow
from models.webhooks.messages import ATTEMPTS, KEPT_DEAD, WebhookStage
from models.yayoi.case_links import case_path
from models.yayoi.member_invitations import REMIND_AFTER
from models.yayoi.operator_actions import Withdraw
from tests.backoffice.test_reconciliation import change, in_set_up, in_sharing
from tests.support.ending import end
from tests.support.settling import settled
from tests.support.web_world import until
from tests.support.world import OFFICE_B, OFFICE_C, OPERATOR, World, form
from tests.webhooks.test_webhook_delivery import Message, form_starter, stored
from tests.webhooks.test_webhooks_commands import refuse
from tests.webhooks.webhook_receiver import receiving
from tests.yayoi.test_case_links import mailings
from tests.yayoi.test_enquiries import ASKED, DESK
from tests.yayoi.test_members import GUEST, Group, group_in
from workflows.backoffice.daily_reconciliation import DailyReconciliation
from workflows.backoffice.morning_digest import MorningDigest

Handle = WorkflowHandle[Any, Any]
Path = Callable[[World], Awaitable[Handle]]


# --- invitations ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def invited(world: World) -> AsyncIterator[Group]:
    """Somebody has been invited and has got the mail; the invitation is followed to its end."""
    async with group_in(world) as group:
        await group.invite(GUEST)
        await group.mails(GUEST, 1)
        await settled(world.environment, await group.procedure())
        yield group
        await group.ended()


async def invitation_joined_after_a_reminder(world: World) -> Handle:
    async with invited(world) as group:
        procedure = await group.procedure()
        today = day_in_japan(await world.environment.get_current_time(procedure))
        remind_at = opening_of(world.calendar.business_days_after(today, REMIND_AFTER))
        await pass_time(world, procedure, remind_at)
        [link, _] = await group.mails(GUEST, 2)
        await group.web.sign_in(GUEST)
        await group.join(link)
        return procedure


async def invitation_withdrawn_after_a_resend(world: World) -> Handle:
    async with invited(world) as group:
        await group.change("again")
        await group.mails(GUEST, 2)
        await group.change("withdrawn")
        return await group.procedure()


async def invitation_expired(world: World) -> Handle:
    async with invited(world) as group:
        procedure = await group.procedure()
        await pass_time(world, procedure, (await group.row()).expires_at)
        return procedure


async def invitation_cancelled_in_the_web_ui(world: World) -> Handle:
    async with invited(world) as group:
        procedure = await group.procedure()
        await procedure.cancel()
        return procedure


# --- one mail each ----------------------------------------------------------------------------------------------------


async def enquiry_forwarded(world: World) -> Handle:
    async with group_in(world) as group:
        answer = await group.web.send("/enquiry", ASKED)
        [receipt_no] = parse_qs(urlsplit(answer.headers["location"]).query)["receipt"]

        async def arrived() -> bool:
            return bool(world.inbox.to(DESK))

        await until(arrived)
        return world.client.get_workflow_handle(f"enquiry/{receipt_no}")


async def case_link_mailed(world: World) -> Handle:
    case = await world.apply(form([OFFICE_C]))
    await case.act(Withdraw(by=OPERATOR, reason="お電話"))
    await case.application.result()
    yesterday = day_in_japan(datetime.now(UTC)) - timedelta(days=1)
    async with group_in(world) as group:
        page = await group.web.http.get(case_path("secret", case.application_no, yesterday))
        [where] = re.findall(r'<form method="post" action="([^"]*)"', page.text)
        await group.web.http.post(html.unescape(where))
        found: list[WorkflowExecution] = []

        async def listed() -> bool:
            found[:] = await mailings(group.web)
            return bool(found)

        await until(listed)
        return world.client.get_workflow_handle(found[0].id)


async def refused_form_told_to_the_desk(world: World) -> Handle:
    row = await refuse(world)
    await form_starter(world).start_all()
    return world.client.get_workflow_handle(f"refused-form/{row.form_no}")


# --- webhooks ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def sent(world: World, *answers: int) -> AsyncIterator[Message]:
    """A message is on its way to a subscriber who answers so, and from then on takes everything."""
    async with receiving() as receiver:
        receiver.answers = list(answers)
        message = await stored(world, receiver.url)
        await message.start()
        yield message
        await message.handle.result()


async def dead(message: Message) -> None:
    await message.die()
    await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
    await settled(message.world.environment, message.handle)


async def webhook_delivered(world: World) -> Handle:
    async with sent(world) as message:
        return message.handle


async def webhook_cancelled_in_the_web_ui(world: World) -> Handle:
    async with receiving() as receiver:
        receiver.answers = [500]
        message = await stored(world, receiver.url)
        await message.start()
        await message.failed(1)
        await message.handle.cancel()
        await message.handle.result()
        return message.handle


async def webhook_sent_again_by_an_operator(world: World) -> Handle:
    async with sent(world, *[500] * ATTEMPTS) as message:
        await dead(message)
        await message.handle.execute_update("resend", {"by": "佐藤", "reason": "直ったため"})
        return message.handle


async def webhook_never_sent_again(world: World) -> Handle:
    async with sent(world, *[500] * ATTEMPTS) as message:
        await dead(message)
        await message.pass_time(KEPT_DEAD + timedelta(minutes=1))
        return message.handle


async def webhook_of_a_subscriber_who_is_gone(world: World) -> Handle:
    async with sent(world, 410) as message:
        return message.handle


# --- by the clock -----------------------------------------------------------------------------------------------------


async def digest_of_a_business_day(world: World) -> Handle:
    return await digest_on(world, world.calendar.business_days_after(day_in_japan(datetime.now(UTC)), 1))


async def digest_of_a_sunday(world: World) -> Handle:
    today = day_in_japan(datetime.now(UTC))
    return await digest_on(world, today + timedelta(days=6 - today.weekday() or 7))


async def digest_on(world: World, day: date) -> Handle:
    delay = opening_of(day) - datetime.now(UTC)
    procedure = await world.client.start_workflow(
        MorningDigest.run, id=f"digest-{uuid4()}", task_queue=world.settings.temporal_task_queue, start_delay=delay
    )
    await pass_time(world, procedure, opening_of(day))
    return procedure


async def reconciliation_that_finds_nothing(world: World) -> Handle:
    return await reconciled(world)


async def reconciliation_of_a_terminated_application(world: World) -> Handle:
    case = await in_set_up(world)
    await case.application.terminate()
    await case.office().terminate()
    return await reconciled(world)


async def reconciliation_of_freezes(world: World) -> Handle:
    """One was lost, one was left behind."""
    case = await in_sharing(world)
    left = {"frozen_by": "YS-999999:1", "frozen_at": datetime.now(UTC)}
    await change(
        world,
        update(OfficeRow).where(OfficeRow.office_token == OFFICE_C[1]).values(frozen_by=None, frozen_at=None),
        update(OfficeRow).where(OfficeRow.office_token == OFFICE_B[1]).values(**left),
    )
    procedure = await reconciled(world)
    await end(case.application, case.office())
    return procedure


async def reconciled(world: World) -> Handle:
    procedure = await world.client.start_workflow(
        DailyReconciliation.run, id=f"reconciliation-{uuid4()}", task_queue=world.settings.temporal_task_queue
    )
    await procedure.result()
    return procedure


# --- waiting, and time ------------------------------------------------------------------------------------------------


async def pass_time(world: World, procedure: Handle, moment: datetime) -> None:
    """Let a procedure's time pass to just after `moment`."""
    distance = moment - await world.environment.get_current_time(procedure)
    await world.environment.fast_forward(procedure, distance + timedelta(minutes=1))


SHORT_PATHS: tuple[Path, ...] = (
    invitation_joined_after_a_reminder,
    invitation_withdrawn_after_a_resend,
    invitation_expired,
    invitation_cancelled_in_the_web_ui,
    enquiry_forwarded,
    case_link_mailed,
    refused_form_told_to_the_desk,
    webhook_delivered,
    webhook_cancelled_in_the_web_ui,
    webhook_sent_again_by_an_operator,
    webhook_never_sent_again,
    webhook_of_a_subscriber_who_is_gone,
    digest_of_a_business_day,
    digest_of_a_sunday,
    reconciliation_that_finds_nothing,
    reconciliation_of_a_terminated_application,
    reconciliation_of_freezes,
)
