"""The single steps of a registration: each runs one activity and notes the outcome."""

from datetime import date

from activities.myics.registration_mail import RegistrationMailActivities
from activities.myics.registrations import RegistrationActivities
from models.common.messages import OperatorsTask
from models.common.operator_message import ActionMessage
from models.myics.mails import MyicsMail
from models.myics.operations import OPERATIONS, CorrectMailAddress
from models.myics.registrations import (
    CloseRegistration,
    CorrectAddress,
    NewLink,
    RegistrationFound,
    RegistrationOutcome,
    SendMyicsMail,
    Unlock,
)
from models.myics.state import RegistrationState, Withdrawal
from workflows.common.case_steps import NOT_ACTED_ON, CaseSteps
from workflows.common.case_view import CaseView
from workflows.common.operator_updates import current_update_id
from workflows.myics.registration_details import first_for_operator, next_for_operator

CLOSED_BEFORE = Withdrawal("system", "この登録は、すでに終了しているため")


class RegistrationSteps:
    """The steps of one registration: those of every case, and its own."""

    def __init__(self, state: RegistrationState, view: CaseView, steps: CaseSteps) -> None:
        self._state = state
        self._view = view
        self._steps = steps
        self._mailed: MyicsMail | None = None
        self._reminder: MyicsMail | None = None
        self._brought_by: MyicsMail | None = None
        self.record, self.rest, self.look_at_failures = steps.record, steps.rest, steps.look_at_failures
        self.hand_over = steps.hand_over

    async def look_at_row(self) -> RegistrationFound:
        """Look up what was done on the pages, and whether it was closed with its client."""
        case = self._state.case
        return await self._steps.look(RegistrationActivities.look_at_registration, case, "登録の記録を調べる")

    # --- the link (M8) ------------------------------------------------------------------------------------------------

    def mailing(self, mail: MyicsMail, reminder: MyicsMail) -> None:
        """Say with which mails the link goes out from now on."""
        self._mailed, self._reminder = mail, reminder

    def brings_link(self, kind: MyicsMail) -> bool:
        """Whether a mail of this kind is the last that brought the link that is waited for now."""
        return kind is self._brought_by

    async def send_link(self) -> None:
        """Make a link that ends the one before, and mail it."""
        # An operation that a Reset sends again comes before the procedure knows with which mail.
        mail = None if current_update_id() else self._mailed
        counted = self._steps.next_occurrence(f"link.{mail}")
        step = self._steps.input(NewLink, **counted, mail=mail, expires_on=self._state.expires_on)
        made = await self._steps.run(RegistrationActivities.make_link, step, "URL を用意する")
        if made.closed:
            self._state.withdrawal = self._state.withdrawal or CLOSED_BEFORE
            return
        self._state.link_no = made.link_no
        if self._mailed:
            await self._bring_link(self._mailed)

    async def remind_of_link(self) -> None:
        """Mail it once more."""
        if self._reminder and not self._state.locked:
            await self._bring_link(self._reminder)

    async def _bring_link(self, kind: MyicsMail) -> None:
        self._brought_by = kind
        self._state.undelivered = not await self.mail(kind)

    async def correct_address(self, message: CorrectMailAddress) -> None:
        """Send to another address from now on; a final error says if it is taken."""
        step = self._steps.input(
            CorrectAddress, **self._steps.next_occurrence("address", message), address=message.mail_address
        )
        await self._steps.run(RegistrationActivities.correct_address, step, "メールアドレスを訂正する")
        self._view.note("メールアドレスを訂正した", message)

    async def unlock(self, message: ActionMessage) -> None:
        """Let the registrant, or the account's owner, try again."""
        step = self._steps.input(Unlock, **self._steps.next_occurrence("unlock", message))
        await self._steps.run(RegistrationActivities.unlock, step, "ロックを解除する")
        self._state.locked = False
        self._view.note("ロックを解除した", message)

    # --- the end ------------------------------------------------------------------------------------------------------

    async def close(self, outcome: RegistrationOutcome, withdrawal: Withdrawal | None) -> RegistrationOutcome:
        """Close it; return how it really ended, since the registrant may have been faster.

        The activity writes the outcome into the status row: only there it is known.
        """
        step = self._steps.input(
            CloseRegistration,
            outcome=outcome,
            by=withdrawal.by if withdrawal else "system",
            reason=withdrawal.reason if withdrawal else "",
            text_for_customer=withdrawal.text_for_customer if withdrawal else "",
        )
        closed = await self._steps.look(RegistrationActivities.close_registration, step, f"登録を終了する（{outcome}）")
        return closed.outcome

    async def users_of_client(self) -> None:
        """Look up the first users of a client, and how their registrations ended."""
        case = self._state.case
        found = await self._steps.look(RegistrationActivities.users_of_client, case, "顧問先のユーザーを調べる")
        self._state.users = {user.registration_no: user.outcome for user in found.users}

    # --- mails --------------------------------------------------------------------------------------------------------

    async def reassign(self) -> None:
        """Give the registration to a colleague of whom it was with, and notify them."""
        if await self._steps.reassign():
            await self.notify_new_owner(NOT_ACTED_ON)

    async def notify_new_owner(self, because: str, asked_as: str | None = None) -> None:
        """Mail whoever has got it, with why; `asked_as`: the update that has given it to them."""
        await self.mail(MyicsMail.HANDED_OVER, self._task.model_copy(update={"because": because}), asked_as)

    async def remind_operator(self, on: date) -> None:  # noqa: ARG002 counted by the mail itself
        """Remind whoever is in charge."""
        await self.mail(MyicsMail.OPERATOR_REMINDER, self._task)

    async def notify_supervisor(self, on: date) -> None:  # noqa: ARG002 as above
        """Notify a supervisor that nobody has acted."""
        await self.mail(MyicsMail.OPERATOR_ESCALATION, self._task)

    @property
    def _task(self) -> OperatorsTask:
        """What waits for an operator: why, since when, and what can be done."""
        state = self._state
        possible = OPERATIONS.available(state)
        first = tuple((each.value, each.label) for each in first_for_operator(state) if each in possible)
        return OperatorsTask(next_step=next_for_operator(state), since=state.turn_since, operations=first)

    async def mail(self, kind: MyicsMail, turn: OperatorsTask | None = None, asked_as: str | None = None) -> bool:
        """Send one mail; every call is another mail. False if it is refused for good, which is noted.

        `asked_as`: the update that it belongs to, if it is sent beside it.
        """
        facts = self._steps.next_occurrence(kind)
        facts |= {"asked_as": asked_as or facts["asked_as"], "turn": turn}
        mail = self._steps.input(SendMyicsMail, kind=kind, **facts)
        mailed = await self._steps.mail(RegistrationMailActivities.send_myics_mail, mail, kind.subject)
        if mailed.refused_because and kind.for_operators:
            self._view.note("担当者の登録内容も確認してください。")
        return mailed.sent
