"""The pages of a case, read and used as an applicant does: links, texts, forms."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
from temporalio.client import WorkflowExecution, WorkflowHandle

from models.common.calendar import day_in_japan
from models.yayoi.case_links import case_path
from models.yayoi.identifiers import ApplicationNo
from tests.support.web import SECRET, TOKEN_C, Web, pair
from tests.support.web_procedures import AnsweringOffice

TODAY = day_in_japan(datetime.now(UTC))
SOON, LONG_AGO = TODAY + timedelta(days=5), TODAY - timedelta(days=1)


async def two_pairs(web: Web) -> ApplicationNo:
    return await web.applied(pair(), pair("c@example.co.jp", TOKEN_C))


def action(number: ApplicationNo, name: str, office_no: int = 1) -> str:
    query = urlsplit(case_path(SECRET, number, SOON)).query
    return f"/applications/{number}/offices/{office_no}/{name}?{query}"


async def act(web: Web, path: str, fields: dict[str, str] | None = None, *, form: int = 0) -> httpx.Response:
    """Open a page of the case and send its form, as a browser does."""
    page = await web.http.get(path)
    assert page.status_code == 200, page.text
    shown = [hidden_fields_of(part) for part in page.text.split("<form")[1:]]
    return await web.http.post(path, data=shown[form] | (fields or {}))


def hidden_fields_of(form: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form))


async def running(web: Web, number: ApplicationNo) -> WorkflowHandle[AnsweringOffice, None]:
    await web.started(number)
    return await web.office(number, 1)


async def taken(office: WorkflowHandle[AnsweringOffice, None]) -> list[str]:
    return await office.query(AnsweringOffice.taken)


async def mailings(web: Web) -> list[WorkflowExecution]:
    query = f"TaskQueue = '{web.task_queue}' AND WorkflowType = 'CaseLinkMail'"
    return [mailing async for mailing in web.client.list_workflows(query)]
