"""Bringing a corrected day of a re-link to where the case is (Y21).

While its procedure goes on, that takes the correction as an update; one that has ended has its records corrected.
"""

from models.common.store.sessions import DatabaseSessions
from models.yayoi.identifiers import office_workflow_id
from models.yayoi.messages import OfficeRef
from models.yayoi.operator_actions import Action, CorrectRelink
from models.yayoi.store.after_closing import has_ended
from models.yayoi.store.remembered_links import NOT_RECORDED, is_relinked
from web.common.operation_sender import AskedOperation, Done, OperationSender, Refused, Why
from web.common.temporal_calls import UnreachableError
from web.yayoi.ended_office_records import EndedOfficeRecords


class FailedOnItsWayError(UnreachableError):
    """The case has taken the update and could not do it: another try needs another id, as Temporal keeps the answer."""


class RelinkCorrections:
    """Corrects re-links, of cases that go on and of those that have ended."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        operations: OperationSender,
        ended: EndedOfficeRecords,
    ) -> None:
        self._sessions = sessions
        self._operations = operations
        self._ended = ended

    async def correct(self, pair: OfficeRef, message: CorrectRelink, asked: AskedOperation) -> str | None:
        """Return why it was refused; None if it was corrected, once for each `asked`.

        Raises `UnreachableError`, among them `FailedOnItsWayError`.
        """
        async with self._sessions() as session:
            if not await is_relinked(session, pair, message.link):
                return NOT_RECORDED
            ended = await has_ended(session, pair.case_no, pair.part)
        if not ended:
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
        return await self._ended.record(pair, Action.CORRECT_RELINK, message, asked)
