"""The applicant's page as an operator on the phone sees it: to look at alone, and audited.

No link of the applicant's is made for it: whoever has one could act as the applicant.
"""

from dataclasses import dataclass

from fastapi import Depends, Request
from fastapi.responses import Response

from models.common.calendar import day_in_japan
from models.common.operators import Area
from models.common.store.case_status import statuses_of_parts
from models.common.store.operators import audit_operator
from models.yayoi.mails import AUTOMATIC_MAIL_SUBJECT, NOTICE_SUBJECT
from models.yayoi.store.case_records import recorded_case
from models.yayoi.store.confirmations import unconfirmed_parts
from web.backoffice.desk import Desk, Operator, seeing
from web.backoffice.desk_cases import PART, WHOLE
from web.common.auth import page_router
from web.yayoi.applicant.case_access import Link, OpenedCase, no_such_case
from web.yayoi.applicant.case_sections import sections_of

PAGE = "/applicant-page"
SEEN = "applicant_page_seen"
"""In the operators' audit."""

router = page_router()


@dataclass(frozen=True)
class SeenCase(OpenedCase):
    """A case that somebody looks at who is not its applicant: nothing of it leads to where one acts."""

    @property
    def whole(self) -> bool:
        return False


@router.get(WHOLE + PAGE, dependencies=[Depends(seeing(Area.CASES))])
@router.get(PART + PAGE, dependencies=[Depends(seeing(Area.CASES))])
async def show(request: Request, desk: Desk, who: Operator) -> Response:
    """Show what the applicant reads now, of the whole application or of one office."""
    number, part = request.path_params["case_no"], request.path_params.get("part")
    async with desk.sessions.begin() as session:
        found = await recorded_case(session, number, part)
        if found is None:
            raise no_such_case()
        unconfirmed = await unconfirmed_parts(session, number)
        link = Link(number, "", "", part)
        case = SeenCase(*found, link, desk.secret_keys, unconfirmed, signed_in=True)
        offices = await sections_of(session, case, await statuses_of_parts(session, number))
        audit_operator(session, who.handle, SEEN, by=who.handle, at=desk.now(), case_no=number, part=part)
    row = case.application
    facts = {
        "who": who,
        "case": case,
        "row": row,
        "applied_on": day_in_japan(row.applied_at),
        "offices": offices,
        "awaiting_notice": any(office.awaits_notice for office in offices),
        "closed": all(office.ended for office in offices),
        "notice_subject": NOTICE_SUBJECT,
        "automatic_mail_subject": AUTOMATIC_MAIL_SUBJECT,
        "only_to_see": True,
        "ask_us": "お問い合わせ画面",
        "back": request.url.path.removesuffix(PAGE),
    }
    return desk.show(request, "backoffice/desk_applicant_page.html", facts)
