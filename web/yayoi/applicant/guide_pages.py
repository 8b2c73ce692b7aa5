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
from web.yayoi.applicant.guide import chosen_procedure, steps_of
from web.yayoi.applicant.plan import MAX_PLANNED, Plan
from web.yayoi.applicant.token_check import LONGEST, what_is_wrong

TOO_MUCH = f"計画に入力できる量を超えています。事業所データを {MAX_PLANNED} 件以内に分けて、もう一度作成してください。"

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


@router.get("/guide/group-members")
async def group_members(request: Request, context: Context) -> Response:
    return context.show(request, "yayoi/group_members.html", {})


@router.get("/guide/use")
async def use(request: Request, context: Context) -> Response:
    return context.show(request, "yayoi/use.html", {})


@router.get("/plan")
async def plan(request: Request, context: Context) -> Response:
    try:
        page = Plan.of(request.query_params)
    except ValueError:
        raise ProblemError(HTTPStatus.BAD_REQUEST, TOO_MUCH) from None
    return context.show(request, "yayoi/plan.html", {"page": page, "most": MAX_OFFICES})


@router.get("/token")
async def show_token(request: Request, context: Context) -> Response:
    return context.show(request, "yayoi/token.html", {"page": PageForm({})})


@router.post("/token")
async def check_token(request: Request, context: Context) -> Response:
    typed = (await request.form()).get("office_token", "")
    text = typed if isinstance(typed, str) else ""
    labels = {"office_token": "事業所トークン"}
    if wrong := what_is_wrong(text):
        page = PageForm(labels, {"office_token": text[:LONGEST]}, {"office_token": wrong})
        return context.show(request, "yayoi/token.html", {"page": page})
    token = OfficeToken(text)
    return context.show(
        request, "yayoi/token.html", {"page": PageForm(labels, {"office_token": token}), "right": token}
    )
