"""The bases of what is kept and of what comes in: the one ignores an unknown field, the other refuses it."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """One frozen value that histories and rows keep; unknown fields are ignored, so that it stays readable."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class FromOutside(BaseModel):
    """One frozen value as others send it; unknown fields are refused, so that a typing mistake is not dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")
