"""MYICS: a firm registers one of its clients, and with it the client's first users (M7)."""

from collections.abc import Iterable
from functools import partial

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.common.waiting_for import WaitingFor
    from models.myics.identifiers import RegistrationNo
    from models.myics.registrations import RegistrationCase, RegistrationEnded, RegistrationOutcome, RegistrationStage
    from workflows.common.cancellation import shielded_from_cancellation
    from workflows.myics.registration import USER_ENDED, WITHDRAWN_WITH_CLIENT, Registration


@workflow.defn
class ClientRegistration(Registration):
    """Follows one client, which is listed at once, until the registrations of its first users have ended."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: RegistrationCase) -> RegistrationEnded:  # noqa: ARG002 the state has it
        await self._steps.users_of_client()
        self._view.move_to(RegistrationStage.USERS, WaitingFor.APPLICANT)
        users = self._state.users
        await workflow.wait_condition(lambda: self._state.leaving or all(users.values()))
        unreached = await self._withdraw([number for number, outcome in users.items() if outcome is None])
        ended = await self._close(RegistrationOutcome.REGISTERED)
        # One that was just being started runs by now; one that had not been started never will be.
        await self._withdraw(unreached)
        return ended

    @workflow.signal(name=USER_ENDED, description="顧問先のユーザーの登録が終わったことの報告（システム用）")
    def user_ended(self, ended: RegistrationEnded) -> None:
        self._state.users[ended.registration_no] = ended.outcome
        self._view.show()

    async def _withdraw(self, users: Iterable[RegistrationNo]) -> list[RegistrationNo]:
        """Withdraw these with their client, if it is withdrawn; return those whose registration does not run.

        The signal ends those that run; closing the client's registration closes all of them in our records.
        """
        withdrawal = self._state.withdrawal
        if withdrawal is None:
            return []
        signal = partial(self._signal, signal=WITHDRAWN_WITH_CLIENT, content=withdrawal.reason)
        return [number for number in users if not await signal(number)]
