"""Logging in and out of MYICS, and its top page (M3, M5)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.myics.store.sign_in import SignInRefusedError
from web.common.auth import Limit, client_address
from web.common.auth.access import local_path
from web.common.page_form import PageForm, sent_values
from web.myics.parts import HOME, SIGN_IN, MyicsContext

LABELS = {"customer_no": "お客様番号", "address": "ユーザーアカウント", "password": "パスワード"}
_SAID = {
    "registered": "ユーザー登録が完了しました。登録したユーザーアカウントとパスワードで、ログインしてください。",
    "renewed": "パスワードを変更しました。新しいパスワードでログインしてください。",
    "out": "ログアウトしました。",
}


def sign_in_pages(parts: MyicsContext) -> APIRouter:
    router = parts.router()

    def show(request: Request, page: PageForm, there: str, said: str | None = None) -> Response:
        facts = {"page": page, "next": local_path(there), "said": said}
        return parts.show(request, "sign_in.html", facts)

    @router.get("/myics")
    async def short() -> Response:
        return RedirectResponse(HOME, HTTPStatus.SEE_OTHER)

    @router.get(HOME)
    async def top(request: Request) -> Response:
        return parts.show(request, "top.html", {"member": await parts.member(request)})

    @router.get(SIGN_IN)
    async def form(
        request: Request,
        there: Annotated[str, Query(alias="next")] = HOME,
        done: Annotated[str, Query()] = "",
        customer_no: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        return show(request, PageForm(LABELS, {"customer_no": customer_no}), there, _SAID.get(done))

    @router.post(SIGN_IN)
    async def sign_in(request: Request) -> Response:
        sent = sent_values(await request.form(), "next", *LABELS)
        page = PageForm(LABELS, {path: sent[path] for path in ("customer_no", "address")})
        if empty := {path: "入力してください。" for path in LABELS if not sent[path].strip()}:
            return show(request, page.refused(empty), sent["next"])
        # How often one account is tried is its own business: too many wrong passwords lock it.
        await parts.auth.limit(Limit.SIGN_IN_FROM, client_address(request))
        try:
            member = await parts.services.sign_in.sign_in(sent["customer_no"], sent["address"], sent["password"])
        except SignInRefusedError as refused:
            return show(request, page.refused({"": str(refused)}), sent["next"])
        answer = RedirectResponse(local_path(sent["next"] or HOME), HTTPStatus.SEE_OTHER)
        await parts.auth.firms.begin(request, answer, account_id=member.account_id)
        return answer

    @router.post("/myics/sign-out")
    async def sign_out(request: Request) -> Response:
        answer = RedirectResponse(f"{SIGN_IN}?done=out", HTTPStatus.SEE_OTHER)
        await parts.auth.firms.end(request, answer)
        return answer

    return router
