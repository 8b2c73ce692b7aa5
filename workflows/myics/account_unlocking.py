"""MYICS: an account that was locked after too many wrong passwords waits for somebody who knows its owner (M8)."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.common.waiting_for import WaitingFor
    from models.myics.mails import MyicsMail
    from models.myics.registrations import RegistrationCase, RegistrationEnded, RegistrationOutcome, RegistrationStage
    from workflows.common.cancellation import shielded_from_cancellation
    from workflows.myics.registration import Registration


@workflow.defn
class AccountUnlocking(Registration):
    """Waits for an operator from the beginning; an administrator of the firm may be faster."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: RegistrationCase) -> RegistrationEnded:  # noqa: ARG002 the state has it
        self._view.move_to(RegistrationStage.LOCKED, WaitingFor.OPERATOR)
        await self._steps.mail(MyicsMail.LOCKED)
        await self._begin_operator_turn()
        await workflow.wait_condition(lambda: self._state.leaving or not self._state.locked)
        return await self._close(RegistrationOutcome.UNLOCKED)
