"""What whoever reaches Temporal's own port can do to open cases without a signature, found afterwards in histories."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.update.v1 import Request
from temporalio.client import Client, WorkflowExecution, WorkflowHandle
from temporalio.service import RPCError

from activities.backoffice.differences import AT_MOST
from activities.common.workflow_status import WorkflowStatus, statuses_of
from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.backoffice.reconciliation import Finding, FindingKind, LostInReset, Repair
from models.backoffice.store.restored_rows import goes_on
from models.common.allowed_actors import may_send
from models.common.identifiers import first_try
from models.common.messages import OPERATIONS_LOST, LostOperation
from models.common.signatures import (
    HEADER,
    TAKEN_HEADER,
    SignatureRefusal,
    SignatureRefusedError,
    SignedEntry,
    SignedPlace,
    Verifier,
    taken_in,
)
from models.common.store.case_status import WHOLE
from models.common.store.public_keys import public_keys, stored_keys
from models.common.store.sessions import DatabaseSessions
from models.common.temporal_answers import is_unknown_workflow
from models.tables import AuditRow, CaseStatusRow, LostOperationRow, RestoredCaseRow
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.store.starting import STRANGER_REPLACED

_RESET = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
WAS_RESET = "途中からやり直されました（Reset）。やり直した後の内容が正しいことを、経過と監査の記録で確認してください。"
TO_ENGINEERS = "技術担当者に伝えてください。"
NO_ROW = f"この手続きの記録がありません。システム以外の人が始めた可能性があります。{TO_ENGINEERS}"
BEGUN_AGAIN = f"終了した後で、もう一度始められています。システム以外の人が始めた可能性があります。{TO_ENGINEERS}"
NOT_SIGNED = "「{operation}」の操作（{update_id}）の署名を確認できません：{reason}技術担当者に伝えてください。"
LOST = "記録にある次の操作が、いまの手続きではやり直されていません：{operations}。必要な操作をもう一度行ってください。"
TERMINATED = "強制終了されています（Terminate）。必要なものかどうかを確認し、やり直すときは技術担当者に伝えてください。"
_NAMED_ELSEWHERE = ("application/", "myics/")
_STILL_NEWS = timedelta(days=2)
"""For how long it is reported, by the time of its last change: nobody can bring back what has no other record."""
HEADS_SIGNED_EVERY = timedelta(days=1)
"""The heads of the audit trail are signed each night: what is older when a key is revoked is in one of them."""
SETTLED_FOR = timedelta(minutes=1)
"""An operation is recorded a moment before it is in the history: what is younger is looked at the next time."""


class HistoryChecks:
    """Reads the history of each open case of this task queue."""

    def __init__(
        self, sessions: DatabaseSessions, client: Client, task_queue: str, settled_for: timedelta = SETTLED_FOR
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._task_queue = task_queue
        self._settled_for = settled_for
        self._restored: dict[str, datetime] = {}
        """Until when a restore has reset workflows, which says so itself."""
        self._revoked: dict[str, datetime] = {}
        """When keys were revoked, by their ids."""

    async def find(self) -> list[Finding]:
        """Return what is not as our own programs do it. Raises `RPCError` if Temporal does not answer."""
        async with self._sessions() as session:
            verifier = Verifier(await public_keys(session))
            self._revoked = {key.key_id: key.revoked_at for key in await stored_keys(session) if key.revoked_at}
            restored = await session.execute(select(RestoredCaseRow.workflow_id, RestoredCaseRow.decided_at))
            self._restored = {row.workflow_id: row.decided_at for row in restored}
        query = f"ExecutionStatus = 'Running' AND TaskQueue = '{self._task_queue}'"
        executions = [each async for each in self._client.list_workflows(query)]
        cases = [each for each in executions if each.workflow_type in OPERATION_PERMISSIONS]
        found = [finding for case in cases async for finding in self._of(case, verifier)]
        return [*await self._terminated(), *await self._replaced(), *found][:AT_MOST]

    async def hand_over(self, lost: LostInReset) -> None:
        """Write down what a case has lost, and have it look, so that an operator decides. May be done again.

        One that has ended meanwhile has no use for it.
        """
        row = {"case_no": lost.case_no, "part": lost.part or WHOLE}
        async with self._sessions.begin() as session:
            for each in lost.operations:
                done = select(func.max(AuditRow.happened_at)).filter_by(case_no=lost.case_no, update_id=each.update_id)
                facts = each.model_dump() | {"happened_at": await session.scalar(done)}
                await session.execute(insert(LostOperationRow).values(row | facts).on_conflict_do_nothing())
        try:
            await self._client.get_workflow_handle(lost.workflow_id).signal(OPERATIONS_LOST)
        except RPCError as error:
            if not is_unknown_workflow(error):
                raise

    async def _terminated(self) -> list[Finding]:
        """Return what was ended by hand though its row is open; `Differences` knows those of 弥生 and MYICS."""
        row = CaseStatusRow
        begun = select(row.workflow_id).where(row.outcome.is_(None), row.changed_at > func.now() - _STILL_NEWS)
        for elsewhere in _NAMED_ELSEWHERE:
            begun = begun.where(~row.workflow_id.startswith(elsewhere))
        async with self._sessions() as session:
            statuses = await statuses_of(self._client, await session.scalars(begun))
        ended = [each for each, status in statuses.items() if status is WorkflowStatus.ENDED]
        return [Finding(kind=FindingKind.TERMINATED, procedure=each, detail=TERMINATED) for each in ended]

    async def _replaced(self) -> list[Finding]:
        """Return the applications and offices under whose id a stranger had started something, which we have ended."""
        entry = select(AuditRow.case_no, AuditRow.part).filter_by(action=STRANGER_REPLACED).distinct()
        async with self._sessions() as session:
            found = await session.execute(entry.where(AuditRow.recorded_at > func.now() - _STILL_NEWS))
            places = sorted((ApplicationNo(case_no), part) for case_no, part in found)
        ids = [office_workflow_id(*place) if place[1] else application_workflow_id(place[0]) for place in places]
        detail = f"{STRANGER_REPLACED}。{TO_ENGINEERS}"
        return [Finding(kind=FindingKind.NO_ROW, procedure=each, detail=detail) for each in ids]

    async def _of(self, execution: WorkflowExecution, verifier: Verifier) -> AsyncIterator[Finding]:
        handle = self._client.get_workflow_handle(execution.id, run_id=execution.run_id)
        row = await self._row_of(execution.id)
        recorded = await self._recorded(row) if row else ()  # before the history, which then knows all of them
        try:
            events = list((await handle.fetch_history()).events)
            rests = not await _has_a_task(handle)
        except RPCError as error:  # it has ended meanwhile
            if not is_unknown_workflow(error):
                raise
            return
        if row is None:
            yield Finding(kind=FindingKind.NO_ROW, procedure=execution.id, detail=NO_ROW)
        elif not goes_on(row) and execution.start_time > row.changed_at:
            yield Finding(kind=FindingKind.WAS_RESET, procedure=execution.id, detail=BEGUN_AGAIN)
        since = self._restored.get(execution.id)
        if any(_is_reset(event) and not _is_before(event, since) for event in events):
            yield Finding(kind=FindingKind.WAS_RESET, procedure=execution.id, detail=WAS_RESET)
        first_run = events[0].workflow_execution_started_event_attributes.first_execution_run_id
        accepted = _accepted(events)
        for request, at in [*accepted, *await self._accepted_by_earlier_runs(execution.id, events)]:
            if refusal := await self._refusal(execution, first_run, request, at, verifier):
                named = {"operation": request.input.name, "update_id": request.meta.update_id}
                detail = NOT_SIGNED.format(**named, reason=refusal.reason)
                yield Finding(kind=FindingKind.NOT_SIGNED, procedure=execution.id, detail=detail)
        taken = {request.meta.update_id for request, _ in accepted} | _taken_by_earlier_runs(events)
        known = {first_try(each) for each in taken}
        lost = tuple(each for each in recorded if each.update_id not in known)
        if row and lost and rests:
            handed = LostInReset(case_no=row.case_no, part=row.part or None, workflow_id=execution.id, operations=lost)
            detail = LOST.format(operations="、".join(each.shown for each in lost))
            repair = {"repair": Repair.HAND_OVER, "handed_over": handed}
            yield Finding(kind=FindingKind.LOST_OPERATION, procedure=execution.id, detail=detail, **repair)

    async def _accepted_by_earlier_runs(
        self, workflow_id: str, events: list[HistoryEvent]
    ) -> list[tuple[Request, datetime]]:
        """Return the operations that the runs before this one had accepted, as long as Temporal keeps them."""
        accepted: list[tuple[Request, datetime]] = []
        while run_id := events[0].workflow_execution_started_event_attributes.continued_execution_run_id:
            try:
                history = await self._client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
            except RPCError as error:
                if not is_unknown_workflow(error):
                    raise
                break
            events = list(history.events)
            accepted += _accepted(events)
        return accepted

    async def _refusal(
        self, execution: WorkflowExecution, first_run: str, request: Request, at: datetime, verifier: Verifier
    ) -> SignatureRefusal | None:
        place = SignedPlace(execution.id, first_run, request.input.name, request.meta.update_id)
        fields = request.input.header.fields
        entry = fields[HEADER].data if HEADER in fields else None
        try:
            content, covered = await self._decoded(request.input.args.payloads), self._is_covered(entry, at)
            actor = verifier.verify(entry, place, content, covered_by_head=covered).actor
        except SignatureRefusedError as error:
            return error.refusal
        allowed = may_send(OPERATION_PERMISSIONS, execution.workflow_type, place.operation, actor)
        return None if allowed else SignatureRefusal.NOT_ALLOWED

    def _is_covered(self, entry: bytes | None, at: datetime) -> bool:
        """Whether a signed head from before its key was revoked has what was accepted `at` this time (`docs/audit.md`).

        It is Temporal's own time, which nobody sets who only reaches its port.
        """
        revoked_at = self._revoked.get(SignedEntry.decode(entry).key) if entry else None
        return revoked_at is not None and at < revoked_at - HEADS_SIGNED_EVERY

    async def _decoded(self, payloads: Any) -> Any:
        """Return the one argument as decoded JSON; None: there is none that can be read."""
        if len(payloads) != 1 or not isinstance(payloads[0], Payload):
            return None
        try:
            [content] = await self._client.data_converter.decode(list(payloads))
        except Exception:  # noqa: BLE001 whoever reaches Temporal's port can send what nobody can read
            return None
        return content

    async def _row_of(self, workflow_id: str) -> CaseStatusRow | None:
        async with self._sessions() as session:
            found: CaseStatusRow | None = await session.scalar(select(CaseStatusRow).filter_by(workflow_id=workflow_id))
        return found

    async def _recorded(self, case: CaseStatusRow) -> Sequence[LostOperation]:
        """Return the operations that have done something, but those that an operator was handed before."""
        entry, known = AuditRow, LostOperationRow
        handed = select(known.update_id).filter_by(case_no=case.case_no, part=case.part)
        recorded = (
            select(entry.update_id, entry.action, entry.by)
            .where(
                entry.case_no == case.case_no,
                entry.part == case.part,
                entry.update_id.is_not(None),
                entry.update_id.not_in(handed),
                entry.recorded_at < func.now() - self._settled_for,
            )
            .order_by(entry.audit_id)
        )
        async with self._sessions() as session:
            rows = (await session.execute(recorded)).all()
        # What an operation was first recorded as says the most of it.
        first = {update_id: (action, by) for update_id, action, by in reversed(rows)}
        return [
            LostOperation(update_id=update_id, action=action, by=by)
            for update_id, (action, by) in reversed(first.items())
        ]


async def _has_a_task(handle: WorkflowHandle[Any, Any]) -> bool:
    """Whether a workflow task is under way: what it accepts is not in the history before it ends."""
    return (await handle.describe()).raw_description.HasField("pending_workflow_task")


def _is_reset(event: HistoryEvent) -> bool:
    return (
        event.HasField("workflow_task_failed_event_attributes")
        and event.workflow_task_failed_event_attributes.cause == _RESET
    )


def _is_before(event: HistoryEvent, moment: datetime | None) -> bool:
    return moment is not None and event.event_time.ToDatetime(UTC) <= moment


def _accepted(events: list[HistoryEvent]) -> list[tuple[Request, datetime]]:
    """Return the operations that were accepted, and when.

    Of one that a Reset has sent again, another event holds the request.
    """
    sent_again = {
        event.workflow_execution_update_admitted_event_attributes.request.meta.update_id: (
            event.workflow_execution_update_admitted_event_attributes.request
        )
        for event in events
        if event.HasField("workflow_execution_update_admitted_event_attributes")
    }
    accepted = [
        (event.workflow_execution_update_accepted_event_attributes, event.event_time.ToDatetime(UTC))
        for event in events
        if event.HasField("workflow_execution_update_accepted_event_attributes")
    ]
    return [(sent_again.get(each.protocol_instance_id, each.accepted_request), at) for each, at in accepted]


def _taken_by_earlier_runs(events: list[HistoryEvent]) -> set[str]:
    fields = events[0].workflow_execution_started_event_attributes.header.fields
    return set(taken_in(fields[TAKEN_HEADER].data)) if TAKEN_HEADER in fields else set()
