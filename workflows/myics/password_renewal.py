"""MYICS: somebody who has forgotten the password of an account sets a new one (M6, M8)."""

from temporalio import workflow

from models.myics.mails import MyicsMail
from models.myics.registrations import RegistrationCase, RegistrationEnded, RegistrationOutcome, RegistrationStage
from workflows.common.cancellation import shielded_from_cancellation
from workflows.myics.registration import LinkSchedule, Registration

RENEWING = LinkSchedule(remind_after=())
"""No reminder: the link is short-lived, and whoever still needs it asks again."""
_DONE = frozenset({RegistrationStage.RENEWED, RegistrationStage.SUPERSEDED})


@workflow.defn
class PasswordRenewal(Registration):
    """Leads the owner of an account from the mail to the new password; asking again ends the one before."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: RegistrationCase) -> RegistrationEnded:  # noqa: ARG002 the state has it
        return await self._lead(self._renew)

    async def _renew(self) -> RegistrationOutcome:
        mails = (MyicsMail.RENEWAL, MyicsMail.RENEWAL)
        if not await self._mail_link_and_wait(RENEWING, RegistrationStage.RENEWING, mails, until=_DONE):
            return RegistrationOutcome.EXPIRED
        superseded = self._state.stage is RegistrationStage.SUPERSEDED
        return RegistrationOutcome.SUPERSEDED if superseded else RegistrationOutcome.RENEWED
