"""The base of every message."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """One frozen value; unknown fields are refused, so that a typing mistake is not silently dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")
