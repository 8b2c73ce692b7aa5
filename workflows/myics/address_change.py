"""MYICS: an account that is registered gets another address, once whoever reads that has confirmed it (M8)."""

from temporalio import workflow

from models.myics.deadlines import INVITATION_REMINDER_DAYS
from models.myics.mails import MyicsMail
from models.myics.registrations import RegistrationCase, RegistrationEnded, RegistrationOutcome, RegistrationStage
from workflows.common.cancellation import shielded_from_cancellation
from workflows.myics.registration import LinkSchedule, Registration

CONFIRMING = LinkSchedule(remind_after=INVITATION_REMINDER_DAYS)
"""The firm's own affair, as an invitation is: its administrators see in their list what is not confirmed."""
_DONE = frozenset({RegistrationStage.CHANGED, RegistrationStage.SUPERSEDED})


@workflow.defn
class AddressChange(Registration):
    """Leads from the mail to the new address; requesting another change ends the one before."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: RegistrationCase) -> RegistrationEnded:  # noqa: ARG002 the state has it
        return await self._lead(self._change)

    async def _change(self) -> RegistrationOutcome:
        mails = (MyicsMail.ADDRESS_CHANGE, MyicsMail.ADDRESS_CHANGE_REMINDER)
        if not await self._mail_link_and_wait(CONFIRMING, RegistrationStage.CONFIRMING, mails, until=_DONE):
            return RegistrationOutcome.EXPIRED
        if self._state.stage is RegistrationStage.SUPERSEDED:
            return RegistrationOutcome.SUPERSEDED
        await self._steps.mail(MyicsMail.ADDRESS_LEFT)
        return RegistrationOutcome.CHANGED
