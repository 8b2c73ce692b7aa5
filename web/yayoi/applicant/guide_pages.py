"""What customers read: the guide, how to use what they applied for, the office token (STEP3). Nothing is stored."""

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from models.yayoi.application_form import NO_FEE
from models.yayoi.identifiers import OfficeToken
from models.yayoi.procedures import Procedure
from web.common.auth import page_router
from web.common.context import Context
from web.common.page_form import PageForm
from web.yayoi.applicant.guide import chosen_procedure, steps_of

LONGEST = 400
"""Characters of a wrong token that are shown again."""

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


@router.get("/token")
async def show_token(request: Request, context: Context) -> Response:
    return context.show(request, "yayoi/token.html", {"page": PageForm({})})


@router.post("/token")
async def check_token(request: Request, context: Context) -> Response:
    typed = (await request.form()).get("office_token", "")
    text = typed if isinstance(typed, str) else ""
    labels = {"office_token": "事業所トークン"}
    try:
        token = OfficeToken(text)
    except ValueError as refused:
        page = PageForm(labels, {"office_token": text[:LONGEST]}, {"office_token": str(refused)})
        return context.show(request, "yayoi/token.html", {"page": page})
    return context.show(
        request, "yayoi/token.html", {"page": PageForm(labels, {"office_token": token}), "right": token}
    )
