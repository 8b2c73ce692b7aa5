"""Erasing a person, by two supervisors: one asks, another approves. Addresses are in no address of a page."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID, uuid5

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from models.backoffice.erasing_persons import FoundPerson
from models.backoffice.store.case_facts import operators_in_texts
from models.backoffice.store.erasures import ErasureRefusedError, ErasureRequests
from models.common.identifiers import MailAddress
from models.tables import ErasureRequestRow
from web.backoffice.desk import HOME, Desk, Operator
from web.common.auth import page_router
from web.common.auth.operator_access import AccessRefusedError
from web.common.context import given
from web.common.sent_forms import FormRefusedError, Kept, form_on

PERSONS = f"{HOME}/persons"
FOR_SUPERVISORS = "個人の情報の消去は、責任者が依頼し、別の責任者が承認します。責任者に依頼してください。"
NO_ADDRESS = "消去する方のメールアドレスを、空白で区切ってすべて入力してください。"
_LABELS = {"addresses": "メールアドレス"}

Requests = Annotated[ErasureRequests, Depends(given(ErasureRequests))]


async def _supervisor(who: Operator) -> None:
    if not who.supervises:
        raise AccessRefusedError(HTTPStatus.FORBIDDEN, "権限がありません", FOR_SUPERVISORS)


router = page_router()
_for_supervisors = Depends(_supervisor)


@router.get(PERSONS, dependencies=[_for_supervisors])
async def show(request: Request, desk: Desk, who: Operator, requests: Requests, kept: Kept) -> Response:
    names = await operators_in_texts(desk.sessions)
    facts = {
        "who": who,
        "operators": names.operators,
        "requests": [(row, _found(row), who.handle != row.asked_by) for row in await requests.listed()],
        "page": kept.page(_LABELS, addresses=""),
    }
    return desk.show(request, "backoffice/desk_persons.html", facts)


@router.post(PERSONS, dependencies=[_for_supervisors])
@form_on(PERSONS)
async def ask(request: Request, who: Operator, requests: Requests) -> Response:
    """Ask for an erasure; the same form again is the same request."""
    sent = await request.form()
    typed = str(sent.get("addresses", "")).split()
    try:
        addresses = [MailAddress(each) for each in typed]
    except ValueError as error:
        raise FormRefusedError({"addresses": str(error)}) from None
    if not addresses:
        raise FormRefusedError({"addresses": NO_ADDRESS})
    await requests.ask(_request_id(str(sent.get("form_id", "")), who.handle), addresses, who.handle)
    return RedirectResponse(PERSONS, 303)


@router.post(f"{PERSONS}/{{request_id}}/approve", dependencies=[_for_supervisors])
@form_on(PERSONS)
async def approve(request_id: UUID, who: Operator, requests: Requests) -> Response:
    try:
        await requests.approve(request_id, who.handle)
    except ErasureRefusedError as refused:
        raise FormRefusedError({"": str(refused)}) from None
    return RedirectResponse(PERSONS, 303)


@router.post(f"{PERSONS}/{{request_id}}/decline", dependencies=[_for_supervisors])
@form_on(PERSONS)
async def decline(request_id: UUID, who: Operator, requests: Requests) -> Response:
    try:
        await requests.decline(request_id, who.handle)
    except ErasureRefusedError as refused:
        raise FormRefusedError({"": str(refused)}) from None
    return RedirectResponse(PERSONS, 303)


def _found(row: ErasureRequestRow) -> FoundPerson | None:
    return FoundPerson.model_validate(row.found) if row.found else None


def _request_id(form_id: str, handle: str) -> UUID:
    try:
        return uuid5(UUID(form_id), handle)
    except ValueError:
        raise FormRefusedError({"": "画面が古くなっています。画面を開き直してから、もう一度送ってください。"}) from None
