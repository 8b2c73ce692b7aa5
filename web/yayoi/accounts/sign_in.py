"""Signing in and out with a Yayoi ID."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import RedirectResponse, Response

from models.yayoi.identifiers import YayoiId
from models.yayoi.store.credentials import person_signing_in
from web.common.auth import page_router
from web.common.auth.access import local_path
from web.common.context import Context
from web.common.sent_forms import FormRefusedError, Forms, Kept, form_on
from web.yayoi.accounts.signed_in import SignedInCustomers
from web.yayoi.limits import YayoiGuess

WRONG = (
    "弥生ID（メールアドレス）またはパスワードが違います。英字の大文字・小文字も確認し、もう一度入力してください。"
    "STEP5 で設定したサポート・サービスのパスワードではなく、弥生ID のパスワードを入力します。"
    "パスワードをお忘れのときや、まだ設定していないときは、下の「パスワードを忘れた・設定していない」からお進みください。"
)
_LONGEST = 1000

router = page_router()


@router.get("/sign-in")
async def show_form(
    request: Request, context: Context, kept: Kept, there: Annotated[str, Query(alias="next")] = "/set-up"
) -> Response:
    facts = {"page": kept.page({}), "next": local_path(there)}
    return context.show(request, "yayoi/sign_in.html", facts)


@router.post("/sign-in")
@form_on(".", "next")
async def sign_in(request: Request, context: Context, customers: SignedInCustomers) -> Response:
    """Begin a new session; an earlier one of this browser ends."""
    sent = await request.form()
    typed, password, there = (str(sent.get(name, ""))[:_LONGEST] for name in ("yayoi_id", "password", "next"))
    yayoi_id = _read(typed, password)
    async with context.auth.guessing(request, YayoiGuess.SIGN_IN, yayoi_id):
        person_id = await person_signing_in(context.sessions, context.auth.hashing, yayoi_id, password)
        if person_id is None:
            raise FormRefusedError({"": WRONG})
    answer = RedirectResponse(local_path(there), HTTPStatus.SEE_OTHER)
    await customers.begin(request, answer, person_id=person_id)
    context.auth.devices.remember(request, answer, YayoiGuess.SIGN_IN, yayoi_id)
    return answer


def _read(typed: str, password: str) -> YayoiId:
    """Return the Yayoi ID that was typed; what is none, or has no password beside it, is neither counted nor hashed."""
    try:
        yayoi_id = YayoiId(typed)
    except ValueError:
        raise FormRefusedError({"": WRONG}) from None
    if not password:
        raise FormRefusedError({"": WRONG})
    return yayoi_id


@router.post("/sign-out")
@form_on("/sign-in")
async def sign_out(request: Request, customers: SignedInCustomers, forms: Forms) -> Response:
    """End the session here and in the browser."""
    answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    await customers.end(request, answer)
    await forms.end(request, answer)
    return answer
