"""Cases of MYICS that wait, and batches that operators see."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

from sqlalchemy import select, update
from temporalio.client import WorkflowHandle

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
from models.tables import MyicsBatchRow, MyicsRegistrationRow
from tests.support.myics_environment import MyicsEnvironment, Registered, user
from tests.support.running import PATIENCE
from web.common.workflow_notifier import WorkflowNotifier
from web.myics.notifications import batch_notification, registration_notification


def batch(myics: MyicsEnvironment, number: BatchNo) -> WorkflowHandle[object, BatchProgress]:
    return myics.environment.client.get_workflow_handle(registration_workflow_id(number), result_type=BatchProgress)


async def held_up(myics: MyicsEnvironment) -> WorkflowHandle[object, BatchProgress]:
    """A file whose invitations nobody starts: the web, which does that, has gone away."""
    manager = await myics.firm()
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
