"""MYICS: the representative of an accounting firm registers (M1 to M3)."""

from datetime import timedelta

from temporalio import workflow

from models.common.calendar import day_in_japan
from models.myics.deadlines import (
    CONFIRMATION_OPERATOR_DAYS,
    CONFIRMATION_REMINDER_DAYS,
    INVITATION_OPERATOR_DAYS,
    INVITATION_REMINDER_DAYS,
    USER_DAYS,
)
from models.myics.mails import MyicsMail
from models.myics.registrations import RegistrationCase, RegistrationEnded, RegistrationOutcome, RegistrationStage
from workflows.common.cancellation import shielded_from_cancellation
from workflows.myics.registration import LinkSchedule, Registration

INVITED = LinkSchedule(remind_after=INVITATION_REMINDER_DAYS, show_after=INVITATION_OPERATOR_DAYS)
"""The invitation: reminded, then an operator calls the firm."""
PROVISIONAL = LinkSchedule(remind_after=CONFIRMATION_REMINDER_DAYS, show_after=CONFIRMATION_OPERATOR_DAYS)
"""The mail that checks the address: whoever has begun is called sooner."""
_CHOSEN = frozenset({RegistrationStage.PROVISIONAL, RegistrationStage.REGISTERED})
_REGISTERED = frozenset({RegistrationStage.REGISTERED})


@workflow.defn
class RepresentativeRegistration(Registration):
    """Leads one representative from the invitation to the registered account."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: RegistrationCase) -> RegistrationEnded:  # noqa: ARG002 the state has it
        return await self._lead(self._register)

    async def _register(self) -> RegistrationOutcome:
        invitation = (MyicsMail.INVITATION, MyicsMail.INVITATION_REMINDER)
        confirmation = (MyicsMail.CONFIRMATION, MyicsMail.CONFIRMATION_REMINDER)
        # M1, M2: terms, account and keyword.
        if not await self._mail_link_and_wait(INVITED, RegistrationStage.INVITED, invitation, until=_CHOSEN):
            return RegistrationOutcome.EXPIRED
        self._allow_days_again()
        # M3: keyword and password.
        registered = await self._mail_link_and_wait(
            PROVISIONAL, RegistrationStage.PROVISIONAL, confirmation, until=_REGISTERED
        )
        return RegistrationOutcome.REGISTERED if registered else RegistrationOutcome.EXPIRED

    def _allow_days_again(self) -> None:
        """The second link gets days of its own (M8)."""
        own = day_in_japan(workflow.now()) + timedelta(days=USER_DAYS)
        self._state.expires_on = max(self._state.expires_on, own)
