"""Files of clients and users: sent, how far they are, which rows were refused, stopped and resumed (M8)."""

from http import HTTPStatus
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import UploadFile

from models.common.calendar import JST
from models.common.refusals import FieldError, RefusedError
from models.myics.batch_files import MOST_BYTES
from models.myics.batches import MOST_ROWS, BatchKind
from models.myics.identifiers import BatchNo
from models.myics.store.permissions import NotPossibleError
from models.myics.store.sign_in import Member
from web.common.auth.access import readable_form_with_file
from web.common.page_form import PageForm, sent_values
from web.myics.parts import MyicsContext, refused_form

BATCHES = "/myics/batches"
MOST_SENT = MOST_BYTES + 64 * 1024
"""Bytes of a request with a file: the largest one, and the form around it."""
LABELS = {"kind": "登録するもの", "file": "ファイル"}
_KINDS = (BatchKind.CLIENTS, BatchKind.USERS)
_ENDINGS = (".csv", ".txt")
_SHOWN = 100
"""Refused rows on the page; the file has all."""


def batch_pages(parts: MyicsContext) -> APIRouter:
    """A router of its own: one of its forms holds a file, which no other may."""
    router = APIRouter(include_in_schema=False)
    batches = parts.services.batches

    async def form(request: Request, manager: Member, page: PageForm) -> Response:
        facts = {
            "member": manager,
            "page": page,
            "kinds": [(kind.value, kind.label) for kind in _KINDS],
            "columns": [(kind.label, [_heading(kind, name) for name in kind.columns]) for kind in _KINDS],
            "batches": await batches.listed(manager),
            "most_rows": MOST_ROWS,
            "most_megabytes": MOST_BYTES // 1_000_000,
            "zone": JST,
        }
        return parts.show(request, "batches.html", facts)

    @router.get(BATCHES)
    async def listed(request: Request) -> Response:
        manager = await parts.manager(request)
        return await form(request, manager, PageForm(LABELS, {"submission_id": str(uuid4()), "kind": _KINDS[0].value}))

    @router.post(BATCHES, dependencies=[Depends(readable_form_with_file)])
    async def take(request: Request) -> Response:
        manager = await parts.manager(request)
        sent = await request.form()
        page = PageForm(LABELS, sent_values(sent, "submission_id", "kind"))
        try:
            content = await _content(sent.get("file"))
            number = await batches.take(manager, _kind(page), content, _submission_id(page))
        except RefusedError as refused:
            return await form(request, manager, refused_form(page, refused))
        return _to(number)

    return router


def batch_progress_pages(parts: MyicsContext) -> APIRouter:
    """One file: how far it is, what was refused, stopped and resumed."""
    router, batches = parts.router(), parts.services.batches

    @router.get(BATCHES + "/{batch_no}")
    async def standing(request: Request, batch_no: str) -> Response:
        manager = await parts.manager(request)
        number = _number(batch_no)
        refused = await batches.refused(manager, number)
        facts = {
            "member": manager,
            "batch": await batches.standing(manager, number),
            "refused": refused[:_SHOWN],
            "all_refused": len(refused),
            "zone": JST,
        }
        return parts.show(request, "batch.html", facts)

    @router.get(BATCHES + "/{batch_no}/refused.csv")
    async def refused_rows(request: Request, batch_no: str) -> Response:
        manager = await parts.manager(request)
        number = _number(batch_no)
        content = await batches.refused_csv(manager, number)
        name = f'attachment; filename="{number}-refused.csv"'
        return Response(content, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": name})

    @router.post(BATCHES + "/{batch_no}/stop")
    async def stop(request: Request, batch_no: str) -> Response:
        return await change(request, _number(batch_no), stopped=True)

    @router.post(BATCHES + "/{batch_no}/resume")
    async def resume(request: Request, batch_no: str) -> Response:
        return await change(request, _number(batch_no), stopped=False)

    async def change(request: Request, number: BatchNo, *, stopped: bool) -> Response:
        manager = await parts.manager(request)
        if not (await batches.standing(manager, number)).finished:
            await batches.stop(manager, number, stopped=stopped)
        return _to(number)

    return router


async def _content(file: object) -> bytes:
    """Return what the chosen file holds. Raises `RefusedError` for none, and for one that is no CSV by its name."""
    if not isinstance(file, UploadFile) or not file.filename:
        raise _refused("登録するファイルを選んでください。")
    if not file.filename.lower().endswith(_ENDINGS):
        reason = "CSV ファイルではありません。表計算ソフトでは、ファイルの種類に「CSV」を選んで保存し直してください。"
        raise _refused(reason)
    return await file.read()


def _kind(page: PageForm) -> BatchKind:
    for kind in _KINDS:
        if page.value("kind") == kind.value:
            return kind
    raise RefusedError([FieldError(field="kind", message="「顧問先」か「ユーザー」を選んでください。")])


def _submission_id(page: PageForm) -> UUID:
    try:
        return UUID(page.value("submission_id"))
    except ValueError:
        return uuid4()


def _number(text: str) -> BatchNo:
    try:
        return BatchNo(text)
    except ValueError as refused:
        raise NotPossibleError(str(refused)) from None


def _heading(kind: BatchKind, name: str) -> str:
    return f"{name}（顧問先のユーザーのときだけ）" if kind.columns[name] in kind.optional else name


def _refused(reason: str) -> RefusedError:
    return RefusedError([FieldError(field="file", message=reason)])


def _to(number: BatchNo) -> Response:
    return RedirectResponse(f"{BATCHES}/{number}", HTTPStatus.SEE_OTHER)
