"""The operators' worklist: its lists, and what narrows them. What is in it, and how urgent, is in the status rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self
from urllib.parse import urlencode

from pydantic import Field, ValidationError, field_validator

from models.backoffice.case_places import CasePlace, spoken
from models.backoffice.operation_permissions import PROCEDURES
from models.common.desk_links import WORKLIST
from models.common.message import FromOutside
from models.common.names import Name
from models.common.operators import Handle
from models.common.refusals import RefusedError, in_japanese
from models.common.waiting_for import WaitingFor
from models.myics.registrations import RegistrationStage
from models.yayoi.procedures import Stage

PAGE_SIZE = 50
"""Cases on one page."""
MOST_EXPORTED = 10_000
"""Cases in one file."""
MOST_SAVED = 20
"""Filters that one operator keeps."""
WEEK, FORTNIGHT = 7, 14
WITHIN_DAYS = (0, 3, WEEK, FORTNIGHT)
"""The spans for which what is due soon can be asked, in days from today."""


class WorkList(StrEnum):
    """The lists, in the order of the page; the values stand in its address."""

    label: str
    purpose: str
    """What it is for, in a sentence."""

    def __new__(cls, name: str, label: str, purpose: str) -> Self:
        list_ = str.__new__(cls, name)
        list_._value_ = name
        list_.label, list_.purpose = label, purpose
        return list_

    MINE = "mine", "自分の担当", "自分が担当している案件です。急ぐものから並んでいます。"
    TURN = "turn", "対応待ち", "担当者の番になっている、全員の案件です。お客様に連絡するなどして、対応を記録します。"
    UNASSIGNED = "unassigned", "担当者なし", "担当者がいない案件です。「担当する」を押すと、自分の担当になります。"
    ALL = "all", "すべて", "担当者が見守っている、すべての案件です。"
    OVERDUE = "overdue", "期限超過", "完了予定日を過ぎても、完了のお知らせを送れていない案件です。"
    FAILING = "failing", "失敗が続いている", "処理の失敗が続いている案件です。原因を取り除けば、自動で再開します。"
    ON_HOLD = "on_hold", "保留中", "担当者が保留にした案件です。再開するまで、何も進まず、期限切れにもなりません。"
    APPROVAL = "approval", "承認待ち", "責任者の承認を待っている案件です。"
    UNDELIVERED = (
        "undelivered",
        "届かないメール",
        "お客様にメールが届かなかった案件です。宛先を確かめて送り直します。",
    )


class WorklistFilter(FromOutside):
    """What is looked at: a list, and what narrows it. As a page's address and a saved filter hold it; no person."""

    show: WorkList = WorkList.MINE
    procedure: str | None = None
    stage: str | None = None
    waiting: WaitingFor | None = None
    who: Handle | None = None
    """Whose cases, by the operator's handle."""
    within: int | None = Field(default=None, ge=0, le=FORTNIGHT)
    """What is due within so many days from today, or is past it."""

    @field_validator("procedure")
    @classmethod
    def _is_known(cls, name: str | None) -> str | None:
        if name is not None and name not in PROCEDURES:
            raise ValueError("no such procedure")
        return name

    @field_validator("stage")
    @classmethod
    def _is_a_stage(cls, name: str | None) -> str | None:
        if name is not None and name not in STAGES:
            raise ValueError("no such stage")
        return name

    @classmethod
    def read(cls, sent: Mapping[str, Any]) -> Self:
        """Read an address or a saved filter: a condition that nobody knows (any more) is none."""
        known = {name: value for name, value in sent.items() if name in cls.model_fields and value != ""}
        try:
            return cls.model_validate(known)
        except ValidationError as invalid:
            wrong = {error["loc"][0] for error in invalid.errors()}
            return cls.model_validate({name: value for name, value in known.items() if name not in wrong})

    @property
    def path(self) -> str:
        """Where the desk shows it."""
        return f"{WORKLIST}?{urlencode(self.query)}"

    @property
    def query(self) -> dict[str, str]:
        """What the page's address holds."""
        return {name: str(value) for name, value in self.model_dump(mode="json", exclude_none=True).items()}

    @property
    def narrows(self) -> bool:
        """Whether more than a list is asked for."""
        return len(self.query) > 1

    def of(self, list_: WorkList) -> "WorklistFilter":
        """Return the same conditions on another list."""
        return self.model_copy(update={"show": list_})


_OF_ALL = (*(stage.value for stage in Stage), *(stage.value for stage in RegistrationStage))
STAGES = tuple(dict.fromkeys(stage for stage in _OF_ALL if stage != Stage.CLOSED))
"""The stages by which cases can be narrowed down."""


class FilterName(FromOutside):
    """What an operator calls a filter."""

    name: Annotated[Name, Field(max_length=40)]

    @classmethod
    def read(cls, typed: str) -> str:
        """Return the name as it is kept. Raises `RefusedError`."""
        try:
            return cls(name=" ".join(typed.split())).name
        except ValidationError as invalid:
            raise RefusedError(in_japanese(invalid.errors())) from None


@dataclass(frozen=True)
class ListedCase:
    """A case, or a part of it, as a line of a list."""

    key: CasePlace
    procedure: str
    workflow_id: str
    stage: str
    since: date
    """The day on which it came to the stage."""
    waiting_for: str
    until: date | None
    due_on: date | None
    assignee: str | None
    """By their handle."""
    overdue: bool
    held: bool
    failing: bool
    undelivered: bool
    awaits_approval: bool
    outcome: str | None
    customer: str = ""
    """Who it is about."""
    subject: str = ""
    """What of theirs: the office's name, the firm."""
    open_with: tuple[str, ...] = ()
    """Colleagues who have a page of it open now."""
    in_charge: str = ""
    """What the one in charge is called; "" if there is none."""
    points: tuple[str, ...] = ()
    """What is wrong or still open, in the applicant's words."""

    @property
    def name(self) -> str:
        return spoken(self.procedure, self.key)

    @property
    def kind(self) -> str:
        """What procedure it is, in the operators' language."""
        return PROCEDURES.get(self.procedure, self.procedure)

    @property
    def urgent_on(self) -> date | None:
        """The first day on which something of it is due."""
        return min((day for day in (self.due_on, self.until) if day), default=None)

    @property
    def marks(self) -> tuple[str, ...]:
        """What is to be noticed of it, in words."""
        marked = {
            "期限超過": self.overdue and self.due_on is not None,
            "失敗が続いている": self.failing,
            "保留中": self.held,
            "承認待ち": self.awaits_approval,
            "届かないメール": self.undelivered,
        }
        return tuple(mark for mark, is_so in marked.items() if is_so)

    def about(self, customer: str, subject: str) -> "ListedCase":
        return replace(self, customer=customer, subject=subject)

    def led_by(self, name: str) -> "ListedCase":
        return replace(self, in_charge=name)

    def seen_by(self, names: tuple[str, ...]) -> "ListedCase":
        return replace(self, open_with=names)


COLUMNS = (
    *("案件", "手続き", "お客様", "事業所など", "段階", "段階に入った日", "待っている相手"),
    *("完了予定日", "待っている期限", "担当者", "注意"),
)
"""The headings of the file."""


def cells(case: ListedCase) -> tuple[str, ...]:
    """Return a case as a line of the file, in the order of `COLUMNS`."""
    days = (case.due_on, case.until)
    return (
        *(case.name, case.kind, case.customer, case.subject, case.stage, str(case.since), case.waiting_for),
        *(str(day or "") for day in days),
        *(case.in_charge, "、".join(case.marks)),
    )
