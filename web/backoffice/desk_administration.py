"""Who is an operator: roles, leave, and by what the provider knows them. 管理者 change it, 監査 read it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.backoffice.overview import MOST_CAPACITY
from models.common.identifiers import fold
from models.common.operators import Area, Handle, Role, read_leave
from models.common.refusals import FieldError, RefusedError
from models.common.store.operators import ProviderIdentity
from web.backoffice.desk import HOME, Desk, DeskContext, Operator, changing, said_beside, seeing
from web.common.auth import page_router
from web.common.page_form import sent_values
from web.common.sent_forms import Kept, form_on

OPERATORS = f"{HOME}/operators"
BY_CLAIM = (
    "役割は、ログインのサービスで設定されています。このシステムでは変更できません。"
    "ログインのサービスで変更してください。"
)
NO_SUBJECT = "識別子（sub）を、空白を含まない 255 文字以内で入力してください。"
NO_CAPACITY = f"一日に完了できる件数を、0 から {MOST_CAPACITY} までの数字で入力してください。"
_SUBJECT_LENGTH = 255
_DIGITS = 4
_DONE = {
    "saved": "保存しました。次の操作から有効です。",
    "removed": "退任を登録しました。この人のログインは終了しました。",
}

router = page_router()
_changes = Depends(changing(Area.ADMINISTRATION))


@router.get(OPERATORS, dependencies=[Depends(seeing(Area.ADMINISTRATION))])
async def operators(
    request: Request, desk: Desk, who: Operator, kept: Kept, done: Annotated[str, Query()] = ""
) -> Response:
    facts = {
        "who": who,
        "said": _DONE.get(done),
        "refused": list(kept.errors.values()),
        "operators": await desk.operators.listed(),
        "roles": list(Role),
        "may_change": who.may_change(Area.ADMINISTRATION),
        "provider": desk.provider,
    }
    return desk.show(request, "backoffice/desk_operators.html", facts, kept.status)


@router.post(f"{OPERATORS}/{{handle}}/roles", dependencies=[_changes])
@form_on(OPERATORS)
async def set_roles(request: Request, desk: Desk, who: Operator, handle: Handle) -> Response:
    named = (await request.form()).getlist("roles")
    if desk.provider is not None and desk.provider.gives_roles:
        raise RefusedError([FieldError(field="", message=BY_CLAIM)])
    await desk.operators.set_roles(handle, Role.known([str(each) for each in named]), by=who.handle, at=desk.now())
    return _done("saved")


@router.post(f"{OPERATORS}/{{handle}}/leave", dependencies=[_changes])
@form_on(OPERATORS)
async def set_leave(request: Request, desk: Desk, who: Operator, handle: Handle) -> Response:
    typed = sent_values(await request.form(), "leave_from", "leave_until")
    with said_beside():
        await desk.operators.take_leave(handle, read_leave(typed), by=who.handle, at=desk.now())
    return _done("saved")


@router.post(f"{OPERATORS}/{{handle}}/capacity", dependencies=[_changes])
@form_on(OPERATORS)
async def set_capacity(request: Request, desk: Desk, who: Operator, handle: Handle) -> Response:
    """Say how many due cases somebody can bring to an end on a working day; the overview counts with it."""
    typed = fold(sent_values(await request.form(), "capacity")["capacity"])
    with said_beside():
        if not typed.isascii() or not typed.isdigit() or int(typed[:_DIGITS]) > MOST_CAPACITY or len(typed) > _DIGITS:
            raise RefusedError([FieldError(field="capacity", message=NO_CAPACITY)])
        await desk.operators.set_capacity(handle, int(typed), by=who.handle, at=desk.now())
    return _done("saved")


@router.post(f"{OPERATORS}/{{handle}}/identities", dependencies=[_changes])
@form_on(OPERATORS)
async def add_identity(request: Request, desk: Desk, who: Operator, handle: Handle) -> Response:
    subject = sent_values(await request.form(), "subject")["subject"].strip()
    with said_beside():
        if not subject or len(subject) > _SUBJECT_LENGTH or not subject.isprintable() or " " in subject:
            raise RefusedError([FieldError(field="subject", message=NO_SUBJECT)])
        await desk.operators.add_identity(handle, _identity(desk, subject), by=who.handle, at=desk.now())
    return _done("saved")


@router.post(f"{OPERATORS}/{{handle}}/identities/remove", dependencies=[_changes])
@form_on(OPERATORS)
async def remove_identity(request: Request, desk: Desk, who: Operator, handle: Handle) -> Response:
    sent = sent_values(await request.form(), "issuer", "subject")
    await desk.operators.remove_identity(handle, ProviderIdentity(**sent), by=who.handle, at=desk.now())
    return _done("saved")


@router.post(f"{OPERATORS}/{{handle}}/remove", dependencies=[_changes])
@form_on(OPERATORS)
async def remove(desk: Desk, who: Operator, handle: Handle) -> Response:
    await desk.operators.remove(handle, by=who.handle, at=desk.now())
    return _done("removed")


def _identity(desk: DeskContext, subject: str) -> ProviderIdentity:
    if desk.provider is None:
        raise RefusedError([FieldError(field="subject", message="ログインのサービスが設定されていません。")])
    return ProviderIdentity(desk.provider.issuer, subject)


def _done(what: str) -> Response:
    return RedirectResponse(f"{OPERATORS}?done={what}", HTTPStatus.SEE_OTHER)
