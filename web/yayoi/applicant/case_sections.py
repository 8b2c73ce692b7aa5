"""The offices of a case as its pages show them, and whether what a page is for can be done now."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import Response

from models.common.store.case_status import statuses_of_parts
from models.common.store.sessions import DatabaseSession
from models.tables import CaseStatusRow
from models.yayoi.store.case_records import OfficeRecords, office_records
from web.common.context import Context, WebContext, given
from web.yayoi.applicant.case_access import Office, OpenedCase, OpenedOffice
from web.yayoi.applicant.case_view import CaseAction, OfficeSection, office_view


async def sections_of(
    session: DatabaseSession, case: OpenedCase, statuses: Mapping[int, CaseStatusRow]
) -> list[OfficeSection]:
    """Return the offices that the link shows, as their rows say."""
    records = await office_records(session, case.application_no)
    return [
        office_view(
            pair,
            statuses[pair.office_no],
            case.procedure,
            records.get(pair.office_no, OfficeRecords()),
            started=case.application.started_at is not None,
            unconfirmed=pair.office_no in case.unconfirmed_parts,
            asked_anew=case.unconfirmed_parts.get(pair.office_no, False),
        )
        for pair in case.pairs
    ]


@dataclass
class ActionNotPossibleError(Exception):
    """What a page is for cannot be done now."""

    office: OpenedOffice
    action: CaseAction
    reason: str


def possible(action: CaseAction) -> Callable[[Office, Context], Awaitable[None]]:
    """Return the dependency of a page: raises `ActionNotPossibleError` before anything can be typed there."""

    async def check(office: Office, context: Context) -> None:
        async with context.sessions() as session:
            statuses = await statuses_of_parts(session, office.case.application_no)
            sections = await sections_of(session, office.case, statuses)
        [section] = [each for each in sections if each.number == office.pair.office_no]
        if reason := section.refuse(action):
            raise ActionNotPossibleError(office, action, reason)

    return check


async def answer_not_possible(request: Request, error: Exception) -> Response:
    """Say why it cannot be done now, and lead back to what the case waits for."""
    assert isinstance(error, ActionNotPossibleError)  # noqa: S101 registered for it alone
    facts = {"case": error.office.case, "title": error.action.label, "reason": error.reason}
    return given(WebContext)(request).show(request, "yayoi/case_notice.html", facts, HTTPStatus.CONFLICT)
