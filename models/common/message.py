"""The bases of what is kept and of what comes in: they differ in what becomes of a field that nobody knows."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """One frozen value that histories and rows keep; unknown fields are ignored, so that it stays readable."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class FromOutside(BaseModel):
    """One frozen value as others send it; unknown fields are refused, so that a typing mistake is not dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")
