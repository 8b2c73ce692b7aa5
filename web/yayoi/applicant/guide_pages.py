"""What customers read before they apply: the guide, the plan (STEP1), the office token (STEP3). Nothing is stored."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from fastapi.templating import Jinja2Templates

from models.yayoi.application_form import MAX_OFFICES, NO_FEE
from models.yayoi.identifiers import OfficeToken
from models.yayoi.procedures import Procedure
from web.common.auth import page_router
from web.common.page_form import PageForm
from web.common.problems import ProblemError
from web.yayoi.applicant.guide import chosen_procedure, steps_of
from web.yayoi.applicant.plan import Plan
from web.yayoi.applicant.token_check import LONGEST, what_is_wrong

TOO_MUCH = "計画に入力できる量を超えています。事業所データを 30 件以内に分けて、もう一度作成してください。"


def guide_pages(templates: Jinja2Templates) -> APIRouter:
    router = page_router()

    @router.get("/")
    async def guide(
        request: Request, link: Annotated[str, Query()] = "", network: Annotated[str, Query()] = ""
    ) -> Response:
        procedure = chosen_procedure(link, network)
        facts = {
            "link": link,
            "network": network,
            "asked": bool(link or network),
            "procedure": procedure,
            "steps": steps_of(procedure or Procedure.LINKED_NETWORK),
            "no_fee": NO_FEE,
        }
        return templates.TemplateResponse(request, "yayoi/guide.html", facts)

    @router.get("/plan")
    async def plan(request: Request) -> Response:
        try:
            read = Plan.of(request.query_params)
        except ValueError:
            raise ProblemError(HTTPStatus.BAD_REQUEST, TOO_MUCH) from None
        status = HTTPStatus.UNPROCESSABLE_ENTITY if read.errors else HTTPStatus.OK
        return templates.TemplateResponse(request, "yayoi/plan.html", {"page": read, "most": MAX_OFFICES}, status)

    @router.get("/token")
    async def token(request: Request) -> Response:
        return _token(request, PageForm({}))

    @router.post("/token")
    async def check(request: Request) -> Response:
        typed = (await request.form()).get("office_token", "")
        text = typed if isinstance(typed, str) else ""
        labels = {"office_token": "事業所トークン"}
        if wrong := what_is_wrong(text):
            return _token(request, PageForm(labels, {"office_token": text[:LONGEST]}, {"office_token": wrong}))
        return _token(request, PageForm(labels, {"office_token": OfficeToken(text)}))

    def _token(request: Request, form: PageForm) -> Response:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
        right = form.value("office_token") if not form.errors else ""
        return templates.TemplateResponse(request, "yayoi/token.html", {"page": form, "right": right}, status)

    return router
