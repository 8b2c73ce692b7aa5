"""The day on which a service was linked again, and the day from which it imports: what may be typed (Y21)."""

from dataclasses import dataclass, field
from datetime import date

from models.common.typed_days import read_day
from models.yayoi.service_links import LinkKind, seamless_from

FUTURE = "今日までの日付を入力してください。再連携を済ませてから記録します。"
BEFORE_APPLICATION = "お申し込みの日より前の日付は入力できません。新しい番号で再連携した日を入力してください。"
AFTER_RELINK = "取込開始日は、再連携した日（または、前回取り込んだ最後の日の翌日）までの日付を入力してください。"


@dataclass(frozen=True)
class RelinkDays:
    """What was typed, read; `errors` by field name."""

    relinked_on: date | None
    asked_from: date | None
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RelinkRule:
    """Which days a re-link can have, whoever says so."""

    kind: LinkKind
    today: date
    applied_on: date
    last_imported_on: date | None
    """The last day imported before the contract ID changed; None if nothing ever was."""

    def read(self, relinked_on: str, asked_from: str) -> RelinkDays:
        """Read both days. A register has no day to choose: it starts on the day after the re-link."""
        errors: dict[str, str] = {}
        days: dict[str, date | None] = {"relinked_on": None, "asked_from": None}
        typed = {"relinked_on": relinked_on, "asked_from": "" if self.kind.is_register else asked_from}
        for name, text in typed.items():
            if text.strip() or name == "relinked_on":
                try:
                    days[name] = read_day(text)
                except ValueError as refused:
                    errors[name] = str(refused)
        if made := days["relinked_on"]:
            errors |= self.errors(made, days["asked_from"])
        return RelinkDays(**days, errors=errors)

    def errors(self, relinked_on: date, asked_from: date | None) -> dict[str, str]:
        """Return what is wrong with these days, by field name: a day that a page recommends is none of it."""
        errors = {}
        if relinked_on > self.today:
            errors["relinked_on"] = FUTURE
        elif relinked_on < self.applied_on:
            errors["relinked_on"] = BEFORE_APPLICATION
        latest = max(relinked_on, seamless_from(self.last_imported_on) or relinked_on)
        if asked_from and not self.kind.is_register and asked_from > latest:
            errors["asked_from"] = AFTER_RELINK
        return errors
