"""Ways through the short procedures, and through those that run by the clock. Histories of each are kept and replayed.

Receipt and form numbers begin anew in each database: a path is walked once per Temporal server.
"""

import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from sqlalchemy import select, update
from temporalio.client import WorkflowExecution

from models.common.calendar import day_in_japan, opening_of, utc_now
from models.common.operator_actions import EndCase
from models.common.waiting_for import WaitingFor
from models.tables import DraftRow, OfficeRow
from models.webhooks.messages import ATTEMPTS, KEPT_DEAD, WebhookStage
from models.yayoi.case_links import case_path
from models.yayoi.deadlines import MEMBER_INVITATION_REMINDER_DAYS
from models.yayoi.identifiers import ended_record_workflow_id
from models.yayoi.messages import OfficeRef
from models.yayoi.operator_actions import Action, CorrectRelink
from tests.support.bounced import come_back
from tests.support.business_group import GUEST, Group, group_in
from tests.support.case_pages import mailings
from tests.support.cases import DESK, Handle, change, digest_on, in_set_up, in_sharing, pass_time
from tests.support.customer import ASKED
from tests.support.ending import end
from tests.support.environment import OFFICE_B, OFFICE_C, Environment, form
from tests.support.provider_forms import refuse
from tests.support.recorded_paths import BANK_B, mistakes_corrected
from tests.support.secret_key import SECRET_KEYS
from tests.support.settling import settled
from tests.support.signing import SATO, operations_by
from tests.support.web import until
from tests.support.webhook_messages import Message, form_starter, stored
from tests.support.webhook_receiver import receiving
from web.common.operation_sender import AskedOperation
from web.yayoi.ended_office_records import EndedOfficeRecords
from workflows.backoffice.bounce_reading import BounceReading
from workflows.backoffice.daily_reconciliation import DailyReconciliation

Path = Callable[[Environment], Awaitable[Handle]]


# --- invitations ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def invited(environment: Environment) -> AsyncIterator[Group]:
    """Somebody has been invited and has got the mail; the invitation is followed to its end."""
    async with group_in(environment) as group:
        await group.invite(GUEST)
        await group.mails(GUEST, 1)
        await settled(environment.temporal, await group.procedure())
        yield group
        await group.ended()


async def invitation_joined_after_a_reminder(environment: Environment) -> Handle:
    async with invited(environment) as group:
        procedure = await group.procedure()
        today = day_in_japan(await environment.temporal.get_current_time(procedure))
        remind_at = opening_of(environment.calendar.business_days_after(today, MEMBER_INVITATION_REMINDER_DAYS))
        await pass_time(environment, procedure, remind_at)
        [link, _] = await group.mails(GUEST, 2)
        await group.web.sign_in(GUEST)
        await group.join(link)
        return procedure


async def invitation_that_comes_back(environment: Environment) -> Handle:
    async with invited(environment) as group:
        await come_back(environment, environment.inbox.to(GUEST)[-1])
        await settled(environment.temporal, await group.procedure())
        await group.change("withdrawn")
        return await group.procedure()


async def invitation_withdrawn_after_a_resend(environment: Environment) -> Handle:
    async with invited(environment) as group:
        await group.change("again")
        await group.mails(GUEST, 2)
        await group.change("withdrawn")
        return await group.procedure()


async def invitation_expired(environment: Environment) -> Handle:
    async with invited(environment) as group:
        procedure = await group.procedure()
        await pass_time(environment, procedure, (await group.row()).expires_at)
        return procedure


async def invitation_cancelled_in_the_web_ui(environment: Environment) -> Handle:
    async with invited(environment) as group:
        procedure = await group.procedure()
        await procedure.cancel()
        await pass_time(environment, procedure, (await group.row()).expires_at)
        return procedure


# --- one mail each ----------------------------------------------------------------------------------------------------


async def enquiry_forwarded(environment: Environment) -> Handle:
    async with group_in(environment) as group:
        answer = await group.web.send("/enquiry", ASKED)
        [receipt_no] = parse_qs(urlsplit(answer.headers["location"]).query)["receipt"]

        async def arrived() -> bool:
            return bool(environment.inbox.to(DESK))

        await until(arrived)
        return environment.client.get_workflow_handle(f"enquiry/{receipt_no}")


async def draft_mailed(environment: Environment) -> Handle:
    async with group_in(environment) as group:
        saved = await group.web.send("/apply", {"applicant.family_name": "弥生", "action": "save"})
        place = saved.headers["location"]
        await group.web.send(place, {"mail_address": GUEST}, action="/drafts")
        [row] = await environment.rows(select(DraftRow))

        async def arrived() -> bool:
            return bool(environment.inbox.to(GUEST))

        await until(arrived)
        return environment.client.get_workflow_handle(f"draft/{row.draft_id}/{row.mail_no}")


async def case_link_mailed(environment: Environment) -> Handle:
    case = await environment.apply(form([OFFICE_C]))
    await case.act(EndCase(reason="お電話"), action=Action.WITHDRAW)
    await case.application.result()
    yesterday = day_in_japan(datetime.now(UTC)) - timedelta(days=1)
    async with group_in(environment) as group:
        page = await group.web.http.get(case_path(SECRET_KEYS, case.application_no, yesterday))
        [where] = re.findall(r'<form method="post" action="([^"]*)"', page.text)
        await group.web.http.post(html.unescape(where))
        found: list[WorkflowExecution] = []

        async def listed() -> bool:
            found[:] = await mailings(group.web)
            return bool(found)

        await until(listed)
        return environment.client.get_workflow_handle(found[0].id)


async def relink_corrected_after_the_end(environment: Environment) -> Handle:
    case = await mistakes_corrected(environment)
    await case.application.result()
    operations = operations_by(environment.client, environment.sessions)
    queue = environment.settings.temporal_task_queue
    ended = EndedOfficeRecords(environment.sessions, environment.client, operations, utc_now, task_queue=queue)
    said = {"reason": "記録の間違い", "link": await case.link(*BANK_B)}
    today = day_in_japan(datetime.now(UTC))
    asked = AskedOperation(SATO)
    pair = OfficeRef(case_no=case.application_no, part=1)
    assert (
        await ended.record(
            pair,
            Action.CORRECT_RELINK,
            CorrectRelink(**said, relinked_on=today, asked_from=today - timedelta(days=1)),
            asked,
        )
        is None
    )
    return environment.client.get_workflow_handle(ended_record_workflow_id(case.application_no, asked.update_id))


async def desk_notified_of_a_refused_form(environment: Environment) -> Handle:
    row = await refuse(environment)
    await form_starter(environment).start_all()
    return environment.client.get_workflow_handle(f"refused-form/{row.form_no}")


# --- webhooks ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def sent(environment: Environment, *answers: int) -> AsyncIterator[Message]:
    """A message is on its way to a subscriber who answers so, and from then on takes everything."""
    async with receiving() as receiver:
        receiver.answers = list(answers)
        message = await stored(environment, receiver.url)
        await message.start()
        yield message
        await message.handle.result()


async def dead(message: Message) -> None:
    await message.die()
    await message.shown(WebhookStage.DEAD, WaitingFor.OPERATOR)
    await settled(message.environment.temporal, message.handle)


async def webhook_delivered(environment: Environment) -> Handle:
    async with sent(environment) as message:
        return message.handle


async def webhook_cancelled_in_the_web_ui(environment: Environment) -> Handle:
    async with receiving() as receiver:
        receiver.hangs = True
        message = await stored(environment, receiver.url)
        await message.start()
        await receiver.has(1)
        await message.handle.cancel()
        await message.shown(WebhookStage.SENDING, WaitingFor.OPERATOR)
        receiver.hangs = False
        await message.handle.result()
        return message.handle


async def webhook_sent_again_by_an_operator(environment: Environment) -> Handle:
    async with sent(environment, *[500] * ATTEMPTS) as message:
        await dead(message)
        await message.handle.execute_update("resend", {"reason": "直ったため"})
        return message.handle


async def webhook_never_sent_again(environment: Environment) -> Handle:
    async with sent(environment, *[500] * ATTEMPTS) as message:
        await dead(message)
        await message.pass_time(KEPT_DEAD + timedelta(minutes=1))
        return message.handle


async def webhook_of_a_subscriber_who_is_gone(environment: Environment) -> Handle:
    async with sent(environment, 410) as message:
        return message.handle


# --- by the clock -----------------------------------------------------------------------------------------------------


async def digest_of_a_business_day(environment: Environment) -> Handle:
    return await digest_on(environment, environment.calendar.business_days_after(day_in_japan(datetime.now(UTC)), 1))


async def digest_of_a_sunday(environment: Environment) -> Handle:
    today = day_in_japan(datetime.now(UTC))
    return await digest_on(environment, today + timedelta(days=6 - today.weekday() or 7))


async def returned_mails_read(environment: Environment) -> Handle:
    queue = environment.settings.temporal_task_queue
    procedure = await environment.client.start_workflow(BounceReading.run, id=f"bounces-{uuid4()}", task_queue=queue)
    await procedure.result()
    return procedure


async def reconciliation_that_finds_nothing(environment: Environment) -> Handle:
    return await reconciled(environment)


async def reconciliation_of_a_terminated_application(environment: Environment) -> Handle:
    case = await in_set_up(environment)
    await case.application.terminate()
    await case.office().terminate()
    return await reconciled(environment)


async def reconciliation_of_freezes(environment: Environment) -> Handle:
    """One was lost, one was left behind."""
    case = await in_sharing(environment)
    left = {"frozen_by": "YS-999999:1", "frozen_at": datetime.now(UTC)}
    await change(
        environment,
        update(OfficeRow).where(OfficeRow.office_token == OFFICE_C[1]).values(frozen_by=None, frozen_at=None),
        update(OfficeRow).where(OfficeRow.office_token == OFFICE_B[1]).values(**left),
    )
    procedure = await reconciled(environment)
    await end(case.application, case.office())
    return procedure


async def reconciled(environment: Environment) -> Handle:
    procedure = await environment.client.start_workflow(
        DailyReconciliation.run, id=f"reconciliation-{uuid4()}", task_queue=environment.settings.temporal_task_queue
    )
    await procedure.result()
    return procedure


# --- waiting, and time ------------------------------------------------------------------------------------------------


SHORT_PATHS: tuple[Path, ...] = (
    invitation_joined_after_a_reminder,
    invitation_that_comes_back,
    invitation_withdrawn_after_a_resend,
    invitation_expired,
    invitation_cancelled_in_the_web_ui,
    enquiry_forwarded,
    draft_mailed,
    case_link_mailed,
    relink_corrected_after_the_end,
    desk_notified_of_a_refused_form,
    webhook_delivered,
    webhook_cancelled_in_the_web_ui,
    webhook_sent_again_by_an_operator,
    webhook_never_sent_again,
    webhook_of_a_subscriber_who_is_gone,
    digest_of_a_business_day,
    digest_of_a_sunday,
    returned_mails_read,
    reconciliation_that_finds_nothing,
    reconciliation_of_a_terminated_application,
    reconciliation_of_freezes,
)
