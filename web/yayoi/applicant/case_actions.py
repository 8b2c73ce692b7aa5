"""What the applicant does on a case's pages: correct a pair, release the sharing, withdraw an office (Y13, Y27)."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from models.common.refusals import RefusedError
from models.common.store.case_status import status_of
from models.yayoi.customer_events import (
    CustomerEvent,
    PairCorrected,
    SharingReleaseClaimed,
    SharingReleaseConsented,
    Withdrawn,
)
from models.yayoi.store.case_records import sharing_firms
from models.yayoi.store.event_cases import UnknownCaseError
from models.yayoi.store.events import EventRefusedError, OtherEventError
from models.yayoi.store.office_names import office_names
from web.common.auth import Limit, client_address, page_router
from web.common.context import Context, given
from web.common.page_form import PageForm, messages, sent_values
from web.common.problems import ProblemError
from web.common.submission_ids import event_id_of
from web.yayoi.applicant.case_access import Office
from web.yayoi.applicant.case_sections import possible
from web.yayoi.applicant.case_view import CaseAction
from web.yayoi.applicant.case_words import for_applicants
from web.yayoi.applicant.correction import LABELS, Correction
from web.yayoi.event_delivery import EventDelivery

SENT_BEFORE = "この画面の内容は、すでに別の内容で送信されています。お手続きの状況の画面を開き直して、確認してください。"
NOT_CONSENTED = "弥生が代わりに解除することに同意する場合は、チェックを付けてください。"
WITHDRAWAL = {"reason": "取り下げの理由"}
SEND, CHANGE, RELEASED = "send", "change", "released"
_OFFICE = "/applications/{application_no}/offices/{office_no}"

router = page_router()


@dataclass(frozen=True)
class ActionPage:
    """A page on which the applicant does something about one office, in one request."""

    request: Request
    context: Context
    office: Office
    events: Annotated[EventDelivery, Depends(given(EventDelivery))]

    async def deliver(self, event: CustomerEvent) -> str | None:
        """Bring it to the procedure, now or as soon as that can be reached; return why it was refused, if it was."""
        try:
            await self.events.take(event)
        except OtherEventError:
            raise ProblemError(HTTPStatus.CONFLICT, SENT_BEFORE) from None
        except (EventRefusedError, UnknownCaseError) as refused:
            return for_applicants(str(refused))
        return None

    def done(self, event: CustomerEvent) -> Response:
        return RedirectResponse(f"{self.office.case.path}&event={event.event_id}", HTTPStatus.SEE_OTHER)

    def show(
        self, template: str, form: PageForm, facts: Mapping[str, Any], status: HTTPStatus | None = None
    ) -> Response:
        # A form that is shown anew is a new event: what was refused may be sent again as it is.
        event_id = form.value("event_id") if not form.errors and form.value("event_id") else str(uuid4())
        shown = {"office": self.office, "page": form, "event_id": event_id, "new_event_id": str(uuid4()), **facts}
        return self.context.show(self.request, template, shown, status)


Page = Annotated[ActionPage, Depends()]


# --- the pair is corrected --------------------------------------------------------------------------------------------


@router.get(f"{_OFFICE}/correct", dependencies=[Depends(possible(CaseAction.CORRECT))])
async def show_correction(page: Page) -> Response:
    return await _correction(page, PageForm(LABELS))


@router.post(f"{_OFFICE}/correct")
async def correct(page: Page) -> Response:
    # Both steps show what offices are called: the limit keeps anybody from trying many tokens.
    await page.context.auth.limit(Limit.SUBMISSION, client_address(page.request))
    sent = await page.request.form()
    form = PageForm(LABELS, sent_values(sent, "event_id", *LABELS))
    if sent.get("action") == CHANGE:
        return await _correction(page, form)
    pair = page.office.pair
    try:
        correction = Correction.of(form.values, pair)
    except RefusedError as refused:
        return await _correction(page, form.refused({error.field: error.message for error in refused.errors}))
    if sent.get("action") == SEND:
        event = PairCorrected(event_id=event_id_of(sent), **page.office.numbers, **correction.changes)
        if refusal := await page.deliver(event):
            return await _correction(page, form.refused({"": refusal}), HTTPStatus.CONFLICT)
        return page.done(event)
    token = correction.office_token or pair.office_token
    async with page.context.sessions() as session:
        names = await office_names(session, page.office.case.application.existing_contract_id, [token])
    facts = {"correction": correction, "office_token": token, "office_name": names.get(token or "")}
    return page.show("yayoi/case_correct_confirm.html", form, facts)


async def _correction(page: ActionPage, form: PageForm, status: HTTPStatus | None = None) -> Response:
    async with page.context.sessions() as session:
        shown = await status_of(session, page.office.case.application_no, page.office.pair.office_no)
    points = shown.points if shown else []
    return page.show("yayoi/case_correct.html", form, {"points": points}, status)


# --- the sharing is released (Y13) ------------------------------------------------------------------------------------


@router.get(f"{_OFFICE}/sharing", dependencies=[Depends(possible(CaseAction.SHARING))])
async def show_sharing(page: Page) -> Response:
    return await _sharing(page, PageForm({}))


@router.post(f"{_OFFICE}/sharing")
async def release_sharing(page: Page) -> Response:
    sent = await page.request.form()
    event: CustomerEvent
    if sent.get("action") == RELEASED:
        event = SharingReleaseClaimed(event_id=event_id_of(sent), **page.office.numbers)
    elif sent.get("consent"):
        event = SharingReleaseConsented(event_id=event_id_of(sent), **page.office.numbers)
    else:
        return await _sharing(page, PageForm({"consent": "同意"}, errors={"consent": NOT_CONSENTED}))
    if refusal := await page.deliver(event):
        return await _sharing(page, PageForm({}, errors={"": refusal}), HTTPStatus.CONFLICT)
    return page.done(event)


async def _sharing(page: ActionPage, form: PageForm, status: HTTPStatus | None = None) -> Response:
    pair = page.office.pair
    async with page.context.sessions() as session:
        # Whose token it is, is known only of one that was found right: nobody learns whom another's office shares with.
        firms = await sharing_firms(session, pair.office_token) if pair.holds_token else []
    return page.show("yayoi/case_sharing.html", form, {"firms": firms}, status)


# --- the office is withdrawn (Y27) ------------------------------------------------------------------------------------


@router.get(f"{_OFFICE}/withdraw", dependencies=[Depends(possible(CaseAction.WITHDRAW))])
async def show_withdrawal(page: Page) -> Response:
    return page.show("yayoi/case_withdraw.html", PageForm(WITHDRAWAL), {})


@router.post(f"{_OFFICE}/withdraw")
async def withdraw(page: Page) -> Response:
    sent = await page.request.form()
    form = PageForm(WITHDRAWAL, sent_values(sent, *WITHDRAWAL))
    reason = " ".join(form.value("reason").split())
    try:
        event = Withdrawn(event_id=event_id_of(sent), reason=reason, **page.office.numbers)
    except ValidationError as invalid:
        return page.show("yayoi/case_withdraw.html", form.refused(messages(invalid, form.values)), {})
    if refusal := await page.deliver(event):
        return page.show("yayoi/case_withdraw.html", form.refused({"": refusal}), {}, HTTPStatus.CONFLICT)
    return page.done(event)
