"""The day on which a service was linked again, and the day from which it imports: what may be typed (Y21)."""

from dataclasses import dataclass, field
from datetime import date

from models.common.typed_days import NO_DAY, read_day
from models.yayoi.service_links import LinkKind

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
        errors["relinked_on"] = NO_DAY
    elif made > today:
        errors["relinked_on"] = FUTURE
    elif made < applied_on:
        errors["relinked_on"] = BEFORE_APPLICATION
    if not kind.is_register and asked_from.strip():
        if begins is None:
            errors["asked_from"] = NO_DAY
        elif made is not None and begins > made:
            errors["asked_from"] = AFTER_RELINK
    return RelinkDays(made, begins, errors)


def _day(text: str) -> date | None:
    try:
        return read_day(text)
    except ValueError:
        return None
