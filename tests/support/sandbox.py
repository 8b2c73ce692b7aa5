"""The sandbox of tests: it restricts the modules of our workflows. Workers do without it."""

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from tests.support.encryption import ENCRYPTED
from workers.signed_updates import REPLAYED
from workers.wiring.root import WORKFLOWS

RESTRICTED = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("activities", "models")
)
"""A clock read in a helper of a workflow is an error here; each start and each replay imports the workflows anew."""


async def replay(history: WorkflowHistory, *workflows: type) -> None:
    """Replay a history, restricted; raises what a worker would fail with."""
    replayer = Replayer(
        workflows=workflows or WORKFLOWS,
        workflow_runner=RESTRICTED,
        data_converter=ENCRYPTED,
        interceptors=[REPLAYED],
    )
    await replayer.replay_workflow(history)
