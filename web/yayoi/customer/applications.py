"""All applications that the signed-in ID sees, with where each is and what comes next (Y22)."""

from dataclasses import dataclass
from datetime import date

from fastapi import Request
from fastapi.responses import Response

from models.common.calendar import day_in_japan
from models.tables import ApplicationRow
from models.yayoi.procedures import Procedure
from models.yayoi.store.own_applications import MOST_LISTED, ListedApplication, own_applications
from web.common.auth import page_router
from web.common.context import Context
from web.yayoi.accounts.signed_in import SignedIn
from web.yayoi.applicant.case_view import OfficeSection, office_view

router = page_router()


@dataclass(frozen=True)
class ApplicationSection:
    """One application on the page."""

    row: ApplicationRow
    offices: list[OfficeSection]

    @property
    def applied_on(self) -> date:
        return day_in_japan(self.row.applied_at)

    @property
    def yours(self) -> bool:
        """Whether a customer has something to do."""
        return any(office.yours for office in self.offices)


@router.get("/applications")
async def applications(request: Request, context: Context, who: SignedIn) -> Response:
    listed = [_section(each) for each in await own_applications(context.sessions, who)]
    facts = {"visitor": who, "applications": listed, "most": MOST_LISTED}
    return context.show(request, "yayoi/applications.html", facts)


def _section(listed: ListedApplication) -> ApplicationSection:
    row, procedure = listed.row, Procedure(listed.row.procedure)
    offices = [
        office_view(each.pair, each.status, procedure, each.records, started=row.started_at is not None)
        for each in listed.offices
    ]
    return ApplicationSection(row, offices)
