"""What operators can do while a file is processed, and when (M8)."""

from models.common.operations import Operation, Operations
from models.common.operator_message import ActionMessage
from models.myics.batch_state import BatchState


class BatchOperation(Operation):
    """The updates, by their names in the Web UI's list."""

    STOP = "stop", ActionMessage, "一括登録を止める"
    RESUME = "resume", ActionMessage, "一括登録を再開する"
    TRY_AGAIN = "try_again", ActionMessage, "受け付けられなかった処理を、もう一度試す"


def _refusal(operation: BatchOperation, state: BatchState) -> str | None:
    if operation is BatchOperation.TRY_AGAIN:
        return None if state.refused else "受け付けられなかった処理はありません。"
    if state.leaving:
        return "この一括登録は、すでに終了しています。"
    if operation is BatchOperation.STOP:
        return "すでに止まっています。" if state.progress.stopped else None
    return None if state.progress.stopped else "止まっていません。"


OPERATIONS = Operations[BatchOperation, BatchState](tuple(BatchOperation), _refusal)
