"""A workflow with a task beside its story."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.common.tasks_beside import TasksBeside


@workflow.defn
class StoryWithATask:
    """Waits for its task, which raises what it is given: an error of ours, or one that ends the workflow."""

    @workflow.init
    def __init__(self, kind: str) -> None:
        self._beside = TasksBeside()
        self._kind = kind

    @workflow.run
    async def run(self, kind: str) -> str:
        task = self._beside.begin(self._raise())
        if kind == "cancelled in an activity":
            await workflow.sleep(0.01)  # until it is scheduled
        if kind.startswith("cancelled"):
            task.cancel()
            return await self._beside.lead(self._end())
        return await self._beside.lead(self._never_end())

    async def _raise(self) -> None:
        if self._kind == "cancelled in an activity":
            await workflow.execute_local_activity(
                "never_there",
                schedule_to_close_timeout=timedelta(seconds=60),
                start_to_close_timeout=timedelta(seconds=60),
            )
        await workflow.sleep(0.01)
        if self._kind == "final":
            raise ApplicationError("its own reason", non_retryable=True)
        raise LookupError("a mistake of ours")

    async def _never_end(self) -> str:
        await workflow.wait_condition(lambda: False)
        return ""

    async def _end(self) -> str:
        await workflow.sleep(0.02)
        return "to its end"
