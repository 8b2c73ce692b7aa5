"""MYICS: a user is invited, of the firm's own staff or of a client (M4, M5, M7)."""

from temporalio import workflow

from models.myics.deadlines import INVITATION_REMINDER_DAYS
from models.myics.mails import MyicsMail
from models.myics.registrations import RegistrationCase, RegistrationEnded, RegistrationOutcome, RegistrationStage
from workflows.common.cancellation import shielded_from_cancellation
from workflows.myics.registration import LinkSchedule, Registration

INVITED = LinkSchedule(remind_after=INVITATION_REMINDER_DAYS)
"""The firm's own affair: its administrators see in their list who has not registered."""
_REGISTERED = frozenset({RegistrationStage.REGISTERED})


@workflow.defn
class UserInvitation(Registration):
    """Leads one user from the mail over password and terms to the registered account."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: RegistrationCase) -> RegistrationEnded:  # noqa: ARG002 the state has it
        return await self._lead(self._register)

    async def _register(self) -> RegistrationOutcome:
        mails = (MyicsMail.USER_INVITATION, MyicsMail.USER_REMINDER)
        registered = await self._mail_link_and_wait(INVITED, RegistrationStage.INVITED, mails, until=_REGISTERED)
        return RegistrationOutcome.REGISTERED if registered else RegistrationOutcome.EXPIRED
