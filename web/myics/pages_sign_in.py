"""Logging in and out of MYICS, and its top page (M3, M5)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.myics.identifiers import HolderNo
from models.myics.store.sign_in import SignIn, SignInRefusedError
from web.common.auth import Limit, client_address, page_router
from web.common.auth.access import local_path
from web.common.context import Context, WebContext, given
from web.common.page_form import PageForm, sent_values
from web.myics.signed_in import SIGN_IN, SignedInMember

HOME = "/myics/"
LABELS = {"customer_no": HolderNo.label_of_both, "address": "ユーザーアカウント", "password": "パスワード"}
_DONE = {
    "registered": "ユーザー登録が完了しました。登録したユーザーアカウントとパスワードで、ログインしてください。",
    "renewed": "パスワードを変更しました。新しいパスワードでログインしてください。",
    "address": "ユーザーアカウントを変更しました。新しいユーザーアカウント（メールアドレス）でログインしてください。",
    "out": "ログアウトしました。",
}

router = page_router()


@router.get("/myics")
async def to_top() -> Response:
    return RedirectResponse(HOME, HTTPStatus.SEE_OTHER)


@router.get(HOME)
async def top(request: Request, context: Context, member: SignedInMember) -> Response:
    return context.show(request, "myics/top.html", {"member": member})


@router.get(SIGN_IN)
async def show_form(
    request: Request,
    context: Context,
    next_path: Annotated[str, Query(alias="next")] = HOME,
    done: Annotated[str, Query()] = "",
    customer_no: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    return _show(request, context, PageForm(LABELS, {"customer_no": customer_no}), next_path, _DONE.get(done))


@router.post(SIGN_IN)
async def sign_in(request: Request, context: Context, accounts: Annotated[SignIn, Depends(given(SignIn))]) -> Response:
    sent = sent_values(await request.form(), "next", *LABELS)
    page = PageForm(LABELS, {path: sent[path] for path in ("customer_no", "address")})
    if empty := {path: "入力してください。" for path in LABELS if not sent[path].strip()}:
        return _show(request, context, page.refused(empty), sent["next"])
    # Tries of one account are not counted here: too many wrong passwords lock it.
    await context.auth.limit(Limit.SIGN_IN_FROM, client_address(request))
    try:
        member = await accounts.sign_in(sent["customer_no"], sent["address"], sent["password"])
    except SignInRefusedError as refused:
        return _show(request, context, page.refused({"": str(refused)}), sent["next"])
    answer = RedirectResponse(local_path(sent["next"] or HOME), HTTPStatus.SEE_OTHER)
    await context.auth.firms.begin(request, answer, account_id=member.account_id)
    return answer


@router.post("/myics/sign-out")
async def sign_out(request: Request, context: Context) -> Response:
    answer = RedirectResponse(f"{SIGN_IN}?done=out", HTTPStatus.SEE_OTHER)
    await context.auth.firms.end(request, answer)
    return answer


def _show(
    request: Request, context: WebContext, page: PageForm, next_path: str, message: str | None = None
) -> Response:
    facts = {"page": page, "next": local_path(next_path), "said": message}
    return context.show(request, "myics/sign_in.html", facts)
