"""The application form (STEP4): filled in, confirmed pair by pair, and only then sent. No script is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.personal_links import read_link
from models.common.refusals import RefusedError
from models.yayoi.application_form import NO_FEE, ApplicationForm
from models.yayoi.case_links import case_path, link_expiry
from models.yayoi.holder_confirmation import TooManyUnconfirmedError
from models.yayoi.pair_rules import PairRule
from models.yayoi.personal_links import YayoiLinkKind
from models.yayoi.store.confirmations import links_are_ended
from models.yayoi.store.intake import Intake, OtherContentError
from web.common.auth import SharedLimit, client_address, page_router
from web.common.context import Context, WebContext, given
from web.common.problems import ProblemError
from web.common.sent_forms import FormRefusedError, Forms, Kept, form_on
from web.yayoi.applicant.apply_form import HOLDER_LINK, ApplicationPage, empty_page, page_of
from web.yayoi.applicant.draft_pages import FIELD, Draft, DraftsOfAll, KeptDraft, draft_of_text, token_of
from web.yayoi.applicant.plan import Plan
from web.yayoi.limits import YayoiLimit

OTHER_APPLICATION = (
    "このフォームのお申し込みは、すでに受け付けています。変更する場合は、新しいフォームを開いてください。"
)
STALE_FORM = "フォームを読み取れませんでした。お手数ですが、申込フォームを開き直してください。"
CHANGE, SEND, SAVE = "change", "send", "save"
CONFIRM = "/apply/confirm"

router = page_router()


@dataclass(frozen=True)
class ConfirmedPair:
    """One pair as the confirmation repeats it, in its normal form (Y8)."""

    yayoi_id: str
    office_token: str | None
    office_name: str | None
    """None: no office of the contract has this token (Y5). Without the link it is what the applicant calls it (Y9)."""
    issued_contract_id: str | None
    problems: Sequence[str]
    """What is known to be wrong with it, for those who have shown who they are."""
    firms: Sequence[str]
    """With which accounting offices its office is shared now (Y13)."""


@router.get("/apply")
async def show_form(
    request: Request, context: Context, kept: Kept, draft: Draft, holder: Annotated[str, Query()] = ""
) -> Response:
    """Show the form: as it was typed or saved, begun with what a plan says or for a contract's holder, or empty."""
    page = (
        page_of(kept.values) if kept.values else _begun(draft, empty_page(holder, await _contract_of(context, holder)))
    )
    page = page.after(kept.value("action")) or page
    # Errors are of pairs as they were checked: without those that nobody had begun.
    page = page.without_blank_rows() if kept.errors and kept.values else page
    facts = {"page": page.with_errors(kept.errors, kept.status), "no_fee": NO_FEE, "draft": draft}
    return context.show(request, "yayoi/apply.html", facts)


@router.post("/apply")
@form_on(".", FIELD)
async def apply(
    request: Request,
    context: Context,
    forms: Forms,
    intake: Annotated[Intake, Depends(given(Intake))],
    drafts: DraftsOfAll,
) -> Response:
    """Have what was filled in repeated, or take it if it was confirmed; say what is wrong with it in either case."""
    sent = await request.form()
    page, action = page_of(sent), str(sent.get("action"))
    draft = await draft_of_text(context, drafts, sent.get(FIELD))
    if action == SAVE:
        await context.auth.limit(YayoiLimit.DRAFT_FROM, client_address(request))
        saved = await drafts.keep(draft.row.draft_id if draft else None, form=page.fields)
        return RedirectResponse(f"/drafts?{token_of(context, *saved)}", HTTPStatus.SEE_OTHER)
    if action == CHANGE or page.after(action) is not None:
        return await forms.keep(request)
    try:
        form = page.without_blank_rows().form()
        by_holder = await _contract_of(context, page.value(HOLDER_LINK)) == form.existing_contract_id
        # The confirmation shows what offices are called: the limit keeps anybody from trying many tokens.
        await context.auth.limit(SharedLimit.SUBMISSION, client_address(request))
        if action == SEND:
            received = await _receive(context, intake, form, by_holder=by_holder)
            if draft:
                await drafts.delete(draft.row.draft_id)
            return received
        await intake.check(form, by_holder=by_holder)
    except RefusedError as refused:
        if any(error.field == "submission_id" for error in refused.errors):
            raise ProblemError(HTTPStatus.BAD_REQUEST, STALE_FORM) from None
        raise FormRefusedError({error.field: error.message for error in refused.errors}) from None
    except TooManyUnconfirmedError as refused:
        raise FormRefusedError({"existing_contract_id": str(refused)}, HTTPStatus.TOO_MANY_REQUESTS) from None
    except OtherContentError:
        raise ProblemError(HTTPStatus.CONFLICT, OTHER_APPLICATION) from None
    return await forms.keep(request, page=CONFIRM)


def _begun(draft: KeptDraft | None, empty: ApplicationPage) -> ApplicationPage:
    if draft is None:
        return empty
    if draft.row.form:
        return page_of(draft.row.form)
    return empty.planned(Plan.of(draft.row.plan or {}).new)


async def _contract_of(context: WebContext, holder_link: str) -> str:
    """Return the contract whose holder was mailed this link; empty if it is not ours, has expired or was ended."""
    link = read_link(context.secret_keys, YayoiLinkKind.HOLDER_APPLIES, holder_link)
    if link is None or not link.is_open(context.now()):
        return ""
    async with context.sessions() as session:
        return "" if await links_are_ended(session, link.procedure_id, link.occurrence) else link.procedure_id


@router.get(CONFIRM)
async def confirm(
    request: Request, context: Context, kept: Kept, intake: Annotated[Intake, Depends(given(Intake))], draft: Draft
) -> Response:
    """Repeat what was filled in, pair by pair, with what its offices are called."""
    if not kept.leads_on:
        return RedirectResponse(f"/apply?{request.url.query}", HTTPStatus.SEE_OTHER)
    page = page_of(kept.values).without_blank_rows()
    form = page.form()
    by_holder = await _contract_of(context, page.value(HOLDER_LINK)) == form.existing_contract_id
    preview = await intake.preview(form, by_holder=by_holder)
    pairs = [
        ConfirmedPair(
            pair.yayoi_id,
            pair.office_token,
            preview.names.get(pair.office_token or "") if form.accounting_link else pair.office_name,
            pair.issued_contract_id,
            # That the contract has no such office, the page says by itself.
            [each.message for each in problems if each.rule is not PairRule.TOKEN_OF_THE_CONTRACT],
            preview.firms.get(pair.office_token or "", ()),
        )
        for pair, problems in zip(form.offices, preview.problems, strict=True)
    ]
    facts = {
        "page": page,
        "form": form,
        "pairs": pairs,
        "unknown": form.accounting_link and any(pair.office_name is None for pair in pairs),
        "no_fee": NO_FEE,
        "draft": draft,
    }
    return context.show(request, "yayoi/apply_confirm.html", facts)


async def _receive(context: WebContext, intake: Intake, form: ApplicationForm, *, by_holder: bool) -> Response:
    receipt = await intake.receive(form, by_holder=by_holder)
    until = link_expiry(receipt.due_date)
    address = case_path(context.secret_keys, receipt.application_no, until, link_no=receipt.link_no)
    # Relative: the browser stays at the address it came by, as the form's policy demands.
    return RedirectResponse(f"{address}&received=1", HTTPStatus.SEE_OTHER)
