"""`tetsuzuki replay`: would this build break a case that is open? The gate before a deployment."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer

from workers import temporal
from workers.settings import Settings
from workers.wiring import WORKFLOWS

AT_ONCE = 4
"""How many histories are fetched and replayed side by side."""


@dataclass(frozen=True)
class Replayed:
    """One open workflow, and why this build would break it, if it would."""

    workflow_id: str
    breaks_because: str | None


async def replay_with_progress(settings: Settings, workflows: Sequence[type] = WORKFLOWS) -> int:
    """Replay every open workflow, say which would break and why; 1 if any would."""
    client = await temporal.connect(settings)
    console = Console(stderr=True)
    columns = (TextColumn("replay"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    replayed = broken = 0
    with Progress(*columns, console=console) as progress:
        total = (await client.count_workflows(_open(settings))).count
        task = progress.add_task("replay", total=total)
        async for outcome in replay_open_workflows(client, settings, workflows):
            replayed += 1
            if outcome.breaks_because:
                broken += 1
                reason = f"{outcome.workflow_id}: {outcome.breaks_because}"
                console.print(reason, highlight=False, markup=False, soft_wrap=True)
            progress.update(task, completed=replayed, total=max(total, replayed))
    console.print(f"{replayed} open workflows replayed, {broken} would break with this build", highlight=False)
    return 1 if broken else 0


async def replay_open_workflows(
    client: Client, settings: Settings, workflows: Sequence[type]
) -> AsyncIterator[Replayed]:
    """Replay each open workflow of the task queue, in the order in which they are done."""
    replayer = Replayer(workflows=workflows, data_converter=temporal.DATA_CONVERTER)
    at_hand: set[asyncio.Task[Replayed | None]] = set()
    try:
        async for execution in client.list_workflows(_open(settings)):
            at_hand.add(asyncio.create_task(_replay(client, replayer, execution)))
            if len(at_hand) >= AT_ONCE:
                done, at_hand = await asyncio.wait(at_hand, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if outcome := await task:
                        yield outcome
        for ended in asyncio.as_completed(at_hand):
            if outcome := await ended:
                yield outcome
    finally:
        for task in at_hand:
            task.cancel()


def _open(settings: Settings) -> str:
    # By task queue, not by type: a type that this build no longer has breaks its cases too.
    return f"ExecutionStatus = 'Running' AND TaskQueue = '{settings.temporal_task_queue}'"


async def _replay(client: Client, replayer: Replayer, execution: WorkflowExecution) -> Replayed | None:
    """Replay one; None if it is gone meanwhile."""
    handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
    try:
        history = await handle.fetch_history()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    failure = (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure
    return Replayed(execution.id, _first_line(failure) if failure else None)


def _first_line(failure: Exception) -> str:
    return (str(failure) or type(failure).__name__).splitlines()[0]
