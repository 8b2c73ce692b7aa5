"""Updates that administrators of a firm send to the procedure of an invitation; its refusals are shown as they are."""

from dataclasses import dataclass

from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from models.myics.identifiers import registration_workflow_id
from models.myics.operations import RegistrationOperation
from models.myics.store.permissions import NotPossibleError
from models.myics.store.sign_in import Member
from models.myics.store.users import Users
from web.common.temporal_calls import refusal_in, temporal_call

_BY = "事務所の管理者"
_NOT_RUNNING = "このお手続きは、まだ始まっていないか、すでに終了しています。しばらくしてから、もう一度お試しください。"
_NO_REASON = "受け付けられませんでした。MYICS サポートへお問い合わせください。"


@dataclass(frozen=True)
class InvitationUpdates:
    """Each waits for its effect, and raises `NotPossibleError` or `UnreachableError`."""

    users: Users
    client: Client

    async def resend(self, manager: Member, account_id: int) -> None:
        """Mail another link to a user who has not registered."""
        await self._send(
            manager, account_id, RegistrationOperation.RESEND, ActionMessage(by=_BY, reason="画面からの再送")
        )

    async def withdraw(self, manager: Member, account_id: int) -> None:
        """End an invitation."""
        message = EndCase(by=_BY, reason="画面からの取り下げ")
        await self._send(manager, account_id, RegistrationOperation.WITHDRAW, message)

    async def _send(
        self, manager: Member, account_id: int, operation: RegistrationOperation, message: ActionMessage
    ) -> None:
        number = await self.users.open_invitation(manager, account_id)
        procedure = self.client.get_workflow_handle(registration_workflow_id(number))
        async with temporal_call():
            try:
                await procedure.execute_update(str(operation), message)
            except WorkflowUpdateFailedError as failed:
                reason = refusal_in(failed) or _NO_REASON
                raise NotPossibleError(reason.partition("いまできる操作")[0]) from None
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                raise NotPossibleError(_NOT_RUNNING) from None
