"""Begins what was asked for about persons, again and again until Temporal has taken it."""

from typing import Protocol

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from models.backoffice.erasing_persons import ErasureStep
from models.backoffice.store.erasures import ErasureRequests
from workflows.backoffice.person_erasure import PersonErasure, PersonLookUp
from workflows.common.activity_options import LATER


class BeginsErasures(Protocol):
    """Whatever begins the two workflows of a request; beginning one that runs changes nothing."""

    async def look(self, step: ErasureStep) -> None: ...

    async def erase(self, step: ErasureStep) -> None: ...


class ErasureWorkflows:
    """Begins them on the task queue of the worker that may delete."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def look(self, step: ErasureStep) -> None:
        await self._client.start_workflow(
            PersonLookUp.run,
            step,
            id=step.looking_id,
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            priority=LATER,
            static_summary="消去する方の情報を調べる",
        )

    async def erase(self, step: ErasureStep) -> None:
        await self._client.start_workflow(
            PersonErasure.run,
            step,
            id=step.erasing_id,
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            priority=LATER,
            static_summary="個人の情報を消去する",
        )


async def begin_what_is_asked_for(requests: ErasureRequests, workflows: BeginsErasures) -> None:
    """Begin what no workflow has done yet, one round."""
    looking, erasing = await requests.to_begin()
    for step in looking:
        await workflows.look(step)
    for step in erasing:
        await workflows.erase(step)
