"""MYICS: an account that was locked after too many wrong passwords waits for somebody who knows its owner (M8)."""

from temporalio import workflow

from models.myics.mails import MyicsMail
from models.myics.registrations import RegistrationCase, RegistrationEnded, RegistrationOutcome
from workflows.common.cancellation import shielded_from_cancellation
from workflows.myics.registration import Registration


@workflow.defn
class AccountUnlocking(Registration):
    """Waits for an operator from the beginning; an administrator of the firm may be faster."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: RegistrationCase) -> RegistrationEnded:  # noqa: ARG002 the state has it
        return await self._lead(self._unlock)

    async def _unlock(self) -> RegistrationOutcome:
        state = self._state
        if state.locked and not state.leaving:
            await self._steps.mail(MyicsMail.LOCKED)
            await self._turn.begin()
        await workflow.wait_condition(lambda: state.leaving or not state.locked)
        return RegistrationOutcome.UNLOCKED
