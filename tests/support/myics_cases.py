"""Cases of MYICS that wait, and batches that operators see."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from temporalio import workflow
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError

from models.common.waiting_for import WaitingFor
from models.myics.batches import WAITING_TO_START, BatchKind, BatchProgress
from models.myics.forms import ClientForm
from models.myics.identifiers import (
    BatchNo,
    ClientSuffix,
    RegistrationNo,
    registration_workflow_id,
)
from models.myics.registrations import (
    RegistrationStage,
)
from models.myics.store.sign_in import Member
from models.tables import CaseStatusRow, MyicsBatchRow, MyicsRegistrationRow
from tests.support.myics_environment import MyicsEnvironment, Registered, user
from tests.support.running import PATIENCE
from web.common.workflow_notifier import WorkflowNotifier
from web.myics.notifications import batch_notification, registration_notification
from workflows.common.search_attributes import WAITING_FOR


def batch(myics: MyicsEnvironment, number: BatchNo) -> WorkflowHandle[object, BatchProgress]:
    return myics.environment.client.get_workflow_handle(registration_workflow_id(number), result_type=BatchProgress)


async def held_up(myics: MyicsEnvironment, manager: Member | None = None) -> WorkflowHandle[object, BatchProgress]:
    """A file whose invitations nobody starts: the web, which does that, has gone away."""
    manager = manager or await myics.firm()
    heads = "ユーザーアカウント,使用者,ユーザー種別\n"
    lines = (f"user{n}@aoba-kaikei.example.jp,利用者{n},一般\n" for n in range(WAITING_TO_START + 1))
    number = await myics.batches.take(manager, BatchKind.USERS, (heads + "".join(lines)).encode(), uuid4())
    environment, queue = myics.environment, myics.environment.settings.temporal_task_queue
    await WorkflowNotifier(
        environment.sessions, environment.client, MyicsBatchRow, batch_notification, task_queue=queue
    ).notify(number)
    handle = batch(myics, number)
    await shown(handle, lambda progress: progress.done == WAITING_TO_START + 1)
    return handle


async def start_nothing_more(myics: MyicsEnvironment) -> None:
    """Let it be as if the web were back and had started what waits."""
    async with myics.environment.sessions.begin() as session:
        await session.execute(update(MyicsRegistrationRow).values(notified_at=MyicsRegistrationRow.changed_at))


REFUSAL = "この処理は、いまの記録とは合いません。"
"""What a step says that is refused for good."""


@contextmanager
def refused_for_good(what: str) -> Iterator[None]:
    """Let the activities refuse for good that call this function, named with its module."""

    async def refuse(*_arguments: object) -> None:
        raise ApplicationError(REFUSAL, type="DoesNotFit", non_retryable=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(what, refuse)
        yield


async def waits_for_operator(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait until it is in the operators' list."""
    async with asyncio.timeout(PATIENCE):
        while not await _is_the_operators(handle):  # noqa: ASYNC110 the server is asked
            await asyncio.sleep(0.05)


async def _is_the_operators(handle: WorkflowHandle[Any, Any]) -> bool:
    return (await handle.describe()).typed_search_attributes.get(WAITING_FOR) == WaitingFor.OPERATOR


async def status_of(myics: MyicsEnvironment, number: str) -> CaseStatusRow:
    """Return the status row of a registration or a file."""
    [row] = await myics.rows(select(CaseStatusRow).where(CaseStatusRow.case_no == number))
    assert isinstance(row, CaseStatusRow)
    return row


def continue_as_new_after(monkeypatch: pytest.MonkeyPatch, events: int) -> None:
    """Let the server's suggestion come after so many events, instead of some thousands."""

    def suggested(info: workflow.Info) -> bool:
        return info.get_current_history_length() > events

    monkeypatch.setattr(workflow.Info, "is_continue_as_new_suggested", suggested)


async def shown(handle: WorkflowHandle[object, BatchProgress], so: Callable[[BatchProgress], bool]) -> None:
    """Wait until it is so far."""
    async with asyncio.timeout(PATIENCE):
        while not so(await handle.query("progress", result_type=BatchProgress)):  # noqa: ASYNC110 it is asked
            await asyncio.sleep(0.05)


MINATO = "minato@minato.example.jp"


async def client_without_its_users(myics: MyicsEnvironment) -> tuple[Registered, Registered]:
    """A client whose own registration runs, and that of its first user not yet."""
    manager = await myics.firm()
    form = ClientForm(suffix=ClientSuffix("0012"), name="みなと商店", users=(user(MINATO),))
    client = Registered(myics, await myics.clients.add(manager, form))
    environment, queue = myics.environment, myics.environment.settings.temporal_task_queue
    notifier = WorkflowNotifier(
        environment.sessions, environment.client, MyicsRegistrationRow, registration_notification, task_queue=queue
    )
    await notifier.notify(client.number)
    await client.at(RegistrationStage.USERS)
    [row] = await myics.rows(select(MyicsRegistrationRow).where(MyicsRegistrationRow.part_of == client.number))
    return client, Registered(myics, RegistrationNo(row.registration_no))
