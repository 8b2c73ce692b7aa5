"""Which cases cannot go on because of the program: asked of Temporal, and of what workers have noted."""

from collections.abc import Sequence

from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from activities.common.workflow_status import WorkflowStatus, statuses_of
from models.backoffice.broken_cases import REPORTED, BrokenCase, WhyBroken, failing_query, why_failing
from models.backoffice.store.builds import untaken_cases
from models.common.store.sessions import DatabaseSessions

_PROBLEMS = SearchAttributeKey.for_keyword_list(REPORTED)
AT_MOST = 200
"""How many are named; a build that breaks more is seen as well."""


class BrokenCases:
    """Looks for them, whether or not a worker runs."""

    def __init__(self, sessions: DatabaseSessions, client: Client, task_queue: str) -> None:
        self._sessions = sessions
        self._client = client
        self._task_queue = task_queue

    async def find(self) -> Sequence[BrokenCase]:
        """Return them by workflow id, at most `AT_MOST`. Raises `RPCError` if Temporal does not answer."""
        async with self._sessions() as session:
            noted = await untaken_cases(session)
        found: dict[str, WhyBroken] = {}
        for workflow_id, status in (await statuses_of(self._client, noted[:AT_MOST])).items():
            if status is WorkflowStatus.RUNNING:
                found[workflow_id] = WhyBroken.NOT_TAKEN
        try:
            async for each in self._client.list_workflows(failing_query(self._task_queue), limit=AT_MOST):
                found.setdefault(each.id, why_failing(each.typed_search_attributes.get(_PROBLEMS) or ()))
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:  # a server that does not report them
                raise
        return [BrokenCase(workflow_id, why) for workflow_id, why in sorted(found.items())][:AT_MOST]
