"""Links between an office's books and the services its transactions come from (Y14, Y21)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

LinkNumber = Annotated[int, Field(ge=0, le=9999, title="サービス", description="連携の番号です（1 から）。")]
"""Names one of the links that are remembered for a pair: what services are called is in no message."""
NO_LINK = 0
"""The number of what is none of them."""


class LinkKind(StrEnum):
    """連携 of smart import: what kind of service transactions come from."""

    BANK_ACCOUNT = "bank_account"
    AIR_REGI = "air_regi"
    UBI_REGI = "ubi_regi"
    OTHER = "other"

    @property
    def label(self) -> str:
        return {
            LinkKind.BANK_ACCOUNT: "口座連携",
            LinkKind.AIR_REGI: "Airレジ",
            LinkKind.UBI_REGI: "ユビレジ",
            LinkKind.OTHER: "その他の連携",
        }[self]

    @property
    def is_register(self) -> bool:
        """A cash register brings only transactions of trading days after the re-link (Y21)."""
        return self in {LinkKind.AIR_REGI, LinkKind.UBI_REGI}


def link_label(kind: LinkKind, number: int) -> str:
    """Return how histories name a link. `ServiceNames` puts in what the service is called."""
    return f"{kind.label}（連携{number}）"


@dataclass(frozen=True)
class LinkedService:
    """A link as the registry knows it. What the service is called may hold the number of an account."""

    kind: LinkKind
    service: str
    last_imported_on: date | None


@dataclass(frozen=True)
class ServiceNames:
    """What the services of a pair are called, for texts that come from its history."""

    by_label: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, links: Mapping[int, LinkedService]) -> "ServiceNames":
        """Take the links by their numbers."""
        return cls(
            {link_label(each.kind, number): f"{each.kind.label}「{each.service}」" for number, each in links.items()}
        )

    def named(self, text: str) -> str:
        """Return the text with the services by their own names."""
        for label, name in self.by_label.items():
            text = text.replace(label, name)
        return text


class Days(BaseModel):
    """A range of days, both ends included."""

    model_config = ConfigDict(frozen=True)

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} ～ {self.last}"


class Coverage(BaseModel):
    """What a re-link covers, and from it the days the customer has to look at (Y21)."""

    model_config = ConfigDict(frozen=True)

    last_imported_on: date | None
    """The last day imported before the contract ID changed; None if nothing ever was."""
    first_covered_on: date
    """The first day whose transactions come in through the new link."""

    @property
    def missing(self) -> Days | None:
        """Days that neither link brought: transactions may have to be added."""
        if self.last_imported_on is None or self.first_covered_on <= self.last_imported_on + timedelta(days=1):
            return None
        return Days(first=self.last_imported_on + timedelta(days=1), last=self.first_covered_on - timedelta(days=1))

    @property
    def doubled(self) -> Days | None:
        """Days that both links bring: transactions may have to be deleted."""
        if self.last_imported_on is None or self.first_covered_on > self.last_imported_on:
            return None
        return Days(first=self.first_covered_on, last=self.last_imported_on)


def seamless_from(last_imported_on: date | None) -> date | None:
    """Return the first day to import from with nothing missing or doubled; None if nothing was ever imported."""
    return last_imported_on + timedelta(days=1) if last_imported_on else None


def first_day_covered(kind: LinkKind, relinked_on: date, asked_from: date | None) -> date:
    """The first day a re-linked service brings transactions of (Y21).

    A register starts with the day after the re-link, whichever day was chosen; other services start with the day the
    customer chose in the settings, or with the day of the re-link.
    """
    if kind.is_register:
        return relinked_on + timedelta(days=1)
    return asked_from or relinked_on
