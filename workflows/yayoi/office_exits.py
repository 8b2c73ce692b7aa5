"""How an office's case ends before its end (Y27): rejected, withdrawn, cancelled, if need be with two people."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from temporalio import workflow

from models.common.acting import acting, acting_as, who_is_shown
from models.common.actors import Actor, ActorKind
from models.common.approvals import APPROVED, AWAITS_APPROVAL, DECLINED, NOTHING_ASKED, AskedFor, Decision
from models.common.messages import REQUEST_CANCELLATION, CaseRequest
from models.common.operator_actions import EndCase
from models.common.refusals import OperationRefusal
from models.yayoi.early_exits import explanation
from models.yayoi.messages import Outcome
from models.yayoi.office_state import EarlyExit, OfficeState
from models.yayoi.operator_actions import Action, AskCancel, Cancel
from models.yayoi.operator_rules import OPERATIONS, lapsed_because
from workflows.common.approval import Approval
from workflows.common.case_view import CaseView
from workflows.common.operator_turn import OperatorTurn
from workflows.common.operator_updates import refused
from workflows.common.row_look import RowLook
from workflows.common.tasks_beside import TasksBeside
from workflows.yayoi.office_steps import OfficeSteps


class OfficeExits:
    """Records who ends the case, and why; the procedure's own story then leaves, and undoes what was done.

    `cancellation_requested` takes a *Request Cancellation* of the whole application.
    """

    def __init__(
        self,
        state: OfficeState,
        view: CaseView,
        steps: OfficeSteps,
        turn: OperatorTurn,
        beside: TasksBeside,
        *,
        cancellation_requested: Callable[[], Awaitable[None]],
    ) -> None:
        self._state = state
        self._view = view
        self._steps = steps
        self._turn = turn
        lapses = partial(lapsed_because, state=state)
        self._approval = Approval(state, view, turn, beside, steps, lapsed_because=lapses)
        self._cancellation_requested = cancellation_requested
        self._requests, self._last_request = RowLook(self._take_requests), 0
        # Of two who end it, or ask for that, in one moment, the second finds what the first has done.
        self._exit_turn, self._request_turn = asyncio.Lock(), asyncio.Lock()

    def leave(self, outcome: Outcome, *points: str) -> None:
        """Have the story leave; `points`: what the customer reads about why."""
        self._state.early_exit = EarlyExit(outcome, points)
        self._state.held = False

    async def end(self, action: Action, message: EndCase, outcome: Outcome) -> None:
        """Record who ends the case, and why; the customer reads the text for them, or the usual one."""
        if refusal := await self._end(action, message, outcome):
            raise refused(refusal)

    async def _end(self, action: Action, message: EndCase, outcome: Outcome) -> OperationRefusal | None:
        """End it; return why not, if that is not possible any more."""
        async with self._exit_turn:
            if refusal := OPERATIONS.refuse(action, message, self._state):
                return refusal
            self._state.exit_recorded = outcome
            try:
                await self._steps.record(action, message)
            finally:
                self._state.exit_recorded = None
            self.leave(outcome, explanation(outcome, message.text_for_customer))
            return None

    async def cancel(self, message: Cancel) -> None:
        """Cancel it."""
        await self.end(Action.CANCEL, message, Outcome.CANCELLED)

    # --- two people ---------------------------------------------------------------------------------------------------

    async def ask(self, message: AskCancel) -> None:
        """Ask a supervisor to have it cancelled."""
        async with self._request_turn:
            if refusal := OPERATIONS.refuse(Action.ASK_CANCEL, message, self._state):
                raise refused(refusal)
            await self._steps.record(Action.ASK_CANCEL, message)
            await self._approval.ask(Action.CANCEL, message, self._state.stage)

    async def retract(self, message: Decision) -> None:
        """Leave it as it is, as who has asked for it wants now."""
        asked = self._asked
        self._approval.retracted()
        await self._steps.record(Action.RETRACT_REQUEST, message, f"：{asked.shown}")
        await self._turn.acknowledge()

    async def approve(self, approval: Decision) -> None:
        """Cancel as it was asked for; the one record names both."""
        asked = self._asked
        self._approval.answered(asked, APPROVED, approval.reason)
        self._state.exit_recorded = Outcome.CANCELLED
        try:
            await self._steps.record(Action.APPROVE, approval, f"：{asked.shown}")
        finally:
            self._state.exit_recorded = None
        text = asked.message.text_for_customer if isinstance(asked.message, EndCase) else ""
        self.leave(Outcome.CANCELLED, explanation(Outcome.CANCELLED, text))

    async def decline(self, message: Decision) -> None:
        """Leave it as it is."""
        asked = self._asked
        self._approval.answered(asked, DECLINED, message.reason)
        await self._steps.record(Action.DECLINE, message, f"：{asked.shown}")
        await self._turn.acknowledge()

    @property
    def _asked(self) -> AskedFor:
        if self._state.asked is None:
            raise refused(NOTHING_ASKED)
        return self._state.asked

    # --- requests of the whole application ----------------------------------------------------------------------------

    async def settled(self) -> None:
        """Wait until nothing is asked of a supervisor any more, and who has asked knows."""
        await self._approval.settled()

    async def look_at_requests(self) -> None:
        """Take each request of the whole application once."""
        await self._requests.look()

    async def _take_requests(self) -> None:
        # A Reset sends the signal again before it is known how far the office is.
        await workflow.wait_condition(lambda: self._state.checked)
        for request in await self._steps.requests_after(self._last_request):
            self._last_request = request.number
            if request.operation == REQUEST_CANCELLATION:
                await self._cancellation_requested()
                continue
            with acting_as(Actor.recorded(request.by)):
                await self._ask_or_cancel(request, Cancel.model_validate(request.message))

    async def _ask_or_cancel(self, request: CaseRequest, message: Cancel) -> None:
        """Cancel; after STEP5 has begun, a supervisor is asked in the name of who cancels the application."""
        by_operator = (actor := acting()) is not None and actor.kind == ActorKind.OPERATOR
        async with self._request_turn:
            asks = by_operator and OPERATIONS.refusal(Action.ASK_CANCEL, self._state) is None
            if asks and request.asked_as and request.commitment:
                self._view.note(Action.ASK_CANCEL.label, message)
                asked_as = (request.asked_as, request.commitment)
                await self._approval.keep(Action.CANCEL, message, self._state.stage, *asked_as)
                await self._steps.record_refused_cancellation(message, AWAITS_APPROVAL)
                return
        await self._cancel_if_possible(message)

    async def _cancel_if_possible(self, message: Cancel) -> None:
        refusal = await self._end(Action.CANCEL, message, Outcome.CANCELLED)
        if refusal is None:
            return
        who, reason = who_is_shown(), refusal.in_forms
        self._view.note(f"取り消しの依頼（{who}：{message.reason}）を受けたが、取り消さなかった：{reason}")
        # Once it is leaving, its end is being recorded: a step begun now would run beside that.
        if not self._state.leaving:
            await self._steps.record_refused_cancellation(message, reason)
        self._view.show()
