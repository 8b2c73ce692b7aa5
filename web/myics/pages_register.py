"""Behind a personal link: terms, account and keyword, the address checked, password (M1 to M3, M5, M6, M8)."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.refusals import RefusedError
from models.myics.deadlines import KEYWORD_LENGTH
from models.myics.forms import AUTHORITY_CONSENT, TERMS_CONSENT, CorrectionForm, read
from models.myics.passwords import MYICS_PASSWORD
from models.myics.personal_links import REGISTRATION_PATH
from models.myics.store.registrants import RegistrantPage, Registrants, read_account, read_keyword
from web.common.auth import SharedLimit, client_address, page_router
from web.common.context import Context, given
from web.common.page_form import errors_by_field, sent_values
from web.common.sent_forms import FormRefusedError, Kept, form_on
from web.myics.limits import MyicsGuess
from web.myics.pages_sign_in import HOME
from web.myics.signed_in import SIGN_IN, SignedInFirms, account_name

NOT_TYPED = "入力してください。"
OTHER_PASSWORD = "パスワードと一致しません。同じパスワードを、もう一度入力してください。"  # noqa: S105 a message
_LABELS: dict[RegistrantPage, dict[str, str]] = {
    RegistrantPage.TERMS: {"authority": AUTHORITY_CONSENT, "terms": TERMS_CONSENT},
    RegistrantPage.ACCOUNT: {"address": "ユーザーアカウント", "keyword": "登録確認用キーワード"},
    RegistrantPage.MAIL_SENT: {"address": "正しいメールアドレス"},
    RegistrantPage.CONFIRM: {
        "keyword": "登録確認用キーワード",
        "password": "パスワード",
        "password_again": "パスワード（確認のためもう一度）",
    },
    RegistrantPage.PASSWORD: {"password": "パスワード", "password_again": "パスワード（確認のためもう一度）"},
}
_CORRECTED = "corrected"


@dataclass(frozen=True)
class LinkPages:
    """What the handlers behind a link have in common."""

    request: Request
    context: Context
    registrants: Annotated[Registrants, Depends(given(Registrants))]

    async def sent(self, page: RegistrantPage) -> tuple[str, dict[str, str]]:
        """Return the link and what was typed."""
        values = sent_values(await self.request.form(), "link", *_LABELS[page])
        return values.pop("link"), values

    async def limit_submissions(self) -> None:
        await self.context.auth.limit(SharedLimit.SUBMISSION, client_address(self.request))

    def trying(self) -> AbstractAsyncContextManager[None]:
        """Count what is tried behind a link, unless it is right."""
        return self.context.auth.trying((SharedLimit.CODE_FROM, client_address(self.request)))


Pages = Annotated[LinkPages, Depends()]
behind_link = form_on("..", "link")

router = page_router()


@router.get(REGISTRATION_PATH)
async def open_link(
    pages: Pages, kept: Kept, link: Annotated[str, Query()] = "", done: Annotated[str, Query()] = ""
) -> Response:
    """Show where the link leads now, and what was `done` last. Raises `LinkRefusedError`."""
    opened = await pages.registrants.open(link)
    facts = {
        "opened": opened,
        "link": link,
        "corrected": done == _CORRECTED,
        "page": kept.page(_LABELS[opened.page]),
        "rule": MYICS_PASSWORD.text,
        "keyword_length": KEYWORD_LENGTH,
    }
    return pages.context.show(pages.request, f"myics/register_{opened.page}.html", facts)


@router.post(f"{REGISTRATION_PATH}/terms")
@behind_link
async def accept_terms(pages: Pages, firms: SignedInFirms) -> Response:
    link, values = await pages.sent(RegistrantPage.TERMS)
    signed_up = await pages.registrants.accept_terms(
        link, authority=bool(values["authority"]), terms=bool(values["terms"])
    )
    if signed_up is None:
        return to(REGISTRATION_PATH, link=link)
    answer = to(HOME, done="registered")
    await firms.begin(pages.request, answer, account_id=signed_up.account_id)
    return answer


@router.post(f"{REGISTRATION_PATH}/password")
@behind_link
async def set_password(pages: Pages) -> Response:
    link, values = await pages.sent(RegistrantPage.PASSWORD)
    password = chosen_password(values)
    async with pages.trying():
        await pages.registrants.set_password(link, password)
    return to(REGISTRATION_PATH, link=link)


@router.post(f"{REGISTRATION_PATH}/account")
@behind_link
async def choose_account(pages: Pages) -> Response:
    """M2: the representative's own account; a mail checks its address."""
    link, values = await pages.sent(RegistrantPage.ACCOUNT)
    account = read_account(values["address"], values["keyword"])
    await pages.limit_submissions()
    await pages.registrants.choose_account(link, account)
    return to(REGISTRATION_PATH, link=link)


@router.post(f"{REGISTRATION_PATH}/address")
@behind_link
async def correct_address(pages: Pages) -> Response:
    """Until the address is confirmed, it can be corrected by the link with which it was chosen."""
    link, values = await pages.sent(RegistrantPage.MAIL_SENT)
    corrected = read(CorrectionForm, values)
    await pages.limit_submissions()
    await pages.registrants.correct_address(link, corrected)
    return to(REGISTRATION_PATH, link=link, done=_CORRECTED)


@router.post(f"{REGISTRATION_PATH}/confirm")
@behind_link
async def confirm(pages: Pages) -> Response:
    """M3: behind the link in that mail, the keyword again and a password."""
    link, values = await pages.sent(RegistrantPage.CONFIRM)
    try:
        keyword = read_keyword(values["keyword"])
    except RefusedError as refused:  # with what is wrong with the password, if anything is
        errors = errors_by_field(refused.errors, values)
        raise FormRefusedError(errors | _password_errors(values)) from None
    password = chosen_password(values)
    async with pages.trying():
        opened = await pages.registrants.open(link)
        await pages.registrants.confirm(link, keyword, password)
    answer = to(SIGN_IN, done="registered", customer_no=opened.holder_no)
    owner = account_name(opened.holder_no, opened.address)
    pages.context.auth.devices.remember(pages.request, answer, MyicsGuess.SIGN_IN, owner)
    return answer


def chosen_password(values: Mapping[str, str]) -> str:
    """Return the password that was typed twice (M6); one that cannot be used costs neither a try nor a hash."""
    if errors := _password_errors(values):
        raise FormRefusedError(errors)
    return values["password"]


def _password_errors(values: Mapping[str, str]) -> dict[str, str]:
    errors = {}
    if refusal := MYICS_PASSWORD.refusal(values["password"]):
        errors["password"] = refusal
    if not values["password_again"]:
        errors["password_again"] = NOT_TYPED
    elif not refusal and values["password"] != values["password_again"]:
        errors["password_again"] = OTHER_PASSWORD
    return errors


def to(path: str, **query: str) -> RedirectResponse:
    """Lead on to a page."""
    return RedirectResponse(f"{path}?{urlencode(query)}" if query else path, HTTPStatus.SEE_OTHER)
