"""*Request Cancellation* ends nothing by itself: what is under way is owed to somebody (trust: who acts)."""

from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from models.yayoi.mails import MailKind
from models.yayoi.messages import OfficeRef, SendMail
from models.yayoi.procedures import Stage
from tests.support.environment import TARO, Environment, at_rest, form
from tests.support.web import until
from workers.wiring.root import WORKFLOWS
from workflows.common.cancellation import shielded_from_cancellation
from workflows.yayoi.case_link_mail import CaseLinkMail

SHIELDED = shielded_from_cancellation(CaseLinkMail.send).__code__


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.__name__)
def test_no_workflow_is_torn_apart_by_it(workflow: type[Any]) -> None:
    """Of every workflow that a worker knows: its `run` goes on, and it takes note of the request, or of nothing."""
    assert vars(workflow)["run"].__code__ is SHIELDED
    assert callable(workflow.cancellation_requested)


async def test_a_mail_that_is_being_sent_is_sent_all_the_same(environment: Environment) -> None:
    """Nobody has to decide about it, so that whoever reaches Temporal cannot keep it back."""
    case = await environment.apply(form())
    await at_rest(case, Stage.SET_UP)
    pair, inbox = OfficeRef(case_no=case.application_no, part=1), environment.inbox
    mail = SendMail.of(pair, await case.now(), kind=MailKind.CASE_LINK, to_applicant=True, occurrence=7)
    inbox.busy.add(TARO)
    handle = await environment.client.start_workflow(
        CaseLinkMail.run, mail, id=f"link-{uuid4()}", task_queue=environment.settings.temporal_task_queue
    )
    await handle.cancel()

    async def is_requested() -> bool:
        events = [event.event_type async for event in handle.fetch_history_events()]
        return EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED in events

    await until(is_requested)
    inbox.busy.clear()
    assert await handle.result() is not None
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert [mail["Subject"] for mail in inbox.to(TARO)].count(MailKind.CASE_LINK.subject) == 1
