"""Files of clients and users: sent, how far they are, which rows were refused, stopped and resumed (M8)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import UploadFile

from models.common.calendar import JST
from models.common.refusals import FieldError, RefusedError
from models.myics.batch_files import batch_template
from models.myics.batches import BatchKind
from models.myics.deadlines import MOST_BYTES, MOST_ROWS
from models.myics.identifiers import BatchNo
from models.myics.store.batches import Batches
from models.myics.store.permissions import NotPossibleError
from models.myics.store.sign_in import Member
from web.common.auth import page_router
from web.common.context import Context, given
from web.common.malware import Uploads
from web.common.page_form import sent_values
from web.common.sent_forms import Kept, form_on
from web.myics.signed_in import SignedInManager

BATCHES = "/myics/batches"
MOST_SENT = MOST_BYTES + 64 * 1024
"""Bytes of a request with a file: the largest file, and the form around it."""
LABELS = {"kind": "登録するもの", "file": "ファイル"}
_KINDS = (BatchKind.CLIENTS, BatchKind.USERS)
_ENDINGS = (".csv", ".tsv", ".txt")
_SHOWN = 100
"""Refused rows on the page; the file has all."""
BatchesOfFirm = Annotated[Batches, Depends(given(Batches))]

router = page_router(files=1)


@router.get(BATCHES)
async def list_batches(
    request: Request, context: Context, manager: SignedInManager, batches: BatchesOfFirm, kept: Kept
) -> Response:
    facts = {
        "member": manager,
        "page": kept.page(LABELS, submission_id=str(uuid4()), kind=_KINDS[0].value),
        "kinds": [(kind.value, kind.label) for kind in _KINDS],
        "formats": [(kind, [_heading(kind, name) for name in kind.columns]) for kind in _KINDS],
        "batches": await batches.listed(manager),
        "most_rows": MOST_ROWS,
        "most_megabytes": MOST_BYTES // 1_000_000,
        "zone": JST,
    }
    return context.show(request, "myics/batches.html", facts)


@router.post(BATCHES)
async def take(
    request: Request,
    manager: SignedInManager,
    batches: BatchesOfFirm,
    uploads: Annotated[Uploads, Depends(given(Uploads))],
) -> Response:
    sent = await request.form()
    values = sent_values(sent, "submission_id", "kind")
    content = await _content(sent.get("file"))
    await uploads.scanner.check(content)
    return _to(await batches.take(manager, _kind(values), content, _submission_id(values)))


@router.get(BATCHES + "/templates/{kind}.csv")
async def template(_: SignedInManager, kind: BatchKind) -> Response:
    """A file to begin with."""
    return _csv(batch_template(kind), f"{kind}-template.csv")


async def _number(batch_no: str) -> BatchNo:
    try:
        return BatchNo(batch_no)
    except ValueError as refused:
        raise NotPossibleError(str(refused)) from None


Number = Annotated[BatchNo, Depends(_number)]

of_one_file = page_router()


@of_one_file.get(BATCHES + "/{batch_no}")
async def show_batch(
    request: Request, context: Context, manager: SignedInManager, number: Number, batches: BatchesOfFirm
) -> Response:
    refused = await batches.refused(manager, number)
    facts = {
        "member": manager,
        "batch": await batches.status(manager, number),
        "refused": refused[:_SHOWN],
        "all_refused": len(refused),
        "zone": JST,
    }
    return context.show(request, "myics/batch.html", facts)


@of_one_file.get(BATCHES + "/{batch_no}/refused.csv")
async def refused_rows(manager: SignedInManager, number: Number, batches: BatchesOfFirm) -> Response:
    return _csv(await batches.refused_csv(manager, number), f"{number}-refused.csv")


@of_one_file.post(BATCHES + "/{batch_no}/stop")
@form_on("..")
async def stop(manager: SignedInManager, number: Number, batches: BatchesOfFirm) -> Response:
    return await _change(manager, number, batches, stopped=True)


@of_one_file.post(BATCHES + "/{batch_no}/resume")
@form_on("..")
async def resume(manager: SignedInManager, number: Number, batches: BatchesOfFirm) -> Response:
    return await _change(manager, number, batches, stopped=False)


async def _change(manager: Member, number: BatchNo, batches: Batches, *, stopped: bool) -> Response:
    if not (await batches.status(manager, number)).finished:
        await batches.stop(manager, number, stopped=stopped)
    return _to(number)


async def _content(file: object) -> bytes:
    """Return what the chosen file holds. Raises `RefusedError` for none, and for one that is no CSV by its name."""
    if not isinstance(file, UploadFile) or not file.filename:
        raise _refused("登録するファイルを選んでください。")
    if not file.filename.lower().endswith(_ENDINGS):
        reason = "CSV ファイルではありません。表計算ソフトでは、ファイルの種類に「CSV」を選んで保存し直してください。"
        raise _refused(reason)
    return await file.read()


def _kind(values: Mapping[str, str]) -> BatchKind:
    for kind in _KINDS:
        if values["kind"] == kind.value:
            return kind
    raise RefusedError([FieldError(field="kind", message="「顧問先」か「ユーザー」を選んでください。")])


def _submission_id(values: Mapping[str, str]) -> UUID:
    try:
        return UUID(values["submission_id"])
    except ValueError:
        return uuid4()


def _heading(kind: BatchKind, name: str) -> str:
    return f"{name}（顧問先のユーザーのときだけ）" if kind.columns[name] in kind.optional else name


def _refused(reason: str) -> RefusedError:
    return RefusedError([FieldError(field="file", message=reason)])


def _csv(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


def _to(number: BatchNo) -> Response:
    return RedirectResponse(f"{BATCHES}/{number}", HTTPStatus.SEE_OTHER)
