"""Asking a registration's procedure for something, as an operator would, and telling its answer in its own words."""

from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.service import RPCError, RPCStatusCode

from models.common.operator_message import ActionMessage
from models.myics.identifiers import BatchNo, RegistrationNo, registration_workflow_id
from models.myics.store.permissions import NotPossibleError
from web.common.temporal_calls import temporal_call

_NOT_RUNNING = "このお手続きは、まだ始まっていないか、すでに終了しています。しばらくしてから、もう一度お試しください。"
_UNSAID = "受け付けられませんでした。MYICS サポートへお問い合わせください。"


async def ask_registration(
    client: Client, number: RegistrationNo | BatchNo, operation: str, message: ActionMessage
) -> None:
    """Send the update and wait for its effect. Raises `NotPossibleError` and `UnreachableError`."""
    async with temporal_call():
        try:
            await client.get_workflow_handle(registration_workflow_id(number)).execute_update(str(operation), message)
        except WorkflowUpdateFailedError as failed:
            raise NotPossibleError(_reason(failed)) from None
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            raise NotPossibleError(_NOT_RUNNING) from None


def _reason(failed: WorkflowUpdateFailedError) -> str:
    """Return what the procedure said, or the activity that it asked."""
    cause: BaseException | None = failed.cause
    while isinstance(cause, FailureError) and not isinstance(cause, ApplicationError):
        cause = cause.cause
    return cause.message.partition("いまできる操作")[0] if isinstance(cause, ApplicationError) else _UNSAID
