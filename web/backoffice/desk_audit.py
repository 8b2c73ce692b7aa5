"""The audit of a case, for those who see it: what was done, by whom and by which rule, to read and to take along."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.audit_export import AuditExport, ExportedEntry
from models.common.identifiers import fold
from models.common.operators import Area
from web.backoffice.audit_exports import AuditExports
from web.backoffice.audit_pdf import audit_as_pdf
from web.backoffice.desk import HOME, Desk, DeskContext, Operator, seeing
from web.common.auth import page_router
from web.common.auth.operator_access import AccessRefusedError
from web.common.context import given
from web.common.temporal_calls import UnreachableError

AUDIT = f"{HOME}/audit"
CASE_AUDIT = f"{HOME}/cases/{{case_no}}/audit"
NO_SUCH_CASE = "この番号の案件は、監査の記録にありません。番号を確認してください。"
AWAY = "Temporal から応答がないため、履歴を確認できません。しばらくしてから、もう一度お試しください。"

CaseNo = Annotated[str, Path(max_length=100)]
Exports = Annotated[AuditExports, Depends(given(AuditExports))]

router = page_router()
_seeing = Depends(seeing(Area.AUDIT))


@router.get(AUDIT, dependencies=[_seeing])
async def choose(request: Request, desk: Desk, who: Operator, case_no: Annotated[str, Query()] = "") -> Response:
    """Ask for which case, and lead there."""
    if number := fold(case_no).upper():
        return RedirectResponse(CASE_AUDIT.format(case_no=quote(number, safe="")), 303)
    return desk.show(request, "backoffice/desk_audit_start.html", {"who": who})


@router.get(CASE_AUDIT, dependencies=[_seeing])
async def show(request: Request, desk: Desk, who: Operator, exports: Exports, case_no: CaseNo) -> Response:
    """Show every entry, and where the whole can be downloaded."""
    document = await _export(desk, who, exports, case_no)
    facts = {
        "who": who,
        "document": document,
        "lines": [_line(each) for each in document.entries],
        "path": CASE_AUDIT.format(case_no=quote(case_no, safe="")),
    }
    return desk.show(request, "backoffice/desk_audit.html", facts)


@router.get(f"{CASE_AUDIT}.json", dependencies=[_seeing])
async def as_json(desk: Desk, who: Operator, exports: Exports, case_no: CaseNo) -> Response:
    """Give the export as canonical JSON, which `tetsuzuki audit verify` verifies."""
    document = await _export(desk, who, exports, case_no)
    return _file(document.encode(), "application/json", case_no, "json")


@router.get(f"{CASE_AUDIT}.pdf", dependencies=[_seeing])
async def as_pdf(desk: Desk, who: Operator, exports: Exports, case_no: CaseNo) -> Response:
    """Give it as pages for people."""
    document = await _export(desk, who, exports, case_no)
    return _file(await asyncio.to_thread(audit_as_pdf, document), "application/pdf", case_no, "pdf")


async def _export(desk: DeskContext, who: Operator, exports: AuditExports, case_no: str) -> AuditExport:
    try:
        document = await exports.export(case_no)
        if document is None:
            raise AccessRefusedError(HTTPStatus.NOT_FOUND, "見つかりません", NO_SUCH_CASE)
        await desk.readings.note(who.handle, who.roles, case_no)
    except UnreachableError:
        raise AccessRefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "ただいま表示できません", AWAY) from None
    return document


def _line(each: ExportedEntry) -> dict[str, Any]:
    content = each.about.content if each.about else {}
    return {
        "entry": each.entry,
        "erased": each.about is None,
        "reason": f"{content.get('reason', '')}{content.get('detail', '')}",
        "facts": content.get("facts", {}),
    }


def _file(content: bytes, media_type: str, case_no: str, ending: str) -> Response:
    name = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "_" for letter in case_no)
    headers = {"content-disposition": f'attachment; filename="audit-{name}.{ending}"'}
    return Response(content, media_type=media_type, headers=headers)
