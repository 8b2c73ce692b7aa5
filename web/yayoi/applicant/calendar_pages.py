"""The days of a case as a file for calendars, for whoever holds the case's link."""

from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import Response

from models.common.store.case_status import statuses_of_parts
from web.common.auth import page_router
from web.common.context import Context, WebContext
from web.yayoi.applicant.case_access import OneOffice, OpenedCase, WholeCase
from web.yayoi.applicant.case_calendar import as_calendar, deadlines_of

NO_DAYS = "予定表（カレンダー）に登録する期限は、いまはありません。"

router = page_router()


@router.get("/calendars/{application_no}")
async def of_case(request: Request, context: Context, case: WholeCase) -> Response:
    return await _file(request, context, case)


@router.get("/calendars/{application_no}/offices/{office_no}")
async def of_office(request: Request, context: Context, case: OneOffice) -> Response:
    return await _file(request, context, case)


async def _file(request: Request, context: WebContext, case: OpenedCase) -> Response:
    async with context.sessions() as session:
        statuses = await statuses_of_parts(session, case.application_no)
    deadlines = deadlines_of(case.application, case.pairs, statuses)
    if not deadlines:
        return context.show(request, "yayoi/case_notice.html", {"case": case, "title": "予定表", "reason": NO_DAYS})
    content = as_calendar(case.application_no, deadlines, urlsplit(context.public_url).hostname or "")
    name = f'attachment; filename="{case.application_no}.ics"'
    return Response(
        content, media_type="text/calendar; charset=utf-8; method=PUBLISH", headers={"Content-Disposition": name}
    )
