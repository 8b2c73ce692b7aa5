"""From a case at the desk to its page in the Temporal Web UI: to the tab with its details, which names a run."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import RedirectResponse, Response

from models.backoffice.case_places import CasePlace
from models.common.operators import Area
from models.common.web_ui_links import workflow_link
from web.backoffice.desk import HOME, Desk, seeing
from web.backoffice.desk_worklist import Cases
from web.common.auth.operator_access import AccessRefusedError
from web.common.temporal_calls import UnreachableError

WEB_UI_LINK = f"{HOME}/web-ui"
NO_CASE = "この案件はありません。番号を確認してください。"
NOT_RUN = "この案件の記録は、Temporal に残っていません。終了してから時間がたったか、まだ始まっていません。"
NOT_FOUND = "見つかりません"

router = APIRouter(include_in_schema=False)


def web_ui_path(key: CasePlace) -> str:
    """Return the link of a case to its page in the Web UI."""
    return f"{WEB_UI_LINK}/{key}"


@router.get(f"{WEB_UI_LINK}/{{case_no}}/{{part}}", dependencies=[Depends(seeing(Area.WEB_UI))])
async def lead(
    desk: Desk, worklist: Cases, case_no: Annotated[str, Path(max_length=64)], part: Annotated[int, Path(ge=0, le=999)]
) -> Response:
    """Lead to the details of the newest run; while Temporal does not answer, to the case as the Web UI finds it."""
    case = await worklist.case(CasePlace(case_no, part))
    if case is None:
        raise AccessRefusedError(HTTPStatus.NOT_FOUND, NOT_FOUND, NO_CASE)
    there = workflow_link(desk.url, desk.namespace, case.workflow_id)
    try:
        run = await desk.cases.newest_run(case.workflow_id)
    except UnreachableError:
        return RedirectResponse(there, HTTPStatus.SEE_OTHER)
    if run is None:
        raise AccessRefusedError(HTTPStatus.NOT_FOUND, NOT_FOUND, NOT_RUN)
    return RedirectResponse(f"{there}/{run}/user-metadata", HTTPStatus.SEE_OTHER)
