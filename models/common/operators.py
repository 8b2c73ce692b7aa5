"""Operators: what they are called, their roles, what each role may see, and their leave."""

import re
from collections.abc import Collection, Mapping
from datetime import date
from enum import StrEnum
from typing import Self

from pydantic import ValidationError, model_validator
from pydantic_core import PydanticCustomError

from models.common.identifiers import Identifier, fold
from models.common.message import FromOutside
from models.common.refusals import RefusedError, in_japanese
from models.common.typed_days import TypedDay


class Handle(Identifier):
    """What stands for an operator in identities, headers, search attributes and logs. The house chooses it."""

    __slots__ = ()
    pattern = re.compile(r"[a-z][a-z0-9-]{1,30}")
    refusal = "英小文字で始まる 2～31 文字の英数字とハイフンで入力してください（例：sk）。"

    @classmethod
    def normalise(cls, text: str) -> str:
        return fold(text).lower()


class Role(StrEnum):
    """What an operator may do; one may have several. The values are those of files, claims and rows."""

    CASEWORKER = "caseworker"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @classmethod
    def known(cls, names: Collection[object]) -> frozenset["Role"]:
        """Return the roles that are named by their value or label; other names are of other systems."""
        return frozenset(role for role in cls if not {role.value, role.label}.isdisjoint(names))


_LABELS = {
    Role.CASEWORKER: "担当者",
    Role.SUPERVISOR: "責任者",
    Role.AUDITOR: "監査",
    Role.ADMINISTRATOR: "管理者",
}


class Area(StrEnum):
    """A part of the operators' web application."""

    CASES = "案件"
    OVERVIEW = "全体の状況"
    AUDIT = "監査の記録"
    ADMINISTRATION = "担当者の管理"
    WEB_UI = "Temporal Web UI"


MAY_SEE: Mapping[Role, frozenset[Area]] = {
    Role.CASEWORKER: frozenset({Area.CASES, Area.WEB_UI}),
    Role.SUPERVISOR: frozenset({Area.CASES, Area.OVERVIEW, Area.WEB_UI}),
    Role.AUDITOR: frozenset(Area),
    Role.ADMINISTRATOR: frozenset({Area.ADMINISTRATION}),
}
"""What each role may see. Who has several sees what any of them may."""

MAY_CHANGE: Mapping[Role, frozenset[Area]] = {
    Role.CASEWORKER: frozenset({Area.CASES}),
    Role.SUPERVISOR: frozenset({Area.CASES}),
    Role.AUDITOR: frozenset(),
    Role.ADMINISTRATOR: frozenset({Area.ADMINISTRATION}),
}
"""Where each role may change anything; always a part of what it may see."""


def may_see(roles: Collection[Role], area: Area) -> bool:
    return any(area in MAY_SEE[role] for role in roles)


def may_change(roles: Collection[Role], area: Area) -> bool:
    return any(area in MAY_CHANGE[role] for role in roles)


class Leave(FromOutside):
    """Days on which an operator is away, the first and the last included; without a last day it has no end yet."""

    leave_from: TypedDay | None = None
    leave_until: TypedDay | None = None

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        check_leave(self.leave_from, self.leave_until)
        return self


def check_leave(leave_from: date | None, leave_until: date | None) -> None:
    """Refuse a leave that has a last day and no first one before it."""
    if leave_until is not None and (leave_from is None or leave_from > leave_until):
        raise PydanticCustomError("refused", "leave_from には、leave_until と同じ日か、それより前の日が必要です。")


LEAVE_ENDS_TOO_EARLY = "休暇の最初の日には、最後の日と同じ日か、それより前の日を入力してください。"


def read_leave(typed: Mapping[str, str]) -> Leave:
    """Return the leave that was typed on a page; both fields empty is none. Raises `RefusedError`."""
    try:
        return Leave.model_validate({name: text for name, text in typed.items() if text.strip()})
    except ValidationError as invalid:
        errors = in_japanese(invalid.errors())
        # What is wrong between the two fields stands beside the first.
        raise RefusedError(
            [
                each if each.field else each.model_copy(update={"field": "leave_from", "message": LEAVE_ENDS_TOO_EARLY})
                for each in errors
            ]
        ) from None
