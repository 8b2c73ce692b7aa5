"""Bringing a corrected day of a re-link to where the case is (Y21).

While its procedure goes on, that takes the correction as an update; for one that has ended, a small procedure brings
the same signed operation to the records, where it is verified, as long as the case is kept.
"""

from collections.abc import Callable
from datetime import datetime

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy

from models.common.calendar import day_in_japan
from models.common.refusals import OperationRefusal
from models.common.security_log import SecurityEvent, security_event
from models.common.store.sessions import DatabaseSessions
from models.yayoi.identifiers import office_workflow_id, relink_correction_workflow_id
from models.yayoi.messages import CorrectEndedRelink, OfficeRef
from models.yayoi.operator_actions import Action, CorrectRelink
from models.yayoi.store.remembered_links import NOT_RECORDED, recorded_relink
from web.common.operation_sender import AskedOperation, Done, OperationSender, Refused, Why
from web.common.temporal_calls import UnreachableError
from workflows.yayoi.relink_correction import RelinkCorrection


class FailedOnItsWayError(UnreachableError):
    """The case has taken the update and could not do it: another try needs another id, as Temporal keeps the answer."""


class RelinkCorrections:
    """Corrects re-links, of cases that go on and of those that have ended."""

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

    async def correct(self, pair: OfficeRef, message: CorrectRelink, asked: AskedOperation) -> str | None:
        """Return why it was refused; None if it was corrected, once for each `asked`.

        Raises `UnreachableError`, among them `FailedOnItsWayError`.
        """
        today = day_in_japan(self._now())
        async with self._sessions() as session:
            recorded = await recorded_relink(session, pair, message.link, today)
        if recorded is None:
            return NOT_RECORDED
        if not recorded.ended:
            office = office_workflow_id(pair.case_no, pair.part)
            match await asked.send(self._operations, office, Action.CORRECT_RELINK, message):
                case Done():
                    return None
                case Refused(reason=reason, why=Why.BY_THE_CASE):
                    return reason
                case Refused(why=Why.BY_THE_MACHINERY | Why.NOT_NOW):
                    raise FailedOnItsWayError
                case Refused():  # it has ended meanwhile
                    pass
                case _:
                    raise UnreachableError
        if errors := recorded.rule.errors(message.relinked_on, message.asked_from):
            return OperationRefusal("".join(errors.values()), field=next(iter(errors)))
        return await self._correct_ended(pair, message, asked)

    async def _correct_ended(self, pair: OfficeRef, message: CorrectRelink, asked: AskedOperation) -> str | None:
        office = office_workflow_id(pair.case_no, pair.part)
        act = await asked.sign(self._operations, office, Action.CORRECT_RELINK, message)
        step = CorrectEndedRelink.of(pair, self._now(), asked_as=asked.update_id, act=act)
        try:
            refusal = await self._client.execute_workflow(
                RelinkCorrection.run,
                step,
                id=relink_correction_workflow_id(pair.case_no, asked.update_id),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"{pair.spoken}の再連携の日を訂正する",
            )
        except WorkflowFailureError as ended:  # by somebody's hand: it can be done again
            raise UnreachableError from ended
        said = {"operation": str(Action.CORRECT_RELINK), "by": str(asked.actor), "channel": asked.actor.channel}
        outcome = "refused" if refusal else "done"
        security_event(SecurityEvent.OPERATION, outcome, update=asked.update_id, case=office, **said)
        return refusal
