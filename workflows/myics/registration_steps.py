"""The single steps of a registration: each asks one activity, under a named policy, and notes the outcome."""

from datetime import date

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.common.mail_refused import why_refused
    from activities.myics.registration_mail import RegistrationMailActivities
    from activities.myics.registrations import RegistrationActivities
    from models.common.operator_actions import HandOver
    from models.common.operator_message import ActionMessage
    from models.myics.mails import MyicsMail
    from models.myics.operations import CorrectMailAddress, RegistrationOperation
    from models.myics.registrations import (
        AssignRegistration,
        CloseRegistration,
        CorrectAddress,
        NewLink,
        RecordOperation,
        RegistrationOutcome,
        RegistrationStep,
        SendMyicsMail,
        Unlock,
    )
    from models.myics.state import Left, RegistrationState
    from workflows.common.activity_options import MAIL
    from workflows.common.case_steps import Steps
    from workflows.myics.registration_view import RegistrationView


class RegistrationSteps(Steps):
    """Changes the state of one registration by what its activities answer."""

    def __init__(self, state: RegistrationState, view: RegistrationView) -> None:
        super().__init__(view)
        self._state = state
        self._view = view
        self._mailed: MyicsMail | None = None
        self._reminder: MyicsMail | None = None

    # --- the link (M8) ------------------------------------------------------------------------------------------------

    def mailing(self, mail: MyicsMail, reminder: MyicsMail) -> "RegistrationSteps":
        """Say with which mails the link goes out from now on."""
        self._mailed, self._reminder = mail, reminder
        return self

    async def send_link(self) -> None:
        """Make a link that ends the one before, and mail it."""
        step = NewLink.of(
            self._state.case,
            workflow.now(),
            **self._counted(),
            expires_on=self._state.expires_on,
        )
        made = await self._ask(RegistrationActivities.make_link, step, "URL を用意する")
        if made.closed:
            self._state.left = self._state.left or Left("system", "この登録は、すでに終了しているため")
            return
        self._state.link_no = made.link_no
        if self._mailed:
            self._state.undelivered = not await self.mail(self._mailed)

    async def remind_of_link(self) -> None:
        """Mail it once more."""
        if self._reminder and not self._state.locked:
            self._state.undelivered = not await self.mail(self._reminder)

    async def correct_address(self, message: CorrectMailAddress) -> None:
        """Send to another address from now on; a final error says if it is taken."""
        step = CorrectAddress.of(
            self._state.case,
            workflow.now(),
            **self._counted(),
            address=message.mail_address,
            by=message.by,
            reason=message.reason,
        )
        await self._ask(RegistrationActivities.correct_address, step, "メールアドレスを訂正する")
        self._view.note(f"メールアドレスを訂正した（{message.by}：{message.reason}）")

    async def unlock(self, message: ActionMessage) -> None:
        step = Unlock.of(
            self._state.case,
            workflow.now(),
            **self._counted(),
            by=message.by,
            reason=message.reason,
        )
        await self._ask(RegistrationActivities.unlock, step, "ロックを解除する")
        self._state.locked = False
        self._view.note(f"ロックを解除した（{message.by}：{message.reason}）")

    # --- the end ------------------------------------------------------------------------------------------------------

    async def close(self, outcome: RegistrationOutcome, left: Left | None) -> RegistrationOutcome:
        """Close it; the answer is how it really ended, since the registrant may have been faster."""
        step = CloseRegistration.of(
            self._state.case,
            workflow.now(),
            outcome=outcome,
            by=left.by if left else "system",
            reason=left.reason if left else "",
        )
        closed = await self._ask(RegistrationActivities.close_registration, step, f"登録を終了する（{outcome}）")
        return closed.outcome

    async def users_of_client(self) -> None:
        """Look up the first users of a client, and how their registrations stand."""
        step = RegistrationStep.of(self._state.case, workflow.now())
        found = await self._ask(RegistrationActivities.users_of_client, step, "顧問先のユーザーを調べる")
        known = self._state.users  # one may have told its end while we looked
        self._state.users = {
            user.registration_no: user.outcome or known.get(user.registration_no) for user in found.users
        }

    # --- operators ----------------------------------------------------------------------------------------------------

    async def record(self, operation: RegistrationOperation, message: ActionMessage, detail: str = "") -> None:
        """Put what somebody did into the audit trail and the timeline."""
        self._view.note(f"{operation.label}{detail}（{message.by}：{message.reason}）")
        step = RecordOperation.of(
            self._state.case,
            workflow.now(),
            action=f"{operation.label}{detail}",
            by=message.by,
            reason=message.reason,
            **self._counted(),
        )
        await self._ask(RegistrationActivities.record_operation, step, f"操作を記録する：{operation.label}")

    async def assign(self) -> None:
        """Find an operator, if there is none yet: most registrations never need one."""
        if self._state.assignee is None:
            await self._assign(by="system", reason="担当者の対応が必要になったため")

    async def hand_over(self, message: HandOver) -> None:
        """Give the registration to a named operator; a final error says why that is not possible."""
        await self._assign(to=message.to, by=message.by, reason=message.reason)

    async def reassign(self) -> None:
        """Give it to whoever has the least work, but not to whom it was with."""
        await self._assign(but_not=self._state.assignee, by="system", reason="期限までに対応されなかったため")

    async def remind_operator(self, on: date) -> None:  # noqa: ARG002 counted by the mail itself
        await self.mail(MyicsMail.OPERATOR_REMINDER)

    async def tell_supervisor(self, on: date) -> None:  # noqa: ARG002 as above
        await self.mail(MyicsMail.OPERATOR_ESCALATION)

    async def _assign(self, *, by: str, reason: str, to: str | None = None, but_not: str | None = None) -> None:
        asked = AssignRegistration.of(
            self._state.case,
            workflow.now(),
            **self._counted(),
            to=to,
            but_not=but_not,
            by=by,
            reason=reason,
        )
        assigned = await self._ask(RegistrationActivities.assign_registration, asked, "担当者を決める")
        if assigned.operator:
            self._state.assignee = assigned.operator
            self._view.note(f"担当者は{assigned.operator}（{by}：{reason}）")

    # --- mails --------------------------------------------------------------------------------------------------------

    async def mail(self, kind: MyicsMail) -> bool:
        """Send one mail; each that is asked for is another. False if it is refused for good, which is noted."""
        mail = SendMyicsMail.of(self._state.case, workflow.now(), kind=kind, **self._counted())
        try:
            await self._ask(RegistrationMailActivities.send_myics_mail, mail, f"メール：{kind.subject}", MAIL)
        except ActivityError as failed:
            mend = "担当者の登録内容も確認してください。" if kind.for_operators else ""
            self._view.note(f"メールを届けられなかった（{kind.subject}）：{why_refused(failed)}{mend}")
            return False
        self._view.note(f"メールを送った：{kind.subject}")
        return True
