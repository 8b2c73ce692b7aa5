"""STEP5: the support site's password, set by who holds a notice: its contract ID and its mail address (Y19)."""

from http import HTTPStatus
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from models.common.passwords import PasswordKind
from models.common.refusals import RefusedError
from models.tables import IssuedContractRow
from models.yayoi.events import SupportPasswordSetEvent
from models.yayoi.identifiers import ContractId, YayoiId
from models.yayoi.store.events import was_delivered
from models.yayoi.store.support_passwords import SupportPasswords
from web.common.auth import Limit, client_address, page_router
from web.common.context import Context, WebContext, given
from web.common.page_form import PageForm, messages, refused_form, sent_values
from web.common.submission_ids import event_id_of
from web.yayoi.accounts.signed_in import Visitor
from web.yayoi.customer.reports import Events, report

LABELS = {
    "contract_id": "サービス契約ID（お客様番号）",
    "phone": "ご登録電話番号",
    "yayoi_id": "ご登録メールアドレス",
}
PASSWORD_LABELS = {
    "password": "パスワード",
    "password_again": "パスワード（再入力）",
    "new_mail": "新規メールアドレス",
}
LEAVE_PHONE_EMPTY = (
    "電話番号は空欄にしてください。新しく発行した番号には電話番号が登録されていないため、入力すると確認できません。"
)
LEAVE_NEW_MAIL_EMPTY = (
    "新規メールアドレスは空欄にしてください。お知らせメールのアドレス（弥生ID）と組み合わせて使うため、変更できません。"
)
NOT_TYPED = "入力してください。"
NOT_THE_SAME = "パスワードが一致しません。もう一度入力してください。"
SET_BEFORE = (
    "この番号のパスワードは、すでに設定されています。変更するときは、先にこの番号の弥生ID でログインしてから、"
    "もう一度この画面を開いてください。"
)
Passwords = Annotated[SupportPasswords, Depends(given(SupportPasswords))]
router = page_router()


class _Notice(BaseModel):
    """What is typed from the notice."""

    contract_id: ContractId
    yayoi_id: YayoiId


@router.get("/support-password")
async def form(request: Request, context: Context, visitor: Visitor) -> Response:
    return _ask(request, context, PageForm(LABELS, {"yayoi_id": visitor} if visitor else {}))


@router.post("/support-password")
async def check(request: Request, context: Context, visitor: Visitor, passwords: Passwords) -> Response:
    checked = await _checked(request, context, visitor, passwords)
    if isinstance(checked, PageForm):
        return _ask(request, context, checked)
    return _choose(request, context, checked, PageForm(PASSWORD_LABELS))


@router.post("/support-password/set")
async def set_password(
    request: Request, context: Context, visitor: Visitor, passwords: Passwords, events: Events
) -> Response:
    sent = await request.form()
    event_id = event_id_of(sent)
    if await was_delivered(context.sessions, event_id):
        return _lead_on()  # a double click
    contract = await _checked(request, context, visitor, passwords)
    if isinstance(contract, PageForm):
        return _ask(request, context, contract)
    form = PageForm(PASSWORD_LABELS, sent_values(sent, "new_mail"))
    password = str(sent.get("password", ""))
    if errors := _errors(password, str(sent.get("password_again", "")), form.value("new_mail")):
        return _choose(request, context, contract, form.refused(errors))
    await passwords.store(contract.contract_id, password)
    if await passwords.is_recorded(contract):
        return _lead_on()  # a new password for a step that was done before is no new step
    event = SupportPasswordSetEvent(
        event_id=event_id,
        kind="support_password_set",
        contract_id=ContractId(contract.contract_id),
        yayoi_id=YayoiId(contract.yayoi_id),
    )
    reported = await report(events, event)
    if reported.refusal and not await passwords.is_recorded(contract):
        return _choose(request, context, contract, form.refused({"": reported.refusal}))
    return _lead_on(later=not reported.at_once)


@router.get("/support-password/done")
async def done(request: Request, context: Context, later: Annotated[bool, Query()] = False) -> Response:
    return context.show(request, "yayoi/support_password_done.html", {"later": later})


def _ask(request: Request, context: WebContext, form: PageForm) -> Response:
    return context.show(request, "yayoi/support_password.html", {"page": form})


def _choose(request: Request, context: WebContext, contract: IssuedContractRow, form: PageForm) -> Response:
    facts = {"page": form, "contract": contract, "rule": PasswordKind.SUPPORT.rule, "event_id": uuid4()}
    return context.show(request, "yayoi/support_password_set.html", facts)


def _lead_on(*, later: bool = False) -> Response:
    return RedirectResponse("/support-password/done" + ("?later=true" if later else ""), HTTPStatus.SEE_OTHER)


def _errors(password: str, again: str, new_mail: str) -> dict[str, str]:
    errors = {}
    refusal = PasswordKind.SUPPORT.refusal(password)
    if refusal:
        errors["password"] = refusal
    if not again:
        errors["password_again"] = NOT_TYPED
    elif not refusal and password != again:
        errors["password_again"] = NOT_THE_SAME
    if new_mail.strip():
        errors["new_mail"] = LEAVE_NEW_MAIL_EMPTY
    return errors


async def _checked(
    request: Request, context: WebContext, visitor: YayoiId | None, passwords: SupportPasswords
) -> IssuedContractRow | PageForm:
    """Return the contract of the notice that was typed from, or the form with what is wrong."""
    form = PageForm(LABELS, sent_values(await request.form(), *LABELS))
    errors = {"phone": LEAVE_PHONE_EMPTY} if form.value("phone").strip() else {}
    try:
        notice = _Notice.model_validate(dict(form.values))
    except ValidationError as invalid:
        return form.refused(errors | messages(invalid, form.values))
    if errors:
        return form.refused(errors)
    await context.auth.limit(Limit.SUPPORT_PASSWORD_FROM, client_address(request))
    await context.auth.limit(Limit.SUPPORT_PASSWORD, notice.contract_id)
    try:
        contract = await passwords.contract_of_notice(notice.contract_id, notice.yayoi_id)
    except RefusedError as refused:
        return refused_form(form, refused)
    if visitor != contract.yayoi_id and await passwords.is_set_and_recorded(contract):
        return form.refused({"": SET_BEFORE})
    return contract
