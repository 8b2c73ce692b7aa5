"""What an operator or applicant sends to a procedure: one small JSON, that of the update of the same name.

Every message says why (`reason`); who sends it is known by its signature (`models/common/acting.py`). One that cannot
be read is kept as misread, so that it is refused before it enters history, in Japanese and with an example. Unknown
fields are kept, too: an update's validator refuses them, and it does not run on replay, so what has once been accepted
stays readable.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self, cast

from pydantic import (
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from models.common.message import Message
from models.common.names import Words
from models.common.refusals import RefusedError, in_japanese

_TYPED = {"typed": True}
"""The context in which what cannot be read is refused at once."""
NOTHING_WRITTEN = "「Data」に何も書かれていません。JSON を貼り付けてください"


class ActionMessage(Message):
    """Why somebody does something."""

    model_config = ConfigDict(extra="allow")

    reason: Words = Field(
        min_length=1,
        max_length=1000,
        title="理由・対応の内容（社内）",
        description="監査の記録に残ります。お客様には届きません。",
    )
    event_id: str | None = None
    """The stored event that this message carries, if another system sent it."""
    salt: str | None = Field(default=None, exclude=True)
    """What its commitment is made with (`models/common/commitments.py`); no part of what it says."""
    _sent: "_AsSent" = PrivateAttr(default_factory=lambda: _AsSent(None))
    misread: tuple[str, ...] = Field(default=(), exclude=True)
    """What is wrong with the JSON; empty for a message that could be read."""

    @model_validator(mode="wrap")
    @classmethod
    def _keep_what_is_wrong(cls, data: Any, read: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if info.context is _TYPED:
            return read(data)
        if data is None:
            return cls._misread(NOTHING_WRITTEN)
        try:
            message = read(data)
        except ValidationError as error:
            unknown = [name for name in data if name not in cls.model_fields] if isinstance(data, dict) else []
            message = cls._misread(*_wrong(error.errors(), unknown))
        if isinstance(data, dict):
            message._sent = _AsSent(data)  # noqa: SLF001 its own
        return message

    @classmethod
    def typed(cls, fields: Mapping[str, str]) -> Self:
        """Read what was typed into a form. Raises `RefusedError`, with what is wrong beside each field."""
        try:
            return cls.model_validate(dict(fields), context=_TYPED)
        except ValidationError as error:
            raise RefusedError(in_japanese(error.errors())) from None

    @property
    def as_sent(self) -> Mapping[str, Any] | None:
        """The decoded JSON that it was read from: what has been signed, whatever a model reads of it."""
        return self._sent.data

    def read_strictly(self) -> Self:
        """Return it as a validator takes it: misread if there are fields that nobody knows."""
        return self._misread(*_wrong([], self.model_extra)) if self.model_extra else self

    @classmethod
    def _misread(cls, *wrong: str) -> Self:
        return cast("Self", cls.model_construct(None, reason="", misread=wrong))


class _AsSent:
    """Kept beside a message: two messages that say the same are equal, however each was spelled."""

    def __init__(self, data: Mapping[str, Any] | None) -> None:
        self.data = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _AsSent)

    def __hash__(self) -> int:
        return hash(_AsSent)


def _wrong(errors: Sequence[Any], unknown: Iterable[str]) -> tuple[str, ...]:
    refused = [{"type": "extra_forbidden", "loc": (name,)} for name in unknown]
    return tuple(f"{each.field or '全体'}：{each.message}" for each in in_japanese([*errors, *refused]))
