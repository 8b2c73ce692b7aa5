"""`tetsuzuki replay`: would this build break a case that is open? And the replay check before a build takes over."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from temporalio.client import Client, WorkflowExecution, WorkflowHistory
from temporalio.converter import DefaultFailureConverter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer

from workers import temporal
from workers.build_id import build_id
from workers.program import ClearError
from workers.settings import Settings
from workers.signed_updates import REPLAYED
from workers.wiring.root import UNRESTRICTED, WORKFLOWS

AHEAD = 8
"""How many histories are fetched side by side while another is replayed."""


@dataclass(frozen=True)
class Replayed:
    """One open workflow, and why this build would break it, if it would."""

    workflow_id: str
    breaks_because: str | None


class ReplayCheckError(ClearError):
    """This build would break open cases."""


async def replay_check(client: Client, settings: Settings, workflows: Sequence[type] = WORKFLOWS) -> None:
    """Replay each open case that will follow to this build when it becomes current.

    Raises:
        ReplayCheckError: names each case that would break; nothing was changed.

    """
    current = await temporal.current_build(client, settings)
    # The same id means the same code only where it is made of the code.
    if settings.build_id is None and current == build_id(settings):
        return
    if not await temporal.namespace_is_there(client):
        return  # no case is open; `temporal.prepare` says what is missing
    outcomes = [outcome async for outcome in replay_following(client, settings, workflows)]
    broken = [f"  {each.workflow_id}: {each.breaks_because}" for each in outcomes if each.breaks_because]
    if broken:
        raise ReplayCheckError(
            f"replay check failed: build {build_id(settings)} would break {len(broken)} of {len(outcomes)} open cases. "
            f"It was not started, nothing was changed, and the current build is still {current or 'none'}.\n"
            + "\n".join(broken)
        )


def replay_following(client: Client, settings: Settings, workflows: Sequence[type]) -> AsyncIterator[Replayed]:
    """Replay each open case that this build runs once it is current."""
    return replay_open_workflows(client, _following(settings), workflows)


async def replay_with_progress(settings: Settings, workflows: Sequence[type] = WORKFLOWS) -> int:
    """Replay every open workflow, say which would break and why; 1 if any would."""
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    columns = (TextColumn("replay"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    replayed = broken = 0
    async with temporal.opened(settings) as client:
        with Progress(*columns, console=console) as progress:
            total = (await client.count_workflows(_open(settings))).count
            task = progress.add_task("replay", total=total)
            async for outcome in replay_open_workflows(client, _open(settings), workflows):
                replayed += 1
                if outcome.breaks_because:
                    broken += 1
                    console.print(f"{outcome.workflow_id}: {outcome.breaks_because}")
                progress.update(task, completed=replayed, total=max(total, replayed))
    console.print(f"{replayed} open workflows replayed, {broken} would break with this build")
    return 1 if broken else 0


async def replay_open_workflows(client: Client, query: str, workflows: Sequence[type]) -> AsyncIterator[Replayed]:
    """Replay each workflow that the query finds; failures stay readable, for they are said here and nowhere else."""
    replayer = Replayer(
        workflows=workflows,
        workflow_runner=UNRESTRICTED,
        data_converter=replace(client.data_converter, failure_converter_class=DefaultFailureConverter),
        interceptors=[REPLAYED],
    )
    async with replayer.workflow_replay_iterator(_histories(client, query)) as results:
        async for result in results:
            failure = result.replay_failure
            yield Replayed(result.history.workflow_id, _first_line(failure) if failure else None)


async def _histories(client: Client, query: str) -> AsyncIterator[WorkflowHistory]:
    """Fetch some ahead of the replay."""
    ahead: deque[asyncio.Task[WorkflowHistory | None]] = deque()
    try:
        async for execution in client.list_workflows(query):
            ahead.append(asyncio.create_task(_fetch(client, execution)))
            if len(ahead) >= AHEAD and (history := await ahead.popleft()):
                yield history
        while ahead:
            if history := await ahead.popleft():
                yield history
    finally:
        for task in ahead:
            task.cancel()


def _open(settings: Settings) -> str:
    # By task queue, not by type: a type that this build no longer has breaks its cases too.
    return f"ExecutionStatus = 'Running' AND TaskQueue = '{settings.temporal_task_queue}'"


def _following(settings: Settings) -> str:
    behavior = "TemporalWorkflowVersioningBehavior"
    mine = f"TemporalWorkerDeploymentVersion = '{settings.deployment_name}:{build_id(settings)}'"
    return f"{_open(settings)} AND ({behavior} IS NULL OR {behavior} != 'Pinned' OR {mine})"


async def _fetch(client: Client, execution: WorkflowExecution) -> WorkflowHistory | None:
    """Fetch a history; None if it is gone meanwhile."""
    try:
        return await client.get_workflow_handle(execution.id, run_id=execution.run_id).fetch_history()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


def _first_line(failure: Exception) -> str:
    """Return what is wrong; of a failure that the SDK's core describes at length, its messages."""
    text = str(failure) or type(failure).__name__
    messages = re.findall(r'message: "((?:[^"\\]|\\.)+)"', text) if "activation completion failed" in text else []
    return ": ".join(each.partition(r"\n")[0] for each in messages) or text.splitlines()[0]
