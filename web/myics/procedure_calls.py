"""Updates that administrators of a firm send to the procedure of an invitation; its refusals are shown as they are."""

from dataclasses import dataclass

from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from models.myics.identifiers import registration_workflow_id
from models.myics.operations import RegistrationOperation
from models.myics.store.permissions import NotPossibleError
from models.myics.store.sign_in import Member
from models.myics.store.users import Users
from web.common.operation_sender import AskedOperation, Done, OperationSender, Refused, Why
from web.common.temporal_calls import UnreachableError

_NOT_RUNNING = "このお手続きは、まだ始まっていないか、すでに終了しています。しばらくしてから、もう一度お試しください。"


@dataclass(frozen=True)
class InvitationUpdates:
    """Each waits for its effect, and raises `NotPossibleError` or `UnreachableError`."""

    users: Users
    operations: OperationSender

    async def resend(self, manager: Member, account_id: int) -> None:
        """Mail another link to a user who has not registered."""
        await self._send(manager, account_id, RegistrationOperation.RESEND, ActionMessage(reason="画面からの再送"))

    async def withdraw(self, manager: Member, account_id: int) -> None:
        """End an invitation."""
        message = EndCase(reason="画面からの取り下げ")
        await self._send(manager, account_id, RegistrationOperation.WITHDRAW, message)

    async def _send(
        self, manager: Member, account_id: int, operation: RegistrationOperation, message: ActionMessage
    ) -> None:
        number = await self.users.open_invitation(manager, account_id)
        asked = AskedOperation(manager.actor)
        match await asked.send(self.operations, registration_workflow_id(number), operation, message):
            case Done():
                return
            case Refused(reason=reason, why=Why.BY_THE_CASE):
                raise NotPossibleError(reason.partition("いまできる操作")[0])
            case Refused(why=Why.BY_THE_MACHINERY | Why.NOT_NOW):
                raise UnreachableError
            case Refused():
                raise NotPossibleError(_NOT_RUNNING)
            case _:
                raise UnreachableError
