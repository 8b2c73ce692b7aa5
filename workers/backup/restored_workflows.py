"""What a restore does about workflows, while no worker runs: what fits goes on, what does not is brought to its row.

A workflow that is reset to its beginning takes over what is recorded: its steps find their ledger rows, and operations
that it had accepted are sent to it again.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryReverseRequest,
    ResetWorkflowExecutionRequest,
)
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError

from models.backoffice.case_places import case_no_of
from models.backoffice.restored_cases import (
    ENDED,
    ERASED,
    GONE,
    NO_ROW,
    OF_ANOTHER,
    ROW_AHEAD,
    SAME,
    STARTED_ANEW,
    WORKFLOW_AHEAD,
    RestoredCase,
    Verdict,
)
from models.backoffice.store.restored_rows import goes_on, hold
from models.common.calendar import utc_now
from models.common.encryption import HOUSE, key_owner
from models.common.store.case_status import WHOLE
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.common.temporal_answers import is_unknown_workflow
from models.tables import (
    AddressCheckRow,
    ApplicationRow,
    CaseKeyRow,
    CaseStatusRow,
    LedgerRow,
    MyicsBatchRow,
    MyicsRegistrationRow,
    NotifiedRow,
    RestoredCaseRow,
    WebhookMessageRow,
)
from models.webhooks.messages import webhook_workflow_id
from models.yayoi.address_checks import CheckPurpose
from models.yayoi.identifiers import ApplicationNo, application_workflow_id

_REASON = "a restore"


class RestoredWorkflows:
    """Goes through all cases once."""

    def __init__(
        self,
        client: Client,
        sessions: DatabaseSessions,
        task_queues: tuple[str, ...],
        *,
        since: datetime,
        until: datetime,
    ) -> None:
        """`since`: what the records know of later, Temporal may not. `until`: how far the records go."""
        self._client = client
        self._sessions = sessions
        self._task_queues = task_queues
        self._since = since
        self._until = until
        self._anew: set[str] = set()

    async def settle(self) -> list[RestoredCase]:
        """Bring every workflow to its row, and write down what became of each. May be done again.

        The mails of each that goes on are held, also where the records say that it had ended: its last steps are taken
        once more.
        """
        running = await self._running()
        async with self._sessions() as session:
            rows = await session.execute(select(CaseKeyRow.owner, CaseKeyRow.erased_at))
            keys = {row.owner: row.erased_at for row in rows}
        ended = await self._without_row(running, keys)
        erased = {owner for owner, erased_at in keys.items() if erased_at is not None}
        settled = [*ended, *await self._of_rows(running, erased)]
        async with self._sessions.begin() as session:
            await session.execute(delete(RestoredCaseRow))
            for each in settled:
                facts = {"case_no": each.case_no, "part": each.part, "verdict": each.verdict, "detail": each.detail}
                session.add(RestoredCaseRow(workflow_id=each.workflow_id, **facts))
            going_on = {each.case_no for each in settled if each.case_no and each.verdict is not Verdict.UNDONE}
            messages = set(await session.scalars(select(WebhookMessageRow.message_id)))
            await hold(session, going_on - messages, utc_now())
        return settled

    async def delete_all(self, workflow_ids: list[str]) -> None:
        """Delete every run of these, and of those whose ids begin with theirs."""
        for workflow_id in workflow_ids:
            for query in (f"WorkflowId = '{workflow_id}'", f"WorkflowId STARTS_WITH '{workflow_id}/'"):
                async for execution in self._client.list_workflows(query):
                    await self._delete(execution.id, execution.run_id)

    async def _running(self) -> set[str]:
        queues = ", ".join(f"'{queue}'" for queue in self._task_queues)
        query = f"ExecutionStatus = 'Running' AND TaskQueue IN ({queues})"
        return {each.id async for each in self._client.list_workflows(query)}

    async def _without_row(self, running: Collection[str], keys: Mapping[str, datetime | None]) -> list[RestoredCase]:
        """End what no record is about, or what nobody can read any more. `keys`: when each was erased, by its owner."""
        ended = []
        for workflow_id in sorted(running):
            owner = key_owner(workflow_id)
            if owner == HOUSE or keys.get(owner, self._until) is None:
                continue
            await self._terminate(workflow_id)
            detail = ERASED if owner in keys else NO_ROW
            ended.append(RestoredCase(workflow_id, Verdict.UNDONE, detail, case_no_of(workflow_id)))
        return ended

    async def _of_rows(self, running: Collection[str], erased: Collection[str]) -> list[RestoredCase]:
        """Go through what goes on by the records or in Temporal, but for cases that were erased.

        What has changed since Temporal's copy is looked at in any case: its lists may be younger than its histories.
        """
        async with self._sessions() as session:
            rows = (
                await session.scalars(select(CaseStatusRow).order_by(CaseStatusRow.case_no, CaseStatusRow.part))
            ).all()
            recorded = await _last_steps(session)
        looked_at = [
            row
            for row in rows
            if goes_on(row) or row.workflow_id in running or row.changed_at > self._since
            if key_owner(row.workflow_id) not in erased
        ]
        settled = [await self._of_row(row, recorded.get((row.case_no, row.part))) for row in looked_at]
        return [each for each in settled if each]

    async def _of_row(self, row: CaseStatusRow, recorded: datetime | None) -> RestoredCase | None:
        """Return what was done about it; None: it has ended, by the records and in Temporal."""
        described = await self._described(row.workflow_id)
        runs = described is not None and described.status is WorkflowExecutionStatus.RUNNING
        if not runs and not goes_on(row):
            return None
        if described is None:
            verdict, detail = await self._start_anew(row)
        elif row.first_run_id and _first_run(described) not in (row.first_run_id, ""):
            await self._terminate(row.workflow_id)
            await self._delete(row.workflow_id, described.run_id)
            await self._start_anew(row)
            verdict, detail = Verdict.TO_DECIDE, OF_ANOTHER
        else:
            last = await self._last_event(described)
            if last > self._until:
                verdict, detail = Verdict.TO_DECIDE, WORKFLOW_AHEAD
            elif recorded and recorded > last:
                verdict, detail = Verdict.CONTINUED, ROW_AHEAD
            else:
                verdict, detail = (Verdict.CONTINUED, SAME) if runs else (Verdict.TO_DECIDE, ENDED)
            if detail in (WORKFLOW_AHEAD, ROW_AHEAD):
                await self._reset(row.workflow_id, described.run_id)
        return RestoredCase(row.workflow_id, verdict, detail, row.case_no, row.part or None)

    async def _start_anew(self, row: CaseStatusRow) -> tuple[Verdict, str]:
        """Have what has no workflow be started by whoever starts it for the first time."""
        async with self._sessions.begin() as session:
            if ApplicationNo.pattern.fullmatch(row.case_no):
                return await self._start_application(session, row)
            if there := await _notified_row(session, row):
                there.notified_at = None
                return Verdict.CONTINUED, STARTED_ANEW
            message = await session.get(WebhookMessageRow, row.case_no)
            if message and row.workflow_id == webhook_workflow_id(message.message_id):
                message.started_at = None
                return Verdict.CONTINUED, STARTED_ANEW
        return Verdict.TO_DECIDE, GONE

    async def _start_application(self, session: DatabaseSession, row: CaseStatusRow) -> tuple[Verdict, str]:
        """Have an application start anew, or what is missing of its offices: it starts them."""
        application = application_workflow_id(ApplicationNo(row.case_no))
        led = await self._described(application)
        if led and application not in self._anew:
            self._anew.add(application)
            await self._reset(application, led.run_id)
        if not led:
            stored = await session.get_one(ApplicationRow, row.case_no)
            if stored.closed_at:
                return Verdict.TO_DECIDE, GONE
            stored.started_at = None
        return Verdict.CONTINUED, STARTED_ANEW

    async def _described(self, workflow_id: str) -> WorkflowExecutionDescription | None:
        try:
            return await self._client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if is_unknown_workflow(error):
                return None
            raise

    async def _last_event(self, described: WorkflowExecutionDescription) -> datetime:
        """Return when it has last done something; one whose time is skipped has a clock of its own."""
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=described.id, run_id=described.run_id),
            maximum_page_size=1,
        )
        service = self._client.workflow_service
        last = (await service.get_workflow_execution_history_reverse(request)).history.events[0]
        at = last.event_time
        if last.HasField("workflow_execution_time_skipping_transitioned_event_attributes"):
            at = last.workflow_execution_time_skipping_transitioned_event_attributes.target_time
        return at.ToDatetime(UTC) - _ahead(described)

    async def _reset(self, workflow_id: str, run_id: str) -> None:
        """Go back to the end of the first task; one that has not come to it yet has done nothing."""
        async for event in self._client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history_events():
            if event.HasField("workflow_task_completed_event_attributes"):
                break
        else:
            return
        await self._client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=self._client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
                reason=_REASON,
                workflow_task_finish_event_id=event.event_id,
                request_id=str(uuid4()),
            )
        )

    async def _terminate(self, workflow_id: str) -> None:
        try:
            await self._client.get_workflow_handle(workflow_id).terminate(reason=_REASON)
        except RPCError as error:
            if not is_unknown_workflow(error):
                raise

    async def _delete(self, workflow_id: str, run_id: str) -> None:
        execution = WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
        request = DeleteWorkflowExecutionRequest(namespace=self._client.namespace, workflow_execution=execution)
        try:
            await self._client.workflow_service.delete_workflow_execution(request)
        except RPCError as error:
            if not is_unknown_workflow(error):
                raise


async def _last_steps(session: DatabaseSession) -> Mapping[tuple[str, int], datetime]:
    """Return when the last step of each part of each case was recorded."""
    case_no, part = func.split_part(LedgerRow.key, ":", 1), func.split_part(LedgerRow.key, ":", 2)
    rows = await session.execute(select(case_no, part, func.max(LedgerRow.recorded_at)).group_by(case_no, part))
    return {(number, int(office) if office.isdecimal() else WHOLE): at for number, office, at in rows}


async def _notified_row(session: DatabaseSession, row: CaseStatusRow) -> NotifiedRow | None:
    """Return by whose change its workflow is started; None: by none."""
    if row.procedure in {purpose.workflow_type for purpose in CheckPurpose}:
        return await session.get(AddressCheckRow, UUID(row.case_no))
    return await session.get(MyicsRegistrationRow, row.case_no) or await session.get(MyicsBatchRow, row.case_no)


def _ahead(described: WorkflowExecutionDescription) -> timedelta:
    """Return by how much a workflow's time was skipped."""
    extended = described.raw_description.workflow_extended_info
    if not extended.HasField("time_skipping_info"):
        return timedelta()
    return extended.time_skipping_info.current_time.ToDatetime(UTC) - utc_now()


def _first_run(described: WorkflowExecutionDescription) -> str:
    return described.raw_description.workflow_execution_info.first_run_id
