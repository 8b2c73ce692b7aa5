"""What retention has done, as its workflow returns it."""

from models.common.message import Message


class Summarised(Message):
    """How many parts of cases have a summary of their history now that had none before."""

    parts: int


class Ended(Message):
    """How many rows were deleted or blanked, by table."""

    rows: dict[str, int]
