"""Where customers reach people, and addresses on the web: what texts name wherever they say "ask us" or "read this"."""

import re
import unicodedata
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from models.common.message import Message

_PHONE = re.compile(r"\+?[0-9]+(?:-[0-9]+)*")


def _web_address(text: str) -> str:
    """Refuse what no browser opens: a setting that is wrong ends the start, not a customer's click."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not text.isprintable() or " " in text:
        raise ValueError("must be a whole address, such as https://www.example.co.jp/terms")
    return text


def _phone(text: str) -> str:
    number = unicodedata.normalize("NFKC", text).strip()
    if not _PHONE.fullmatch(number):
        raise ValueError("must be digits and hyphens, such as 03-1234-5678")
    return number


WebAddress = Annotated[str, AfterValidator(_web_address)]
"""An absolute address that a browser opens."""
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
