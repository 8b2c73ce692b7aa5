"""The data map: of every table, column, JSON key and file whose it is, why it is there, and what ends it.

`docs/data-map.md` is made from it (`tetsuzuki data-map`), retention runs its statements, and a test compares it with
the schema of a migrated database and with what a whole walk through the program has written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Whose(StrEnum):
    """Whom a value is about."""

    NOBODY = "nobody"
    """Numbers, times, states, handles: nothing by which somebody outside the house is known."""
    APPLICANT = "the applicant"
    YAYOI_ID = "the Yayoi ID's person"
    HOLDER = "the contract's holder"
    CUSTOMER = "the customer whose office, group or contract it is"
    INVITED = "who is invited"
    ENQUIRER = "who enquires"
    READER = "who gets the mail"
    REGISTRANT = "MYICS' registrant or user"
    FIRM = "an accounting firm or its client"
    OPERATOR = "the operator"
    CASE = "anybody of the case"
    """Where an operator or customer writes freely."""


DAY, YEAR = timedelta(days=1), timedelta(days=365)
SOON = 2 * DAY
"""What the web itself forgets within the hour: ended here if it could not."""
CASE = 3 * YEAR
"""How long what names somebody is kept of a case that has closed."""
AUDIT = 7 * YEAR
"""How long it is kept what an entry of the audit trail is about."""
CLOSED_STAGE = "終了"
"""What every procedure of a case calls its last stage; an application as a whole has no outcome of its own."""
FOR_EVER = "for ever: it names nobody"
REGISTRY = "as long as the vendor's registry, whose record it is, keeps it; erased with the person"


@dataclass(frozen=True)
class Ending:
    """A statement that ends what has been kept long enough: it deletes rows, or blanks what is somebody's in them."""

    period: timedelta
    since: str
    """The column, or SQL, that the period begins with; where `of_case` is set, it is the closed case's last change."""
    of_case: str = ""
    """An expression for the case's number: the case is closed, in all of its parts."""
    blank: Mapping[str, str] = field(default_factory=dict)
    """Columns with the SQL of what they become; none: the row is deleted."""
    only: str = ""
    """A further condition."""

    def statement(self, table: str) -> str:
        """Return the SQL; `:before` is the time from before which it ends what there is."""
        if self.of_case:
            last = f"bool_and(s.outcome is not null or s.stage = '{CLOSED_STAGE}') and max(s.changed_at) < :before"
            due = f"(select {last} from case_status s where s.case_no = {self.of_case})"  # noqa: S608 all are ours
        else:
            due = f"{self.since} < :before"
        conditions = [due, *([self.only] if self.only else [])]
        if not self.blank:
            return f'delete from "{table}" where {" and ".join(conditions)}'  # noqa: S608
        differs = " or ".join(f'"{column}" is distinct from {value}' for column, value in self.blank.items())
        blanked = ", ".join(f'"{column}" = {value}' for column, value in self.blank.items())
        return f'update "{table}" set {blanked} where {" and ".join(conditions)} and ({differs})'  # noqa: S608


@dataclass(frozen=True)
class Json:
    """A column of JSON. `keys`: of objects, each with whose it is; `any_key`: whose every other one is."""

    whose: Whose
    keys: Mapping[str, Whose] = field(default_factory=dict)
    any_key: bool = False
    """Its keys are not ours: those of a form, a message or a page."""


@dataclass(frozen=True)
class TableMap:
    """One table, with every one of its columns."""

    why: str
    kept: str
    """How long, and what ends it, in words; what is nobody's may be kept for ever."""
    numbers: str
    """The columns that are nobody's, separated by blanks."""
    persons: Mapping[str, Whose | Json] = field(default_factory=dict)
    ends: Ending | None = None


@dataclass(frozen=True)
class FileMap:
    """Files of one kind."""

    where: str
    whose: str
    why: str
    kept: str


def shown_period(period: timedelta) -> str:
    """Return a period as people say it."""
    return f"{period.days // 365} years" if period.days % 365 == 0 else f"{period.days} days"
