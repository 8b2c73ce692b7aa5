"""The single steps of a registration: each runs one activity and notes the outcome."""

from datetime import date

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.myics.registration_mail import RegistrationMailActivities
    from activities.myics.registrations import RegistrationActivities
    from models.common.messages import Assigned
    from models.common.operator_message import ActionMessage
    from models.myics.mails import MyicsMail
    from models.myics.operations import CorrectMailAddress
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
    from models.myics.state import RegistrationState, Withdrawal
    from workflows.common.activity_options import MAIL
    from workflows.common.case_steps import CaseSteps
    from workflows.common.failing_activities import why_refused
    from workflows.myics.registration_view import RegistrationView


class RegistrationSteps(CaseSteps[RegistrationState, RegistrationView]):
    """The steps of one registration."""

    _mailed: MyicsMail | None = None
    _reminder: MyicsMail | None = None

    # --- the link (M8) ------------------------------------------------------------------------------------------------

    def mailing(self, mail: MyicsMail, reminder: MyicsMail) -> "RegistrationSteps":
        """Say with which mails the link goes out from now on."""
        self._mailed, self._reminder = mail, reminder
        return self

    async def send_link(self) -> None:
        """Make a link that ends the one before, and mail it."""
        step = self._input(NewLink, **self._next_occurrence(), expires_on=self._state.expires_on)
        made = await self._run(RegistrationActivities.make_link, step, "URL を用意する")
        if made.closed:
            self._state.withdrawal = self._state.withdrawal or Withdrawal(
                "system", "この登録は、すでに終了しているため"
            )
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
        step = self._input(CorrectAddress, **self._next_occurrence(message), address=message.mail_address)
        await self._run(RegistrationActivities.correct_address, step, "メールアドレスを訂正する")
        self._view.note("メールアドレスを訂正した", message)

    async def unlock(self, message: ActionMessage) -> None:
        step = self._input(Unlock, **self._next_occurrence(message))
        await self._run(RegistrationActivities.unlock, step, "ロックを解除する")
        self._state.locked = False
        self._view.note("ロックを解除した", message)

    # --- the end ------------------------------------------------------------------------------------------------------

    async def close(self, outcome: RegistrationOutcome, withdrawal: Withdrawal | None) -> RegistrationOutcome:
        """Close it; return how it really ended, since the registrant may have been faster."""
        step = self._input(
            CloseRegistration,
            outcome=outcome,
            by=withdrawal.by if withdrawal else "system",
            reason=withdrawal.reason if withdrawal else "",
        )
        closed = await self._run(RegistrationActivities.close_registration, step, f"登録を終了する（{outcome}）")
        return closed.outcome

    async def users_of_client(self) -> None:
        """Look up the first users of a client, and how their registrations ended."""
        step = self._input(RegistrationStep)
        found = await self._run(RegistrationActivities.users_of_client, step, "顧問先のユーザーを調べる")
        known = self._state.users  # one may have reported its end meanwhile
        self._state.users = {
            user.registration_no: user.outcome or known.get(user.registration_no) for user in found.users
        }

    # --- operators ----------------------------------------------------------------------------------------------------

    async def assign(self) -> None:
        """Find an operator, if there is none yet: most registrations never need one."""
        if self._state.assignee is None:
            await self._assign(by="system", reason="担当者の対応が必要になったため")

    async def remind_operator(self, on: date) -> None:  # noqa: ARG002 counted by the mail itself
        await self.mail(MyicsMail.OPERATOR_REMINDER)

    async def notify_supervisor(self, on: date) -> None:  # noqa: ARG002 as above
        await self.mail(MyicsMail.OPERATOR_ESCALATION)

    async def _find_operator(self, **facts: str | None) -> Assigned:
        step = self._input(AssignRegistration, **self._next_occurrence(), **facts)
        return await self._run(RegistrationActivities.assign_registration, step, "担当者を決める")

    async def _audit(self, action: str, message: ActionMessage) -> None:
        step = self._input(RecordOperation, action=action, **self._next_occurrence(message))
        await self._run(RegistrationActivities.record_operation, step, f"操作を記録する：{action}")

    # --- mails --------------------------------------------------------------------------------------------------------

    async def mail(self, kind: MyicsMail) -> bool:
        """Send one mail; every call is another mail. False if it is refused for good, which is noted."""
        mail = self._input(SendMyicsMail, kind=kind, **self._next_occurrence())
        try:
            await self._run(RegistrationMailActivities.send_myics_mail, mail, f"メール：{kind.subject}", MAIL)
        except ActivityError as failed:
            check = "担当者の登録内容も確認してください。" if kind.for_operators else ""
            self._view.note(f"メールを届けられなかった（{kind.subject}）：{why_refused(failed)}{check}")
            return False
        self._view.note(f"メールを送った：{kind.subject}")
        return True
