"""The plan of STEP1: which office goes with which Yayoi ID and business group."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from http import HTTPStatus

from pydantic import TypeAdapter, ValidationError

from models.common.names import shows_nothing
from models.common.refusals import in_japanese
from models.yayoi.application_form import MAX_OFFICES, SAME_NAME, OfficeName
from models.yayoi.identifiers import YayoiId

MAX_PLANNED = 30
"""More than one application takes: offices that are managed already are planned with the new ones."""
LONGEST = 16_000
"""Characters of the whole; thirty offices with everything filled in take less."""
ROWS_AT_FIRST = 3
_PARTS = ("name", "used", "yayoi_id")
LABELS = {"name": "事業所データの名前", "yayoi_id": "弥生ID（メールアドレス）"}
_OFFICE_NAME: TypeAdapter[str] = TypeAdapter(OfficeName)


@dataclass(frozen=True)
class Planned:
    """One office of the plan. `used`: it is managed in 『スマート証憑管理』 already and needs nothing new (Y1)."""

    name: str
    used: bool
    yayoi_id: str


@dataclass(frozen=True)
class Plan:
    """What was typed, row by row, and what is wrong with it."""

    values: Mapping[str, str] = field(default_factory=dict)
    rows: int = ROWS_AT_FIRST
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Why it was not kept, beside what is wrong with it."""
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY
    """With which the page is shown if something is wrong."""

    @classmethod
    def of(cls, typed: Mapping[str, str]) -> "Plan":
        """Read what was typed. Raises `ValueError` for more than a plan can hold."""
        if sum(len(name) + len(value) for name, value in typed.items()) > LONGEST:
            raise ValueError("longer than any plan")
        wanted = typed.get("rows", "")
        rows = int(wanted) if wanted.isascii() and wanted.isdigit() else 0
        if rows > MAX_PLANNED:
            raise ValueError("more offices than a plan can hold")
        known = {f"{part}{row}": row for row in range(MAX_PLANNED) for part in _PARTS}
        values = {path: value.strip() for path, value in typed.items() if path in known and not shows_nothing(value)}
        return cls(values, max(rows, *(known[path] + 1 for path in values), 0) or ROWS_AT_FIRST)

    def with_errors(self, errors: Mapping[str, str], status: HTTPStatus) -> "Plan":
        return replace(self, refusals=errors, status=status) if errors else self

    def value(self, path: str) -> str:
        return self.values.get(path, "")

    @property
    def typed(self) -> dict[str, str]:
        """All that was typed, as it is kept."""
        return {**self.values, "rows": str(self.rows)}

    @property
    def can_add(self) -> bool:
        return self.rows < MAX_PLANNED

    @property
    def begun(self) -> bool:
        return bool(self.values)

    @property
    def offices(self) -> list[Planned]:
        """The rows that were begun; Yayoi IDs in their one form where they have it (Y8)."""
        return [
            Planned(self.value(f"name{row}"), bool(self.value(f"used{row}")), self._yayoi_id(row) or "")
            for row in self._begun_rows
        ]

    @property
    def new(self) -> list[Planned]:
        """The offices that need a Yayoi ID of their own and a pair of the application."""
        return [office for office in self.offices if not office.used]

    @property
    def undecided(self) -> int:
        """How many of the new offices have no Yayoi ID yet."""
        return sum(not office.yayoi_id for office in self.new)

    @property
    def applications(self) -> int:
        """How many applications it takes: one holds at most `MAX_OFFICES` pairs."""
        return -(-len(self.new) // MAX_OFFICES)

    @cached_property
    def errors(self) -> dict[str, str]:
        """What is wrong, by field, in the order of the page."""
        names = Counter(self._name(row)[0] for row in self._begun_rows)
        ids = Counter(yayoi_id for row in self._begun_rows if (yayoi_id := self._yayoi_id(row)))
        errors = dict(self.refusals)
        for row in self._begun_rows:
            (name, wrong), typed = self._name(row), self.value(f"yayoi_id{row}")
            if wrong:
                errors[f"name{row}"] = wrong
            elif names[name] > 1:
                errors[f"name{row}"] = SAME_NAME
            yayoi_id = self._yayoi_id(row)
            if typed and yayoi_id is None:
                errors[f"yayoi_id{row}"] = YayoiId.refusal
            elif ids[yayoi_id or ""] > 1:
                errors[f"yayoi_id{row}"] = "同じ弥生ID が 2 回入力されています。事業所データごとに 1 つ必要です。"
        return errors

    @property
    def summary(self) -> list[tuple[str, str, str]]:
        """Field, label and message of every error, from the top of the page to its end."""
        rows = range(self.rows)
        ordered = [("", "計画")]
        ordered += [(f"{part}{row}", f"{row + 1} 件目の{LABELS[part]}") for row in rows for part in LABELS]
        return [(path, label, self.errors[path]) for path, label in ordered if path in self.errors]

    @property
    def _begun_rows(self) -> list[int]:
        return [row for row in range(self.rows) if any(self.value(f"{part}{row}") for part in _PARTS)]

    def _name(self, row: int) -> tuple[str, str]:
        """Return an office's name as the form takes it, and why it takes none."""
        typed = self.value(f"name{row}")
        try:
            return _OFFICE_NAME.validate_python(typed), ""
        except ValidationError as refused:
            [error] = in_japanese(refused.errors())
            return typed, error.message

    def _yayoi_id(self, row: int) -> str | None:
        try:
            return YayoiId(self.value(f"yayoi_id{row}"))
        except ValueError:
            return None
