"""Logging in and out of MYICS, and its top page (M3, M5)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.myics.identifiers import HolderNo
from models.myics.store.sign_in import SignIn, SignInRefusedError, read_account_name
from web.common.auth import page_router
from web.common.auth.access import local_path
from web.common.context import Context, given
from web.common.page_form import sent_values
from web.common.sent_forms import FormRefusedError, Forms, Kept, form_on
from web.myics.limits import MyicsGuess
from web.myics.signed_in import SIGN_IN, SignedInFirms, SignedInMember, account_name

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
    kept: Kept,
    *,
    next_path: Annotated[str, Query(alias="next")] = HOME,
    done: Annotated[str, Query()] = "",
    customer_no: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    page = kept.page(LABELS, customer_no=customer_no)
    facts = {"page": page, "next": local_path(next_path), "said": _DONE.get(done)}
    return context.show(request, "myics/sign_in.html", facts)


@router.post(SIGN_IN)
@form_on(".", "next")
async def sign_in(
    request: Request,
    context: Context,
    firms: SignedInFirms,
    accounts: Annotated[SignIn, Depends(given(SignIn))],
) -> Response:
    sent = sent_values(await request.form(), "next", *LABELS)
    if empty := {path: "入力してください。" for path in LABELS if not sent[path].strip()}:
        raise FormRefusedError(empty)
    try:
        name = read_account_name(sent["customer_no"], sent["address"])
        async with context.auth.guessing(request, MyicsGuess.SIGN_IN, account_name(*name)):
            member = await accounts.sign_in(*name, sent["password"])
    except SignInRefusedError as refused:
        raise FormRefusedError({"": str(refused)}) from None
    answer = RedirectResponse(local_path(sent["next"] or HOME), HTTPStatus.SEE_OTHER)
    await firms.begin(request, answer, account_id=member.account_id)
    context.auth.devices.remember(request, answer, MyicsGuess.SIGN_IN, account_name(*name))
    return answer


@router.post("/myics/sign-out")
@form_on(SIGN_IN)
async def sign_out(request: Request, firms: SignedInFirms, forms: Forms) -> Response:
    answer = RedirectResponse(f"{SIGN_IN}?done=out", HTTPStatus.SEE_OTHER)
    await firms.end(request, answer)
    await forms.end(request, answer)
    return answer
