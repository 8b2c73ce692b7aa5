"""MYICS: a firm registers one of its clients, and with it the client's first users (M7)."""

from temporalio import workflow

from models.common.waiting_for import WaitingFor
from models.myics.registrations import RegistrationCase, RegistrationEnded, RegistrationOutcome, RegistrationStage
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.row_look import RowLook
from workflows.myics.registration import USER_ENDED, WITHDRAWN_WITH_CLIENT, Registration


@workflow.defn
class ClientRegistration(Registration):
    """Follows one client, which is listed at once, until the registrations of its first users have ended."""

    @workflow.init
    def __init__(self, case: RegistrationCase) -> None:
        super().__init__(case)
        self._users = RowLook(self._look_at_users)

    @workflow.run
    @shielded_from_cancellation
    async def run(self, case: RegistrationCase) -> RegistrationEnded:  # noqa: ARG002 the state has it
        return await self._lead(self._follow_users)

    async def _follow_users(self) -> RegistrationOutcome:
        await self._users.look()
        self.view.enter(RegistrationStage.USERS, WaitingFor.APPLICANT)
        await self._steps.rest()
        await workflow.wait_condition(lambda: self._state.leaving or all(self._state.users.values()))
        return RegistrationOutcome.REGISTERED

    @workflow.signal(name=USER_ENDED, description="顧問先のユーザーの登録が終わったかを調べる依頼（システム用）")
    async def user_ended(self) -> None:
        await self._users.look()

    async def _look_at_users(self) -> None:
        await self._steps.users_of_client()
        self.view.enter(self._state.stage, self._state.waiting_for)  # it stays there; the page names the users
        self.view.show()

    async def _ask_others_to_look(self) -> None:
        """A withdrawn client's closing step has closed the rows of its users who have not registered."""
        if self._state.outcome is RegistrationOutcome.WITHDRAWN:
            for number, outcome in self._state.users.items():
                if outcome is None:
                    await self._ask_to_look(number, WITHDRAWN_WITH_CLIENT)
