"""The application form (STEP4): filled in, confirmed pair by pair, and only then sent. No script is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.personal_links import PersonalLinkKind, read_link
from models.common.refusals import FieldError, RefusedError
from models.yayoi.application_form import NO_FEE, ApplicationForm
from models.yayoi.case_links import case_path, link_expiry
from models.yayoi.holder_confirmation import TooManyUnconfirmedError
from models.yayoi.pair_rules import PairRule
from models.yayoi.store.intake import Intake, OtherContentError, Preview
from web.common.auth import Limit, client_address, page_router
from web.common.context import Context, WebContext, given
from web.common.problems import ProblemError
from web.yayoi.applicant.apply_form import HOLDER_LINK, ApplicationPage, empty_page, page_of

OTHER_APPLICATION = (
    "このフォームのお申し込みは、すでに受け付けています。変更する場合は、新しいフォームを開いてください。"
)
STALE_FORM = "フォームを読み取れませんでした。お手数ですが、申込フォームを開き直してください。"
CHANGE, SEND = "change", "send"

router = page_router()


@dataclass(frozen=True)
class ConfirmedPair:
    """One pair as the confirmation repeats it, in its normal form (Y8)."""

    yayoi_id: str
    office_token: str | None
    office_name: str | None
    """None: no office of the contract has this token (Y5), or none is needed (Y9)."""
    issued_contract_id: str | None
    problems: Sequence[str]
    """What is known to be wrong with it, for those who have shown who they are."""


@router.get("/apply")
async def show_form(
    request: Request,
    context: Context,
    yayoi_id: Annotated[list[str] | None, Query()] = None,
    holder: Annotated[str, Query()] = "",
) -> Response:
    return _show(request, context, empty_page(yayoi_id or [], holder, _contract_of(context, holder)))


@router.post("/apply")
async def apply(request: Request, context: Context, intake: Annotated[Intake, Depends(given(Intake))]) -> Response:
    """Repeat what was filled in, or take it if it was confirmed; show what is wrong with it in either case."""
    sent = await request.form()
    page, action = page_of(sent), str(sent.get("action"))
    if (changed := page.after(action)) is not None:
        return _show(request, context, changed)
    if action == CHANGE:
        return _show(request, context, page)
    # The confirmation shows what offices are called: the limit keeps anybody from trying many tokens.
    await context.auth.limit(Limit.SUBMISSION, client_address(request))
    page = page.without_blank_rows()
    try:
        form = page.form()
        by_holder = _contract_of(context, page.value(HOLDER_LINK)) == form.existing_contract_id
        if action == SEND:
            return await _receive(context, intake, form, by_holder=by_holder)
        await intake.check(form, by_holder=by_holder)
        return _confirm(request, context, page, form, await intake.preview(form, by_holder=by_holder))
    except RefusedError as refused:
        if any(error.field == "submission_id" for error in refused.errors):
            raise ProblemError(HTTPStatus.BAD_REQUEST, STALE_FORM) from None
        return _show(request, context, page.with_errors(refused.errors))
    except TooManyUnconfirmedError as refused:
        error = FieldError(field="existing_contract_id", message=str(refused))
        return _show(request, context, page.with_errors([error]), HTTPStatus.TOO_MANY_REQUESTS)
    except OtherContentError:
        raise ProblemError(HTTPStatus.CONFLICT, OTHER_APPLICATION) from None


def _show(request: Request, context: WebContext, page: ApplicationPage, status: HTTPStatus | None = None) -> Response:
    return context.show(request, "yayoi/apply.html", {"page": page, "no_fee": NO_FEE}, status)


def _contract_of(context: WebContext, holder_link: str) -> str:
    """Return the contract whose holder was mailed this link; empty if it was not made here, or has expired."""
    link = read_link(context.secret_key, PersonalLinkKind.HOLDER_APPLIES, holder_link)
    return link.procedure_id if link and link.is_open(context.now()) else ""


def _confirm(
    request: Request, context: WebContext, page: ApplicationPage, form: ApplicationForm, preview: Preview
) -> Response:
    pairs = [
        ConfirmedPair(
            pair.yayoi_id,
            pair.office_token,
            preview.names.get(pair.office_token or ""),
            pair.issued_contract_id,
            # That the contract has no such office, the page says by itself.
            [each.message for each in problems if each.rule is not PairRule.TOKEN_OF_THE_CONTRACT],
        )
        for pair, problems in zip(form.offices, preview.problems, strict=True)
    ]
    facts = {
        "page": page,
        "form": form,
        "pairs": pairs,
        "unknown": form.accounting_link and any(pair.office_name is None for pair in pairs),
        "no_fee": NO_FEE,
    }
    return context.show(request, "yayoi/apply_confirm.html", facts)


async def _receive(context: WebContext, intake: Intake, form: ApplicationForm, *, by_holder: bool) -> Response:
    receipt = await intake.receive(form, by_holder=by_holder)
    address = case_path(context.secret_key, receipt.application_no, link_expiry(receipt.due_date))
    # Relative: the browser stays at the address it came by, as the form's policy demands.
    return RedirectResponse(f"{address}&received=1", HTTPStatus.SEE_OTHER)
