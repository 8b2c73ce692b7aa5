"""What customers read: the guide, how to use what they applied for, the office token (STEP3). Nothing is stored."""

from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from models.yayoi.application_form import NO_FEE
from models.yayoi.identifiers import OfficeToken
from models.yayoi.procedures import Procedure
from web.common.auth import page_router
from web.common.context import Context
from web.common.page_form import PageForm, sent_values
from web.common.sent_forms import FormRefusedError, Forms, Kept
from web.yayoi.applicant.guide import chosen_procedure, steps_of

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


@router.get("/guide/group-members")
async def group_members(request: Request, context: Context) -> Response:
    return context.show(request, "yayoi/group_members.html", {})


@router.get("/guide/use")
async def use(request: Request, context: Context) -> Response:
    return context.show(request, "yayoi/use.html", {})


@router.get("/token")
async def show_token(request: Request, context: Context, kept: Kept) -> Response:
    right = OfficeToken(kept.value(TOKEN)) if kept.leads_on else None
    page = PageForm(LABELS, {TOKEN: right}) if right else kept.page(LABELS)
    return context.show(request, "yayoi/token.html", {"page": page, "right": right})


@router.post("/token")
async def check_token(request: Request, forms: Forms) -> Response:
    try:
        OfficeToken(sent_values(await request.form(), TOKEN)[TOKEN])
    except ValueError as refused:
        raise FormRefusedError({TOKEN: str(refused)}) from None
    return await forms.keep(request)
