"""A request that waits for a supervisor: answered once, or lapsed; who has asked is mailed what came of it."""

from collections.abc import Callable
from typing import Protocol

from temporalio import workflow

from models.common.acting import acting, acting_commitment
from models.common.approvals import APPROVAL_DAYS, LAPSED, AskedFor
from models.common.calendar import end_of
from models.common.operations import Operation
from models.common.operator_message import ActionMessage
from workflows.common.business_days import business_days_after_today
from workflows.common.case_view import CaseView
from workflows.common.operator_turn import OperatorTurn
from workflows.common.operator_updates import current_update_id
from workflows.common.tasks_beside import TasksBeside
from workflows.common.waiting import until


class Approvable(Protocol):
    """The state of a case that keeps what its supervisors are asked for."""

    asked: AskedFor | None


class ApprovalSteps(Protocol):
    """What is done in the world about a request."""

    async def record_lapse(self, asked: AskedFor, because: str) -> None:
        """Put into the audit trail that it has lapsed."""

    async def mail_answer(self, asked: AskedFor, answer: str, because: str) -> None:
        """Mail who has asked what came of it."""


class Approval:
    """Keeps one request at a time, beside the case's own story.

    `lapsed_because` says why a request can no longer be carried out, None while it can.
    """

    def __init__(
        self,
        state: Approvable,
        view: CaseView,
        turn: OperatorTurn,
        beside: TasksBeside,
        steps: ApprovalSteps,
        *,
        lapsed_because: Callable[[AskedFor], str | None],
    ) -> None:
        self._state = state
        self._view = view
        self._turn = turn
        self._beside = beside
        self._lapsed_because = lapsed_because
        self._steps = steps
        self._answers = 0
        """How many are still being mailed."""

    async def ask(self, operation: Operation, message: ActionMessage, stage: str) -> None:
        """Keep what is asked for by the update that is being handled."""
        await self.keep(operation, message, stage, current_update_id() or "", acting_commitment() or "")

    async def keep(
        self, operation: Operation, message: ActionMessage, stage: str, update_id: str, commitment: str
    ) -> None:
        """Keep a request of who acts, and let a supervisor answer it."""
        by = acting()
        if by is None:
            raise RuntimeError("nobody asks")
        (lapses_on,) = await business_days_after_today(APPROVAL_DAYS)
        asked = AskedFor(operation, message, by, update_id, commitment, stage, lapses_on)
        self._state.asked = asked
        self._view.note(f"責任者の承認を待っている：{asked.shown}　{lapses_on} まで")
        await self._turn.begin_unless_begun()
        self._beside.begin(self._lapse(asked))

    def answered(self, asked: AskedFor, answer: str, because: str) -> None:
        """A supervisor has answered: who has asked is mailed that, beside what follows from it."""
        self._answers += 1
        self._state.asked = None
        self._beside.begin(self._mail(asked, answer, because))

    def retracted(self) -> None:
        """Who has asked no longer does."""
        self._state.asked = None

    async def settled(self) -> None:
        """Wait until nothing is asked for any more, and who has asked knows."""
        await workflow.wait_condition(lambda: self._state.asked is None and not self._answers)

    async def _mail(self, asked: AskedFor, answer: str, because: str) -> None:
        await self._steps.mail_answer(asked, answer, because)
        self._answers -= 1

    async def _lapse(self, asked: AskedFor) -> None:
        try:
            await workflow.wait_condition(
                lambda: self._state.asked is not asked or self._lapsed_because(asked) is not None,
                timeout=until(end_of(asked.lapses_on)),
                timeout_summary="承認されなかった依頼を失効させる",
            )
            because = self._lapsed_because(asked) or ""
        except TimeoutError:
            because = f"{asked.lapses_on} までに承認されませんでした。"
        if self._state.asked is not asked:
            return
        self._answers += 1
        self._state.asked = None
        self._view.note(f"承認の依頼が失効した：{asked.shown}　{because}")
        await self._steps.record_lapse(asked, because)
        await self._turn.acknowledge()
        await self._mail(asked, LAPSED, because)
