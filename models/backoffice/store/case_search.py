"""Finding cases by what a caller says: a name or its reading, a number, a mail address, an office.

Every source is bounded and has an index, so that a common word costs no more than a rare one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, literal, or_, select, union

from models.backoffice.store.worklist_rows import described
from models.backoffice.worklist import PAGE_SIZE, ListedCase
from models.common.identifiers import fold
from models.common.refusals import FieldError, RefusedError
from models.common.store.sessions import DatabaseSessions
from models.myics.identifiers import BatchNo, RegistrationNo
from models.tables import (
    AddressCheckRow,
    ApplicationOfficeRow,
    ApplicationRow,
    BusinessGroupDetailsRow,
    CaseStatusRow,
    ExistingContractRow,
    GroupMemberRow,
    IssuedContractRow,
    MyicsClientRow,
    MyicsFirmRow,
    MyicsRegistrationRow,
    YayoiIdRow,
    begins_with,
    contains,
)
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.procedures import APPLICATION_WORKFLOW

SHORTEST, LONGEST = 2, 100
"""Characters that are looked for."""
TOO_SHORT = "2 文字以上を入力してください。"
TOO_LONG = f"{LONGEST} 文字以内で入力してください。"
_MOST_OF_EACH = 200
"""Cases that are taken of each source, before the most urgent of all are shown."""
_MOST_DIGITS = 9

_PAIR, _WHOLE, _STATUS, _REGISTRATION = ApplicationOfficeRow, ApplicationRow, CaseStatusRow, MyicsRegistrationRow
_CHECK = AddressCheckRow
_Source = Select[*tuple[Any, ...]]
"""What finds cases, by their numbers and parts."""


@dataclass(frozen=True)
class FoundCases:
    """What was found: open cases first, the most urgent of them first."""

    cases: list[ListedCase]
    more: bool
    """Whether there are others, so that more should be typed."""


class CaseSearch:
    """Looks through the cases of every product."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    @staticmethod
    def check(typed: str) -> None:
        """Raise `RefusedError` for what is too short to look for, or too long."""
        checked(typed)

    async def find(self, typed: str) -> FoundCases:
        """Return the cases to which what was typed belongs.

        Raises `RefusedError` for what is too short to look for, or too long.
        """
        async with self._sessions() as session:
            rows = (await session.scalars(search_statement(checked(typed)))).all()
            return FoundCases(await described(session, rows[:PAGE_SIZE]), len(rows) > PAGE_SIZE)


def checked(typed: str) -> str:
    """Return what to look for, in one spelling. Raises `RefusedError`."""
    text = "".join(typed.split())
    if len(text) > LONGEST:
        raise RefusedError([FieldError(field="text", message=TOO_LONG)])
    if len(fold(text)) < SHORTEST:
        raise RefusedError([FieldError(field="text", message=TOO_SHORT)])
    return text


def search_statement(text: str) -> Select[CaseStatusRow]:
    """Return the statement; it reads one more than a page, so that whoever asks knows of more."""
    sources = [*_by_name(text), *_by_number(fold(text))]
    found = union(*(source.limit(_MOST_OF_EACH) for source in sources)).subquery()
    here = (_STATUS.case_no == found.c.case_no) & (_STATUS.part == found.c.part)
    # A pair stands for its application.
    listed = select(_STATUS).join(found, here).where(_STATUS.procedure != APPLICATION_WORKFLOW)
    order = (_STATUS.urgency.nulls_last(), _STATUS.urgent_on, _STATUS.changed_at.desc(), _STATUS.case_no, _STATUS.part)
    return listed.order_by(*order).limit(PAGE_SIZE + 1)


def _by_name(text: str) -> Iterator[_Source]:
    """What a name belongs to: of the applicant, the office, the contract's holder, and whose Yayoi ID it is."""
    yield _pairs().join(_WHOLE, _of_whole()).where(contains(_WHOLE.family_name + _WHOLE.given_name, text))
    yield _pairs().where(contains(_PAIR.office_name, text))
    holder = ExistingContractRow.contract_id == _WHOLE.existing_contract_id
    held = _pairs().join(_WHOLE, _of_whole()).join(ExistingContractRow, holder)
    yield held.where(contains(ExistingContractRow.customer_name, text))
    owned = _pairs().join(YayoiIdRow, YayoiIdRow.yayoi_id == _PAIR.yayoi_id)
    yield owned.where(contains(YayoiIdRow.family_name + YayoiIdRow.given_name, text))
    member = owned.join(GroupMemberRow, GroupMemberRow.person_id == YayoiIdRow.person_id)
    group = BusinessGroupDetailsRow
    reading = contains(group.family_name_kana + group.given_name_kana, text)
    yield member.join(group, group.group_id == GroupMemberRow.group_id).where(reading)
    yield _checks().where(contains(_CHECK.family_name + _CHECK.given_name, text))
    yield _registrations().where(contains(_REGISTRATION.name, text))
    firms = _registrations().join(MyicsFirmRow, MyicsFirmRow.customer_no == _REGISTRATION.customer_no)
    yield firms.where(contains(MyicsFirmRow.name, text))
    clients = _registrations().join(MyicsClientRow, MyicsClientRow.client_id == _REGISTRATION.client_id)
    yield clients.where(contains(MyicsClientRow.name, text))


def _by_number(typed: str) -> Iterator[_Source]:
    """What a number, a token or an address belongs to, or the beginning of one."""
    address, digits = typed.lower(), typed.replace("-", "")
    numbers = [begins_with(_STATUS.case_no, typed.upper())]
    if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS:
        counted = (ApplicationNo, RegistrationNo, BatchNo)
        numbers.append(_STATUS.case_no.in_([str(kind.from_count(int(digits))) for kind in counted]))
    yield select(_STATUS.case_no, _STATUS.part).where(or_(*numbers))
    yield _pairs().join(_WHOLE, _of_whole()).where(begins_with(_WHOLE.existing_contract_id, digits))
    yield _pairs().where(begins_with(_PAIR.issued_contract_id, digits))
    issued = IssuedContractRow
    yield select(issued.application_no, issued.office_no).where(begins_with(issued.contract_id, digits))
    yield _pairs().where(begins_with(_PAIR.yayoi_id, address))
    yield _pairs().where(begins_with(_PAIR.office_token, address))
    yield _checks().where(begins_with(_CHECK.yayoi_id, address))
    yield _registrations().where(begins_with(_REGISTRATION.address, address))
    yield _registrations().where(begins_with(_REGISTRATION.customer_no, digits))
    yield _registrations().where(begins_with(_REGISTRATION.client_id, digits))


def _pairs() -> _Source:
    return select(_PAIR.application_no.label("case_no"), _PAIR.office_no.label("part"))


def _of_whole() -> ColumnElement[bool]:
    return _WHOLE.application_no == _PAIR.application_no


def _registrations() -> _Source:
    return select(_REGISTRATION.registration_no, literal(0))


def _checks() -> _Source:
    """The case number of a check is its id (`models/yayoi/address_checks.py`)."""
    return select(func.upper(func.replace(cast(_CHECK.check_id, String), "-", "")), literal(0))
