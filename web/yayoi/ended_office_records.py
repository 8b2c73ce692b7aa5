"""Recording what the customer of an office has done whose procedure has ended (Y21, Y25).

Its workflow takes no operation any more: a small procedure brings the signed operation to the records, where it is
verified, as long as the case is kept.
"""

from collections.abc import Callable
from datetime import datetime

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy

from models.common.calendar import day_in_japan
from models.common.identifiers import first_try
from models.common.operator_message import ActionMessage
from models.common.security_log import SecurityEvent, security_event
from models.common.store.operation_records import is_done
from models.common.store.sessions import DatabaseSessions
from models.yayoi.identifiers import ended_record_workflow_id, office_workflow_id
from models.yayoi.messages import OfficeRef, RecordForEnded
from models.yayoi.operator_actions import Action
from models.yayoi.store.ended_records import records_of_ended
from web.common.operation_sender import ENDED, AskedOperation, OperationSender
from web.common.temporal_calls import UnreachableError
from workflows.yayoi.ended_office_record import EndedOfficeRecord


class EndedOfficeRecords:
    """Records operations of offices that have ended."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        client: Client,
        operations: OperationSender,
        now: Callable[[], datetime],
        *,
        task_queue: str,
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._operations = operations
        self._now = now
        self._task_queue = task_queue

    async def record(
        self, pair: OfficeRef, action: Action, message: ActionMessage, asked: AskedOperation
    ) -> str | None:
        """Return why it was refused; None if it was recorded, once for each `asked`. `action`: one of `RECORDS`.

        Raises `UnreachableError`.
        """
        async with self._sessions() as session:
            if await is_done(session, pair.case_no, pair.part, first_try(asked.update_id)):
                return None
            ended = await records_of_ended(session, pair)
        if ended is None:
            return ENDED
        if refusal := ended.refuse(message, day_in_japan(self._now())):
            return refusal
        office = office_workflow_id(pair.case_no, pair.part)
        act = await asked.sign(self._operations, office, action, message)
        step = RecordForEnded.of(pair, self._now(), asked_as=asked.update_id, act=act)
        try:
            refusal = await self._client.execute_workflow(
                EndedOfficeRecord.run,
                step,
                id=ended_record_workflow_id(pair.case_no, asked.update_id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"{pair.spoken}の終了した手続きの記録を改める",
            )
        except WorkflowFailureError as ended_by_hand:  # it can be done again
            raise UnreachableError from ended_by_hand
        said = {"operation": str(action), "by": str(asked.actor), "channel": asked.actor.channel}
        outcome = "refused" if refusal else "done"
        security_event(SecurityEvent.OPERATION, outcome, update=asked.update_id, case=office, **said)
        return refusal
