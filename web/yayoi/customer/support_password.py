"""STEP5: the support site's password, set by who holds a notice: its contract ID and its mail address (Y19)."""

from http import HTTPStatus
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from models.common.refusals import RefusedError
from models.tables import IssuedContractRow
from models.yayoi.events import SupportPasswordSetEvent
from models.yayoi.identifiers import ContractId, YayoiId
from models.yayoi.passwords import SUPPORT_PASSWORD
from models.yayoi.procedures import SetUpStep
from models.yayoi.store.events import was_delivered
from models.yayoi.store.pair_status import ENDING, OVER, status_of
from models.yayoi.store.support_passwords import SupportPasswords
from web.common.auth import page_router
from web.common.context import Context, WebContext, given
from web.common.page_form import messages, sent_values
from web.common.sent_forms import FormRefusedError, Forms, Kept, form_on
from web.common.submission_ids import event_id_of
from web.yayoi.accounts.signed_in import Visitor
from web.yayoi.customer.pair_page import PairPage
from web.yayoi.customer.reports import Events, report
from web.yayoi.limits import YayoiGuess

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
NOTICE, PASSWORD = "/support-password", "/support-password/set"
"""First what the notice says is typed, then the password."""
Passwords = Annotated[SupportPasswords, Depends(given(SupportPasswords))]
router = page_router()


class _Notice(BaseModel):
    """What is typed from the notice."""

    contract_id: ContractId
    yayoi_id: YayoiId


@router.get(NOTICE)
async def form(request: Request, context: Context, visitor: Visitor, kept: Kept) -> Response:
    if visitor and (pair := await status_of(context.sessions, visitor)):
        own, step = PairPage(request, context, visitor, pair), SetUpStep.SUPPORT_PASSWORD
        if (refusal := own.refusal(step)) in {OVER, ENDING}:
            return own.refuse(step.label, refusal)
    page = kept.page(LABELS, **({"yayoi_id": visitor} if visitor else {}))
    return context.show(request, "yayoi/support_password.html", {"page": page})


@router.post(NOTICE)
async def check(request: Request, context: Context, visitor: Visitor, passwords: Passwords, forms: Forms) -> Response:
    await _checked(request, context, visitor, passwords)
    return await forms.keep(request, page=PASSWORD)


@router.get(PASSWORD)
async def choose(request: Request, context: Context, passwords: Passwords, kept: Kept) -> Response:
    """Ask for the password of the notice that was typed from before."""
    try:
        notice = _Notice.model_validate(dict(kept.values))
        contract = await passwords.contract_of_notice(notice.contract_id, notice.yayoi_id)
    except (ValidationError, RefusedError):
        return RedirectResponse(NOTICE, HTTPStatus.SEE_OTHER)
    facts = {"page": kept.page(PASSWORD_LABELS), "contract": contract, "event_id": uuid4()}
    return context.show(request, "yayoi/support_password_set.html", facts | {"rule": SUPPORT_PASSWORD.text})


@router.post(PASSWORD)
@form_on(NOTICE)  # what the other page shows is for those alone who have shown that they hold the notice
async def set_password(
    request: Request, context: Context, visitor: Visitor, passwords: Passwords, events: Events
) -> Response:
    sent = await request.form()
    event_id = event_id_of(sent)
    if await was_delivered(context.sessions, event_id):
        return _lead_on()  # a double click
    contract = await _checked(request, context, visitor, passwords)
    typed = sent_values(sent, *PASSWORD_LABELS)
    if errors := _errors(**typed):
        raise FormRefusedError(errors, page=PASSWORD)
    await passwords.store(contract.contract_id, typed["password"])
    if await passwords.is_recorded(contract):
        return _lead_on()  # a new password for a step that was done before is no new step
    event = SupportPasswordSetEvent(
        event_id=event_id,
        kind="support_password_set",
        contract_id=ContractId(contract.contract_id),
        yayoi_id=YayoiId(contract.yayoi_id),
    )
    reported = await report(events, event, event.yayoi_id)
    if reported.refusal and not await passwords.is_recorded(contract):
        raise FormRefusedError({"": reported.refusal}, page=PASSWORD)
    return _lead_on(later=not reported.at_once)


@router.get("/support-password/done")
async def done(request: Request, context: Context, later: Annotated[bool, Query()] = False) -> Response:
    return context.show(request, "yayoi/support_password_done.html", {"later": later})


def _lead_on(*, later: bool = False) -> Response:
    return RedirectResponse("/support-password/done" + ("?later=true" if later else ""), HTTPStatus.SEE_OTHER)


def _errors(password: str, password_again: str, new_mail: str) -> dict[str, str]:
    errors = {}
    refusal = SUPPORT_PASSWORD.refusal(password)
    if refusal:
        errors["password"] = refusal
    if not password_again:
        errors["password_again"] = NOT_TYPED
    elif not refusal and password != password_again:
        errors["password_again"] = NOT_THE_SAME
    if new_mail.strip():
        errors["new_mail"] = LEAVE_NEW_MAIL_EMPTY
    return errors


async def _checked(
    request: Request, context: WebContext, visitor: YayoiId | None, passwords: SupportPasswords
) -> IssuedContractRow:
    """Return the contract of the notice that was typed from. Raises `FormRefusedError` with what is wrong."""
    typed = sent_values(await request.form(), *LABELS)
    errors = {"phone": LEAVE_PHONE_EMPTY} if typed["phone"].strip() else {}
    try:
        notice = _Notice.model_validate(typed)
    except ValidationError as invalid:
        raise FormRefusedError(errors | messages(invalid, typed)) from None
    if errors:
        raise FormRefusedError(errors)
    # Who is signed in as the pair's own ID asks about what is theirs.
    own = visitor if visitor == notice.yayoi_id else None
    async with context.auth.guessing(request, YayoiGuess.NOTICE, notice.contract_id, signed_in=own):
        contract = await passwords.contract_of_notice(notice.contract_id, notice.yayoi_id)
    if refusal := await passwords.refusal(contract):
        raise FormRefusedError({"": refusal})
    if visitor != contract.yayoi_id and await passwords.is_set_and_recorded(contract):
        raise FormRefusedError({"": SET_BEFORE})
    return contract
