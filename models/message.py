"""The base of every message."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Message(BaseModel):
    """One frozen value; unknown fields are refused, so that a typing mistake is not silently dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def added_later(default: Any = None) -> Any:
    """Declare a field that messages did not have at first: left out of the JSON while it says nothing new.

    Builds from before the field refuse what they do not know, and read these messages: while both run, after going
    back, and in histories.
    """
    return Field(default=default, exclude_if=lambda value: bool(value == default))
