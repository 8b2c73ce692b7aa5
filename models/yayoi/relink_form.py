"""The day on which a service was linked again, and the day from which it imports: what may be typed (Y21)."""

import unicodedata
from dataclasses import dataclass, field
from datetime import date

from models.yayoi.service_links import LinkKind

NO_DATE = "日付を入力してください（例：2026-11-20）。"
FUTURE = "今日までの日付を入力してください。再連携を済ませてから記録します。"
BEFORE_APPLICATION = "お申し込みの日より前の日付は入力できません。新しい番号で再連携した日を入力してください。"
AFTER_RELINK = "取込開始日は、再連携した日までの日付を入力してください。"


@dataclass(frozen=True)
class RelinkDays:
    """What was typed, read; `errors` by field name."""

    relinked_on: date | None
    asked_from: date | None
    errors: dict[str, str] = field(default_factory=dict)


def read_days(kind: LinkKind, relinked_on: str, asked_from: str, *, today: date, applied_on: date) -> RelinkDays:
    """Read both days. A register has no day to choose: it starts on the day after the re-link."""
    errors: dict[str, str] = {}
    made, begins = _day(relinked_on), None if kind.is_register else _day(asked_from)
    if made is None:
        errors["relinked_on"] = NO_DATE
    elif made > today:
        errors["relinked_on"] = FUTURE
    elif made < applied_on:
        errors["relinked_on"] = BEFORE_APPLICATION
    if not kind.is_register and asked_from.strip():
        if begins is None:
            errors["asked_from"] = NO_DATE
        elif made is not None and begins > made:
            errors["asked_from"] = AFTER_RELINK
    return RelinkDays(made, begins, errors)


def _day(text: str) -> date | None:
    """Read a day however it is typed (Y8); None if it is none."""
    parts = unicodedata.normalize("NFKC", text).strip().replace("/", "-").replace(".", "-").split("-")
    try:
        year, month, day = (int(part) for part in parts)
        return date(year, month, day)
    except (ValueError, OverflowError):  # no day, or a number that no calendar has
        return None
