"""Where customers reach people: what texts name wherever they say "ask us"."""

import re
from typing import Annotated

from pydantic import AfterValidator

from models.common.identifiers import fold
from models.common.message import Message
from models.common.web_addresses import WebAddress

_PHONE = re.compile(r"\+?[0-9]+(?:-[0-9]+)*")


def _phone(text: str) -> str:
    number = fold(text)
    if not _PHONE.fullmatch(number):
        raise ValueError("must be digits and hyphens, such as 03-1234-5678")
    return number


Phone = Annotated[str, AfterValidator(_phone)]
"""A phone number in half-width digits and hyphens."""


class Contact(Message):
    """Who answers customers, and how they are reached."""

    name: str
    phone: Phone | None = None
    hours: str | None = None
    """When the phone is answered, in Japanese."""
    url: WebAddress | None = None
    """A page of theirs, beside what this site has."""

    @property
    def by_phone(self) -> str:
        """The phone and its hours in words; empty without a phone."""
        hours = f"、受付時間：{self.hours}" if self.hours else ""
        return f"お電話：{self.phone}{hours}" if self.phone else ""
