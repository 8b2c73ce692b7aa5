"""STEP5: the support site's password, set by who holds a notice: its contract ID and its mail address (Y19)."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.common.passwords import PasswordKind
from models.tables import EventRow, ExistingContractRow, IssuedContractRow, SetUpStepRow, SupportPasswordRow
from models.yayoi.customer_events import CUSTOMER_PAGES
from models.yayoi.events import SupportPasswordSetEvent
from models.yayoi.identifiers import ContractId, YayoiId
from models.yayoi.procedures import SetUpStep
from models.yayoi.store.event_cases import EXISTING_CONTRACT, NOT_ONE_NOTICE
from web.common.auth import Limit, client_address
from web.common.page_form import PageForm, messages, sent_values
from web.common.submission_ids import event_id_of
from web.yayoi.customer.parts import Parts

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
NOT_THE_SAME = "パスワードが一致しません。もう一度入力してください。"
SET_BEFORE = (
    "この番号のパスワードは、すでに設定されています。変更するときは、先にこの番号の弥生ID でログインしてから、"
    "もう一度この画面を開いてください。"
)


class _Typed(BaseModel):
    contract_id: ContractId
    yayoi_id: YayoiId


def support_password_pages(parts: Parts) -> APIRouter:
    router = parts.router()

    @router.get("/support-password")
    async def form(request: Request) -> Response:
        visitor = await parts.auth.visitor(request)
        return _ask(parts, request, PageForm(LABELS, {"yayoi_id": visitor.yayoi_id} if visitor else {}))

    @router.post("/support-password")
    async def check(request: Request) -> Response:
        sent = await request.form()
        checked = await _checked(parts, request, sent)
        if isinstance(checked, PageForm):
            return _ask(parts, request, checked)
        return _choose(parts, request, checked, PageForm(PASSWORD_LABELS))

    @router.post("/support-password/set")
    async def set_password(request: Request) -> Response:
        return await _set_password(parts, request)

    @router.get("/support-password/done")
    async def done(request: Request, later: Annotated[bool, Query()] = False) -> Response:
        return parts.show(request, "yayoi/support_password_done.html", {"later": later})

    return router


async def _set_password(parts: Parts, request: Request) -> Response:
    sent = await request.form()
    if await _was_sent(parts, event_id_of(sent)):
        return _done()  # a double click
    contract = await _checked(parts, request, sent)
    if isinstance(contract, PageForm):
        return _ask(parts, request, contract)
    form = PageForm(PASSWORD_LABELS, sent_values(sent, "new_mail"))
    password = str(sent.get("password", ""))
    if errors := _refuse(password, str(sent.get("password_again", "")), form.value("new_mail")):
        return _choose(parts, request, contract, form.refused(errors))
    await _store(parts, contract.contract_id, await parts.auth.hashing.hash(password))
    if await _is_recorded(parts, contract):
        return _done()  # a new password for a step that was done before is no new step
    event = SupportPasswordSetEvent(
        event_id=event_id_of(sent),
        source=CUSTOMER_PAGES,
        kind="support_password_set",
        contract_id=ContractId(contract.contract_id),
        yayoi_id=YayoiId(contract.yayoi_id),
    )
    reported = await parts.report(event)
    if reported.refusal and not await _is_recorded(parts, contract):
        return _choose(parts, request, contract, form.refused({"": reported.refusal}))
    return _done(later=not reported.at_once)


def _ask(parts: Parts, request: Request, form: PageForm) -> Response:
    return parts.show(request, "yayoi/support_password.html", {"page": form})


def _choose(parts: Parts, request: Request, contract: IssuedContractRow, form: PageForm) -> Response:
    facts = {"page": form, "contract": contract, "rule": PasswordKind.SUPPORT.rule, "event_id": uuid4()}
    return parts.show(request, "yayoi/support_password_set.html", facts)


def _done(*, later: bool = False) -> Response:
    return RedirectResponse("/support-password/done" + ("?later=true" if later else ""), HTTPStatus.SEE_OTHER)


def _refuse(password: str, again: str, new_mail: str) -> dict[str, str]:
    errors = {}
    if refusal := PasswordKind.SUPPORT.refusal(password):
        errors["password"] = refusal
    elif password != again:
        errors["password_again"] = NOT_THE_SAME
    if new_mail.strip():
        errors["new_mail"] = LEAVE_NEW_MAIL_EMPTY
    return errors


async def _checked(parts: Parts, request: Request, sent: Mapping[str, object]) -> IssuedContractRow | PageForm:
    """Return the contract of the notice that was typed from, or the form with what is wrong."""
    form = PageForm(LABELS, sent_values(sent, *LABELS))
    errors = {"phone": LEAVE_PHONE_EMPTY} if form.value("phone").strip() else {}
    try:
        typed = _Typed.model_validate(dict(form.values))
    except ValidationError as invalid:
        return form.refused(errors | messages(invalid, form.values))
    if errors:
        return form.refused(errors)
    await parts.auth.limit(Limit.SUPPORT_PASSWORD_FROM, client_address(request))
    await parts.auth.limit(Limit.SUPPORT_PASSWORD, typed.contract_id)
    async with parts.sessions() as session:
        contract = await _of_one_notice(session, typed)
        if contract is None:
            own = await _holds(session, typed)
            return form.refused({"contract_id": EXISTING_CONTRACT if own else NOT_ONE_NOTICE})
    visitor = await parts.auth.visitor(request)
    is_holder = visitor is not None and visitor.yayoi_id == contract.yayoi_id
    if not is_holder and await _is_set(parts, contract) and await _is_recorded(parts, contract):
        return form.refused({"": SET_BEFORE})
    return contract


async def _of_one_notice(session: AsyncSession, typed: _Typed) -> IssuedContractRow | None:
    """An ID that was revoked counts as unknown, and so does one of another notice: one answer for all."""
    contract = await session.get(IssuedContractRow, typed.contract_id)
    return contract if contract and contract.yayoi_id == typed.yayoi_id and contract.revoked_at is None else None


async def _holds(session: AsyncSession, typed: _Typed) -> bool:
    """Whether the existing contract's own ID was typed by its customer: nobody else is told that there is one (Y20)."""
    contract = await session.get(ExistingContractRow, typed.contract_id)
    if contract is None:
        return False
    issued = await session.scalar(
        select(IssuedContractRow.contract_id)
        .where(
            IssuedContractRow.existing_contract_id == typed.contract_id, IssuedContractRow.yayoi_id == typed.yayoi_id
        )
        .limit(1)
    )
    return issued is not None or contract.mail_address == typed.yayoi_id


async def _is_set(parts: Parts, contract: IssuedContractRow) -> bool:
    async with parts.sessions() as session:
        return await session.get(SupportPasswordRow, contract.contract_id) is not None


async def _is_recorded(parts: Parts, contract: IssuedContractRow) -> bool:
    """Whether STEP5 was recorded, here or by an operator on the phone."""
    key = (contract.application_no, contract.office_no, SetUpStep.SUPPORT_PASSWORD)
    async with parts.sessions() as session:
        return await session.get(SetUpStepRow, key) is not None


async def _was_sent(parts: Parts, event_id: UUID) -> bool:
    async with parts.sessions() as session:
        event = await session.get(EventRow, event_id)
        return event is not None and event.delivered_at is not None


async def _store(parts: Parts, contract_id: str, password_hash: str) -> None:
    values: dict[str, str | datetime] = {"password_hash": password_hash, "set_at": parts.now()}
    async with parts.sessions.begin() as session:
        await session.execute(
            insert(SupportPasswordRow)
            .values(contract_id=contract_id, **values)
            .on_conflict_do_update(index_elements=[SupportPasswordRow.contract_id], set_=values)
        )
