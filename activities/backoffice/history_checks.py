"""What whoever reaches Temporal's own port can do to open cases without a signature, found afterwards in histories."""

from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import select
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.update.v1 import Request
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from activities.backoffice.differences import AT_MOST
from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.backoffice.reconciliation import Finding, FindingKind
from models.common.allowed_actors import may_send
from models.common.signatures import HEADER, SignatureRefusal, SignatureRefusedError, SignedPlace, Verifier
from models.common.store.case_status import WHOLE
from models.common.store.public_keys import public_keys
from models.common.store.sessions import DatabaseSessions
from models.tables import CaseStatusRow

_RESET = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
WAS_RESET = "途中からやり直されました（Reset）。やり直した後の内容が正しいことを、経過と監査の記録で確認してください。"
NO_ROW = "この手続きの記録がありません。システム以外の人が始めた可能性があります。技術担当者に伝えてください。"
NOT_SIGNED = "「{operation}」の操作（{update_id}）の署名を確認できません：{reason}技術担当者に伝えてください。"


class HistoryChecks:
    """Reads the history of each open case of this task queue."""

    def __init__(self, sessions: DatabaseSessions, client: Client, task_queue: str) -> None:
        self._sessions = sessions
        self._client = client
        self._task_queue = task_queue

    async def find(self) -> list[Finding]:
        """Return what is not as our own programs do it. Raises `RPCError` if Temporal does not answer."""
        async with self._sessions() as session:
            verifier = Verifier(await public_keys(session))
        query = f"ExecutionStatus = 'Running' AND TaskQueue = '{self._task_queue}'"
        executions = [each async for each in self._client.list_workflows(query)]
        cases = [each for each in executions if each.workflow_type in OPERATION_PERMISSIONS]
        return [finding for case in cases async for finding in self._of(case, verifier)][:AT_MOST]

    async def _of(self, execution: WorkflowExecution, verifier: Verifier) -> AsyncIterator[Finding]:
        handle = self._client.get_workflow_handle(execution.id, run_id=execution.run_id)
        try:
            events = list((await handle.fetch_history()).events)
        except RPCError as error:  # it has ended meanwhile
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return
        started = events[0].workflow_execution_started_event_attributes
        if not await self._has_row(await self._decoded(started.input.payloads)):
            yield Finding(kind=FindingKind.NO_ROW, procedure=execution.id, detail=NO_ROW)
        if any(_is_reset(event) for event in events):
            yield Finding(kind=FindingKind.WAS_RESET, procedure=execution.id, detail=WAS_RESET)
        for request in _accepted(events):
            if refusal := await self._refusal(execution, started.first_execution_run_id, request, verifier):
                named = {"operation": request.input.name, "update_id": request.meta.update_id}
                detail = NOT_SIGNED.format(**named, reason=refusal.reason)
                yield Finding(kind=FindingKind.NOT_SIGNED, procedure=execution.id, detail=detail)

    async def _refusal(
        self, execution: WorkflowExecution, first_run: str, request: Request, verifier: Verifier
    ) -> SignatureRefusal | None:
        place = SignedPlace(execution.id, first_run, request.input.name, request.meta.update_id)
        fields = request.input.header.fields
        entry = fields[HEADER].data if HEADER in fields else None
        try:
            actor = verifier.verify(entry, place, await self._decoded(request.input.args.payloads)).actor
        except SignatureRefusedError as error:
            return error.refusal
        allowed = may_send(OPERATION_PERMISSIONS, execution.workflow_type, place.operation, actor)
        return None if allowed else SignatureRefusal.NOT_ALLOWED

    async def _decoded(self, payloads: Any) -> Any:
        """Return the one argument as decoded JSON; None: there is none that can be read."""
        if len(payloads) != 1 or not isinstance(payloads[0], Payload):
            return None
        try:
            [content] = await self._client.data_converter.decode(list(payloads))
        except Exception:  # noqa: BLE001 whoever reaches Temporal's port can send what nobody can read
            return None
        return content

    async def _has_row(self, case: Any) -> bool:
        if not isinstance(case, dict):
            return False
        of_case = {"case_no": str(case.get("case_no")), "part": case.get("part") or WHOLE}
        async with self._sessions() as session:
            return await session.scalar(select(CaseStatusRow.case_no).filter_by(**of_case)) is not None


def _is_reset(event: HistoryEvent) -> bool:
    return (
        event.HasField("workflow_task_failed_event_attributes")
        and event.workflow_task_failed_event_attributes.cause == _RESET
    )


def _accepted(events: list[HistoryEvent]) -> list[Request]:
    return [
        event.workflow_execution_update_accepted_event_attributes.accepted_request
        for event in events
        if event.HasField("workflow_execution_update_accepted_event_attributes")
    ]
