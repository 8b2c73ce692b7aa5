"""What customers read before they apply: the guide, the plan (STEP1), the office token (STEP3). Nothing is stored."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from models.yayoi.application_form import MAX_OFFICES, NO_FEE
from models.yayoi.identifiers import OfficeToken
from models.yayoi.procedures import Procedure
from web.common.auth import page_router
from web.common.context import Context
from web.common.page_form import PageForm
from web.common.problems import ProblemError
from web.common.sent_forms import FormRefusedError, Forms, Kept
from web.yayoi.applicant.guide import chosen_procedure, steps_of
from web.yayoi.applicant.plan import MAX_PLANNED, Plan
from web.yayoi.applicant.token_check import what_is_wrong

TOO_MUCH = f"計画に入力できる量を超えています。事業所データを {MAX_PLANNED} 件以内に分けて、もう一度作成してください。"
TOKEN = "office_token"  # noqa: S105 a field
LABELS = {TOKEN: "事業所トークン"}

router = page_router()


@router.get("/")
async def guide(
    request: Request, context: Context, link: Annotated[str, Query()] = "", network: Annotated[str, Query()] = ""
) -> Response:
    procedure = chosen_procedure(link, network)
    facts = {
        "link": link,
        "network": network,
        "incomplete": bool(link or network) and procedure is None,
        "procedure": procedure,
        "steps": steps_of(procedure or Procedure.LINKED_NETWORK),
        "no_fee": NO_FEE,
    }
    return context.show(request, "yayoi/guide.html", facts)


@router.get("/plan")
async def plan(request: Request, context: Context) -> Response:
    try:
        page = Plan.of(request.query_params)
    except ValueError:
        raise ProblemError(HTTPStatus.BAD_REQUEST, TOO_MUCH) from None
    return context.show(request, "yayoi/plan.html", {"page": page, "most": MAX_OFFICES})


@router.get("/token")
async def show_token(request: Request, context: Context, kept: Kept) -> Response:
    right = OfficeToken(kept.value(TOKEN)) if kept.leads_on else None
    page = PageForm(LABELS, {TOKEN: right}) if right else kept.page(LABELS)
    return context.show(request, "yayoi/token.html", {"page": page, "right": right})


@router.post("/token")
async def check_token(request: Request, forms: Forms) -> Response:
    typed = (await request.form()).get(TOKEN, "")
    if wrong := what_is_wrong(typed if isinstance(typed, str) else ""):
        raise FormRefusedError({TOKEN: wrong})
    return await forms.keep(request)
