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
from models.yayoi.holder_confirmation import ConfirmationOutcome
from models.yayoi.pair_rules import NOT_OF_THE_CONTRACT
from models.yayoi.store.case_records import sharing_firms
from models.yayoi.store.confirmations import confirmations_of
from models.yayoi.store.event_cases import UnknownCaseError
from models.yayoi.store.events import EventRefusedError, OtherEventError
from models.yayoi.store.holding import Named, held_by_others
from models.yayoi.store.pair_facts import PairFacts
from web.common.auth import SharedLimit, client_address, page_router
from web.common.context import Context, given
from web.common.page_form import PageForm, messages, sent_values
from web.common.problems import ProblemError
from web.common.sent_forms import FormRefusedError, Forms, Kept
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

    async def deliver(self, event: CustomerEvent) -> Response:
        """Bring it to the procedure, now or as soon as that can be reached. Raises what says why it was refused."""
        try:
            await self.events.take(event, self.office.actor)
        except OtherEventError:
            raise ProblemError(HTTPStatus.CONFLICT, SENT_BEFORE) from None
        except (EventRefusedError, UnknownCaseError) as refused:
            raise FormRefusedError({"": for_applicants(str(refused))}, HTTPStatus.CONFLICT) from None
        return RedirectResponse(f"{self.office.case.path}&event={event.event_id}", HTTPStatus.SEE_OTHER)

    def show(self, template: str, form: PageForm, facts: Mapping[str, Any]) -> Response:
        # A form that is shown anew is a new event: what was refused may be sent again as it is.
        event_id = form.value("event_id") if not form.errors and form.value("event_id") else str(uuid4())
        shown = {"office": self.office, "page": form, "event_id": event_id, "new_event_id": str(uuid4()), **facts}
        return self.context.show(self.request, template, shown)


Page = Annotated[ActionPage, Depends()]


# --- the pair is corrected --------------------------------------------------------------------------------------------


@router.get(f"{_OFFICE}/correct", dependencies=[Depends(possible(CaseAction.CORRECT))])
async def show_correction(page: Page, kept: Kept) -> Response:
    form, office = kept.page(LABELS), page.office
    if kept.leads_on and kept.value("action") != CHANGE:
        return await _confirmation(page, form)
    async with page.context.sessions() as session:
        shown = await status_of(session, office.case.application_no, office.pair.office_no)
    return page.show("yayoi/case_correct.html", form, {"points": shown.points if shown else []})


@router.post(f"{_OFFICE}/correct")
async def correct(page: Page, forms: Forms) -> Response:
    sent = await page.request.form()
    if sent.get("action") == CHANGE:
        return await forms.keep(page.request)
    try:
        correction = Correction.of(sent_values(sent, *LABELS), page.office.pair)
    except RefusedError as refused:
        raise FormRefusedError({error.field: error.message for error in refused.errors}) from None
    # Both steps show what offices are called: the limit keeps anybody from trying many tokens.
    await page.context.auth.limit(SharedLimit.SUBMISSION, client_address(page.request))
    if sent.get("action") != SEND:
        return await forms.keep(page.request)
    return await page.deliver(PairCorrected(event_id=event_id_of(sent), **page.office.numbers, **correction.changes))


async def _confirmation(page: ActionPage, form: PageForm) -> Response:
    """Repeat the pair as it will be, with what its office is called and what is still wrong (Y2, Y3)."""
    pair, application = page.office.pair, page.office.case.application
    try:
        correction = Correction.of(form.values, pair)
    except RefusedError:  # it was corrected meanwhile
        return RedirectResponse(page.office.path("correct"), HTTPStatus.SEE_OTHER)
    token = correction.office_token or pair.office_token
    named = Named(correction.yayoi_id or pair.yayoi_id, token, correction.issued_contract_id or pair.issued_contract_id)
    async with page.context.sessions() as session:
        known = await PairFacts.read(session, application.existing_contract_id, [named])
        held = await held_by_others(session, pair, named)
        asked = (await confirmations_of(session, pair.application_no)).get(pair.office_no)
        firms = await sharing_firms(session, token) if token in known.names else []
    # Told early: to whoever has shown a token of the contract, or came by its holder's link. Others would learn of IDs.
    has_shown = known.shows_right_token or asked is None or asked.settled_as == ConfirmationOutcome.TOKEN_SHOWN
    changed = {
        "yayoi_id": bool(correction.yayoi_id or correction.issued_contract_id),
        "token": bool(correction.office_token),
    }
    problems = [
        *(each for each in (known.problem_of_yayoi_id(named), known.problem_of_token(named)) if each),
        *held.problems_of_change(named, application.existing_contract_id, **changed),
    ]
    facts = {
        "correction": correction,
        "office_token": token,
        "office_name": known.names.get(token or ""),
        "firms": firms,
        "problems": [each for each in problems if each is not NOT_OF_THE_CONTRACT] if has_shown else [],
    }
    return page.show("yayoi/case_correct_confirm.html", form, facts)


# --- the sharing is released (Y13) ------------------------------------------------------------------------------------


@router.get(f"{_OFFICE}/sharing", dependencies=[Depends(possible(CaseAction.SHARING))])
async def show_sharing(page: Page, kept: Kept) -> Response:
    pair = page.office.pair
    async with page.context.sessions() as session:
        # Whose token it is, is known only of one that was found right: nobody learns whom another's office shares with.
        firms = await sharing_firms(session, pair.office_token) if pair.holds_token else []
    return page.show("yayoi/case_sharing.html", kept.page({"consent": "同意"}), {"firms": firms})


@router.post(f"{_OFFICE}/sharing")
async def release_sharing(page: Page) -> Response:
    sent = await page.request.form()
    if sent.get("action") == RELEASED:
        return await page.deliver(SharingReleaseClaimed(event_id=event_id_of(sent), **page.office.numbers))
    if sent.get("consent"):
        return await page.deliver(SharingReleaseConsented(event_id=event_id_of(sent), **page.office.numbers))
    raise FormRefusedError({"consent": NOT_CONSENTED})


# --- the office is withdrawn (Y27) ------------------------------------------------------------------------------------


@router.get(f"{_OFFICE}/withdraw", dependencies=[Depends(possible(CaseAction.WITHDRAW))])
async def show_withdrawal(page: Page, kept: Kept) -> Response:
    return page.show("yayoi/case_withdraw.html", kept.page(WITHDRAWAL), {})


@router.post(f"{_OFFICE}/withdraw")
async def withdraw(page: Page) -> Response:
    sent = await page.request.form()
    typed = sent_values(sent, *WITHDRAWAL)
    reason = " ".join(typed["reason"].split())
    try:
        event = Withdrawn(event_id=event_id_of(sent), reason=reason, **page.office.numbers)
    except ValidationError as invalid:
        raise FormRefusedError(messages(invalid, typed)) from None
    return await page.deliver(event)
