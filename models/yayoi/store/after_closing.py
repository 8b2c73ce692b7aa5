"""Pairs whose case was closed with something open, which can still be done (Y25)."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, bindparam, exists, select

from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationOfficeRow, CaseStatusRow
from models.yayoi.procedures import Stage

CLOSED, NO_LONGER_OPEN = "事業所データの手続きを終了した", "終了後の受け付けを終えた"
"""What the audit trail says of a pair's closing, and of the end of what could still be done after it."""
_OFFICE, _STATUS = ApplicationOfficeRow, CaseStatusRow
_OF_OFFICE = (_STATUS.case_no == _OFFICE.application_no) & (_STATUS.part == _OFFICE.office_no)


def goes_on() -> ColumnElement[bool]:
    """Whether the customer can still do what follows the notice, as part of a query on pairs."""
    return _OFFICE.closed_at.is_(None) | is_after_closing()


def is_after_closing() -> ColumnElement[bool]:
    """Whether a pair was closed with something open that can still be done, as part of a query on pairs."""
    return exists().where(_OF_OFFICE, _STATUS.stage == Stage.AFTER_CLOSING)


_WITH_SOMETHING_OPEN = select(_OFFICE.yayoi_id).where(
    _OFFICE.yayoi_id.in_(bindparam("yayoi_ids", expanding=True)), is_after_closing()
)


async def with_something_open(session: DatabaseSession, yayoi_ids: Sequence[str]) -> frozenset[str]:
    """Return which of these Yayoi IDs have a case that was closed with something open that can still be done."""
    return frozenset(await session.scalars(_WITH_SOMETHING_OPEN, {"yayoi_ids": yayoi_ids}))


async def has_ended(session: DatabaseSession, application_no: str, office_no: int) -> bool:
    """Whether nothing more can be done for a pair: its procedure has ended."""
    pair = select(_OFFICE.office_no).filter_by(application_no=application_no, office_no=office_no).where(goes_on())
    return await session.scalar(pair) is None


async def pairs_after_closing(
    session: DatabaseSession, application_no: str
) -> Sequence[tuple[ApplicationOfficeRow, CaseStatusRow]]:
    """Return the pairs of an application that are at this stage, with what is open and until when."""
    pairs = await session.execute(
        select(_OFFICE, _STATUS)
        .join(_STATUS, _OF_OFFICE)
        .where(_OFFICE.application_no == application_no, _STATUS.stage == Stage.AFTER_CLOSING)
        .order_by(_OFFICE.office_no)
    )
    return [(office, status) for office, status in pairs]
