"""What runs of a type that this build does not know: a worker would try it for ever before anybody looks at it."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import RawValue


@workflow.defn(dynamic=True)
class OfUnknownType:
    """What no workflow of this build is. A stranger's ends at once; one of ours waits for a build that knows it."""

    @workflow.run
    async def run(self, _given: Sequence[RawValue]) -> None:
        raise RuntimeError(f"this build knows no workflow {workflow.info().workflow_type}")
