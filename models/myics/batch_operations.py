"""What operators can do while a file is processed, and when (M8)."""

from models.common.operations import Operation, Operations
from models.common.operator_message import ActionMessage
from models.myics.batches import BatchProgress


class BatchOperation(Operation):
    """The updates, by their names in the Web UI's list."""

    STOP = "stop", ActionMessage, "一括登録を止める"
    RESUME = "resume", ActionMessage, "一括登録を再開する"


def _refusal(operation: BatchOperation, progress: BatchProgress) -> str | None:
    if progress.finished:
        return "この一括登録は、すでに終了しています。"
    if operation is BatchOperation.STOP:
        return "すでに止まっています。" if progress.stopped else None
    return None if progress.stopped else "止まっていません。"


OPERATIONS = Operations[BatchOperation, BatchProgress](tuple(BatchOperation), _refusal)
