"""A workflow whose helper reads the clock of the machine, which is another one at each replay."""

from temporalio import workflow

from tests.support.clock_helper import this_moment


@workflow.defn
class ReadsTheClock:
    """Returns what its helper has read."""

    @workflow.run
    async def run(self) -> str:
        return this_moment()
