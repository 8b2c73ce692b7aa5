"""Who is an operator: roles, leave, and by what the provider knows them. 管理者 change it, 監査 read it."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.operators import Area, Handle, Role, read_leave
from models.common.refusals import FieldError, RefusedError
from models.common.store.operators import ProviderIdentity
from web.backoffice.desk import Desk, DeskContext, Operator, changing, seeing
from web.common.auth import page_router
from web.common.auth.operator_access import SignedInOperator
from web.common.page_form import sent_values

OPERATORS = "/administration/operators"
BY_CLAIM = (
    "役割は、ログインのサービスで設定されています。このシステムでは変更できません。"
    "ログインのサービスで変更してください。"
)
NO_SUBJECT = "識別子（sub）を、空白を含まない 255 文字以内で入力してください。"
_SUBJECT_LENGTH = 255
_DONE = {
    "saved": "保存しました。次の操作から有効です。",
    "removed": "退任を登録しました。この人のログインは終了しました。",
}

router = page_router()
_changes = Depends(changing(Area.ADMINISTRATION))


@router.get(OPERATORS, dependencies=[Depends(seeing(Area.ADMINISTRATION))])
async def operators(request: Request, desk: Desk, who: Operator, done: Annotated[str, Query()] = "") -> Response:
    return await _show(request, desk, who, said=_DONE.get(done))


@router.post(f"{OPERATORS}/{{handle}}/roles", dependencies=[_changes])
async def set_roles(request: Request, desk: Desk, who: Operator, handle: Handle) -> Response:
    named = (await request.form()).getlist("roles")

    async def change() -> None:
        if desk.provider is not None and desk.provider.gives_roles:
            raise RefusedError([FieldError(field="roles", message=BY_CLAIM)])
        await desk.operators.set_roles(handle, Role.known([str(each) for each in named]), by=who.handle, at=desk.now())

    return await _changed(request, desk, who, change)


@router.post(f"{OPERATORS}/{{handle}}/leave", dependencies=[_changes])
async def set_leave(request: Request, desk: Desk, who: Operator, handle: Handle) -> Response:
    typed = sent_values(await request.form(), "leave_from", "leave_until")

    async def change() -> None:
        await desk.operators.take_leave(handle, read_leave(typed), by=who.handle, at=desk.now())

    return await _changed(request, desk, who, change)


@router.post(f"{OPERATORS}/{{handle}}/identities", dependencies=[_changes])
async def add_identity(request: Request, desk: Desk, who: Operator, handle: Handle) -> Response:
    subject = sent_values(await request.form(), "subject")["subject"].strip()

    async def change() -> None:
        if not subject or len(subject) > _SUBJECT_LENGTH or not subject.isprintable() or " " in subject:
            raise RefusedError([FieldError(field="subject", message=NO_SUBJECT)])
        await desk.operators.add_identity(handle, _identity(desk, subject), by=who.handle, at=desk.now())

    return await _changed(request, desk, who, change)


@router.post(f"{OPERATORS}/{{handle}}/identities/remove", dependencies=[_changes])
async def remove_identity(request: Request, desk: Desk, who: Operator, handle: Handle) -> Response:
    sent = sent_values(await request.form(), "issuer", "subject")

    async def change() -> None:
        await desk.operators.remove_identity(handle, ProviderIdentity(**sent), by=who.handle, at=desk.now())

    return await _changed(request, desk, who, change)


@router.post(f"{OPERATORS}/{{handle}}/remove", dependencies=[_changes])
async def remove(request: Request, desk: Desk, who: Operator, handle: Handle) -> Response:
    async def change() -> None:
        await desk.operators.remove(handle, by=who.handle, at=desk.now())

    return await _changed(request, desk, who, change, done="removed")


def _identity(desk: DeskContext, subject: str) -> ProviderIdentity:
    if desk.provider is None:
        raise RefusedError([FieldError(field="subject", message="ログインのサービスが設定されていません。")])
    return ProviderIdentity(desk.provider.issuer, subject)


async def _changed(
    request: Request,
    desk: DeskContext,
    who: SignedInOperator,
    change: Callable[[], Awaitable[None]],
    *,
    done: str = "saved",
) -> Response:
    try:
        await change()
    except RefusedError as refused:
        return await _show(request, desk, who, refused=[each.message for each in refused.errors])
    return RedirectResponse(f"{OPERATORS}?done={done}", HTTPStatus.SEE_OTHER)


async def _show(
    request: Request,
    desk: DeskContext,
    who: SignedInOperator,
    *,
    said: str | None = None,
    refused: list[str] | None = None,
) -> Response:
    facts = {
        "who": who,
        "said": said,
        "refused": refused,
        "operators": await desk.operators.listed(),
        "roles": list(Role),
        "may_change": who.may_change(Area.ADMINISTRATION),
        "provider": desk.provider,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
    return desk.show(request, "desk_operators.html", facts, status)
