"""What goes on after a bulk action was asked for: its cases are judged, and what was confirmed is sent.

Every process of the desk takes part. A line is locked while one of them has it; who is killed leaves it to the others.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from models.backoffice.bulk_actions import NO_MAIL, NO_SUCH_OPERATION, message_for, operation_for, refuse_actor
from models.backoffice.store.bulk_rows import BulkActions, JudgedLine, LineAnswer, LineToJudge
from models.common.actors import Actor, ActorKind, Channel
from models.common.signatures import SignedPlace
from models.tables import BulkLineRow
from models.yayoi.operator_actions import Action
from web.backoffice.case_reader import ReadsCases
from web.backoffice.web_ui_updates import SendsOperations
from web.common.background_jobs import PeriodicJob
from web.common.operation_sender import UNSAID, NotKnown, Refused, SignedOperation
from web.common.temporal_calls import UnreachableError

AT_ONCE = 5
"""Lines that one process has under way; each holds a connection to the database meanwhile."""

_log = logging.getLogger(__name__)


class BulkJobs:
    """Judges and sends, again and again; sooner when woken."""

    def __init__(self, actions: BulkActions, cases: ReadsCases, sender: SendsOperations, every: timedelta) -> None:
        self._actions = actions
        self._cases = cases
        self._sender = sender
        self.judging, self.sending = PeriodicJob(self.judge_all, every), PeriodicJob(self.send_all, every)

    async def judge_all(self) -> None:
        """Judge what waits for it; stop while Temporal is away."""
        await _all_at_once(lambda: self._actions.judge_next(self._judge))

    async def send_all(self) -> None:
        """Send what is signed and unsent; what nobody answers is left for the next round."""
        await _all_at_once(lambda: self._actions.send_next(self._send))

    async def _judge(self, line: LineToJudge) -> JudgedLine:
        operation = operation_for(line.kind, line.procedure)
        if operation is None:
            return JudgedLine(NO_SUCH_OPERATION)
        actor = Actor(ActorKind.OPERATOR, line.handle, tuple(line.roles), Channel.DESK)
        if because := refuse_actor(actor, line.procedure, operation, line.assignee):
            return JudgedLine(because)
        if operation is Action.RESEND_MAIL and line.mail is None:
            return JudgedLine(NO_MAIL)
        message = message_for(line.content, operation, line.mail)
        return JudgedLine(await self._cases.judge(line.workflow_id, operation, message), str(operation), message)

    async def _send(self, line: BulkLineRow) -> LineAnswer | None:
        place = SignedPlace(line.workflow_id, str(line.first_run), str(line.operation), str(line.update_id))
        signed = SignedOperation(place, line.message or {}, str(line.entry).encode())
        try:
            outcome = await self._sender.send_signed(signed)
        except Exception as error:  # noqa: BLE001 one line that nobody can send keeps none of the others waiting
            _log.error("a line of bulk action %s could not be sent: %s", line.bulk_id, type(error).__name__)
            return LineAnswer(UNSAID)
        if isinstance(outcome, NotKnown):
            return None
        return LineAnswer(outcome.reason) if isinstance(outcome, Refused) else LineAnswer(text=outcome.text)


async def _all_at_once(next_: Callable[[], Awaitable[bool]]) -> None:
    async def work() -> None:
        while await next_():
            pass

    results = await asyncio.gather(*(work() for _ in range(AT_ONCE)), return_exceptions=True)
    for failed in (each for each in results if isinstance(each, BaseException)):
        if not isinstance(failed, UnreachableError):
            raise failed
