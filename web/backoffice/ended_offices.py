"""An office whose procedure has ended: operators can still record what its customer has done (Y21, Y25).

Its workflow takes no operation any more. What can be recorded say the records, and a small procedure takes it there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from models.backoffice.case_places import CasePlace, place_of
from models.backoffice.store.ended_offices import EndedOfficeOnDesk, ended_office_on_desk
from models.common.actors import Actor
from models.common.calendar import day_in_words
from models.common.possible_operations import CaseNow, Choice, PossibleOperation
from models.common.refusals import OperationRefusal
from models.common.store.sessions import DatabaseSessions
from models.yayoi.identifiers import ApplicationNo, office_workflow_id
from models.yayoi.messages import OfficeRef
from models.yayoi.operator_rules import RECORDS, choices_of_record
from models.yayoi.procedures import OFFICE_WORKFLOW
from web.backoffice.case_reader import ReadCase, ReadsCases
from web.backoffice.web_ui_updates import SendsOperations
from web.common.operation_sender import PATIENCE, AskedOperation, Done, KnowsOperations, NotKnown, Outcome, Refused
from web.common.temporal_calls import UnreachableError, temporal_call
from web.yayoi.ended_office_records import EndedOfficeRecords
from workflows.common.details import TIMELINE_LENGTH


class EndedOfficeReader:
    """Reads cases as `cases` does; of an office that has ended, also what can be recorded, and what was."""

    def __init__(self, cases: ReadsCases, sessions: DatabaseSessions) -> None:
        self._cases = cases
        self._sessions = sessions

    async def read(self, case_no: str, part: int | None) -> ReadCase | None:
        """See `CaseReader.read`."""
        case = await self._cases.read(case_no, part)
        if part is None or (case and (case.now.possible or case.now.workflow_type != OFFICE_WORKFLOW)):
            return case
        ended = await ended_office_on_desk(self._sessions, CasePlace(case_no, part))
        if ended is None:
            return case
        if case is None:  # Temporal keeps what has ended for a shorter time than the records are kept
            case = ReadCase(case_no, part, office_workflow_id(ApplicationNo(case_no), part), ended.now)
        return replace(case, now=_with(case.now, ended))

    async def judge(self, workflow_id: str, operation: str, message: Mapping[str, Any]) -> str | None:
        """See `CaseReader.judge`."""
        return await self._cases.judge(workflow_id, operation, message)

    async def newest_run(self, workflow_id: str) -> str | None:
        """See `CaseReader.newest_run`."""
        return await self._cases.newest_run(workflow_id)


def _with(now: CaseNow, ended: EndedOfficeOnDesk) -> CaseNow:
    timeline = (*now.timeline, *ended.recorded)[-TIMELINE_LENGTH:]
    happened = now.happened + len(ended.recorded)
    facts = ended.now.model_dump(include={"stage", "next_step", "problems"})
    recorded = {"timeline": timeline, "happened": happened, "possible": tuple(_possible(ended))}
    return now.model_copy(update=facts | recorded)


def _possible(ended: EndedOfficeOnDesk) -> Iterator[PossibleOperation]:
    for action in RECORDS:
        if choices := choices_of_record(action, ended.follow_up):
            shown = tuple(_with_its_day(choice, ended.relinked_on) for choice in choices)
            yield PossibleOperation(operation=action.value, label=action.label, choices=shown)


def _with_its_day(choice: Choice, relinked_on: Mapping[int, Any]) -> Choice:
    day = relinked_on.get(int(choice.values.get("link", 0)))
    label = f"{choice.label}（再連携した日：{day_in_words(day)}）" if day else choice.label
    return choice.model_copy(update={"label": label})


class EndedOfficeSender:
    """Sends operations as `sender` does; what no workflow takes any more, to where it is recorded."""

    def __init__(
        self,
        sender: SendsOperations,
        ended: EndedOfficeRecords,
        sessions: DatabaseSessions,
        records: KnowsOperations,
    ) -> None:
        self._sender = sender
        self._ended = ended
        self._sessions = sessions
        self._records = records
        self.sign, self.send_signed = sender.sign, sender.send_signed

    async def send(
        self, workflow_id: str, operation: str, content: Mapping[str, Any], actor: Actor, update_id: str
    ) -> Outcome:
        """See `OperationSender.send`."""
        action = next((each for each in RECORDS if each == operation), None)
        place = place_of(workflow_id) if action else None
        if not action or not place or not place.part or await ended_office_on_desk(self._sessions, place) is None:
            return await self._sender.send(workflow_id, operation, content, actor, update_id)
        message = action.message.model_validate(dict(content)).read_strictly()
        if message.misread:
            return Refused("　".join(message.misread))
        pair = OfficeRef(case_no=ApplicationNo(place.case_no), part=place.part)
        try:
            async with temporal_call(PATIENCE):
                refusal = await self._ended.record(pair, action, message, AskedOperation(actor, update_id))
        except UnreachableError:
            return NotKnown()
        if refusal is None:
            return Done()
        return Refused(refusal, field=refusal.field if isinstance(refusal, OperationRefusal) else "")

    async def result(self, workflow_id: str, update_id: str) -> Outcome | None:
        """See `OperationSender.result`; what was recorded is done, though no workflow knows of it."""
        outcome = await self._sender.result(workflow_id, update_id)
        if outcome is None and (done := await self._records.done_by(workflow_id, update_id)):
            return Done(done, before=True)
        return outcome
