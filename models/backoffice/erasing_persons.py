"""Erasing a person: what is asked for, found and done, without naming them."""

from uuid import UUID

from models.common.message import Message

ALREADY_ANSWERED = "この依頼には、すでに回答されています。"
OWN_REQUEST = "自分が依頼した消去は、自分では承認できません。別の責任者に承認を依頼してください。"
NOT_LOOKED_YET = "対象の情報をまだ調べています。しばらくしてから、もう一度お試しください。"
NOT_YET = "まだ消去できません。{obstacles}"
NOBODY_FOUND = "このメールアドレスの情報はありません。"


class ErasureStep(Message):
    """One request, by its row."""

    request_id: UUID

    @property
    def looking_id(self) -> str:
        """The id of the workflow that looks for them; nothing personal in it, nor in what it says: no case's key."""
        return f"person-look-up-{self.request_id}"

    @property
    def erasing_id(self) -> str:
        return f"person-erasure-{self.request_id}"


class ErasedRows(Message):
    """The workflows of cases whose executions are to be deleted; none: it was refused."""

    workflows: tuple[str, ...]


class FoundPerson(Message):
    """Where somebody occurs."""

    hits: tuple[str, ...]
    """Each with what they are there, in how many rows, and the cases."""
    cases: tuple[str, ...]
    obstacles: tuple[str, ...]
