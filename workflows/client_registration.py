"""MYICS: a firm registers one of its clients, and with it the client's first users (M7)."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.myics.registrations import RegistrationCase, RegistrationEnded, RegistrationOutcome, RegistrationStage
    from models.procedures import WaitingFor
    from workflows.cancellation import heeding_cancellation
    from workflows.registration import USER_ENDED, WITHDRAWN_WITH_CLIENT, Registration


@workflow.defn
class ClientRegistration(Registration):
    """Follows one client, which is listed at once, until each of its first users has registered or has not."""

    @workflow.init
    def __init__(self, case: RegistrationCase) -> None:
        super().__init__(case)

    @workflow.run
    @heeding_cancellation
    async def run(self, case: RegistrationCase) -> RegistrationEnded:  # noqa: ARG002 the state has it
        await self._steps.users_of_client()
        self._view.stand(RegistrationStage.USERS, WaitingFor.APPLICANT)
        users = self._state.users
        await workflow.wait_condition(lambda: self._state.leaving or all(users.values()))
        if self._state.left:
            await self._withdraw_users(self._state.left.reason)
        return await self._close(RegistrationOutcome.REGISTERED)

    @workflow.signal(name=USER_ENDED, description="顧問先のユーザーの登録が終わったことの報告（システム用）")
    def user_ended(self, ended: RegistrationEnded) -> None:
        self._state.users[ended.registration_no] = ended.outcome
        self._view.show()

    async def _withdraw_users(self, reason: str) -> None:
        """Users that have not registered are withdrawn with their client; who has stays."""
        for number, outcome in self._state.users.items():
            if outcome is None:
                await self._signal(number, WITHDRAWN_WITH_CLIENT, reason)
