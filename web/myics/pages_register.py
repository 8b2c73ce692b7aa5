"""Behind a personal link: terms, account and keyword, the address checked, password (M1 to M3, M5, M6, M8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.passwords import PasswordKind
from models.common.refusals import RefusedError
from models.myics.deadlines import KEYWORD_LENGTH
from models.myics.forms import AUTHORITY_CONSENT, TERMS_CONSENT, CorrectionForm, read
from models.myics.personal_links import REGISTRATION_PATH
from models.myics.store.registrants import RegistrantPage, Registrants, read_account
from web.common.auth import Limit, client_address, page_router
from web.common.context import Context, given
from web.common.page_form import PageForm, refused_form, sent_values
from web.myics.pages_sign_in import HOME
from web.myics.signed_in import SIGN_IN

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
_NEVER_SHOWN_AGAIN = {"keyword", "password", "password_again"}


@dataclass(frozen=True)
class LinkPages:
    """What the handlers behind a link have in common."""

    request: Request
    context: Context
    registrants: Annotated[Registrants, Depends(given(Registrants))]

    async def show(self, link: str, page: PageForm | None = None, *, done: str = "") -> Response:
        """Show where the link leads now, and what was `done` last. Raises `LinkRefusedError`."""
        opened = await self.registrants.open(link)
        facts = {
            "opened": opened,
            "link": link,
            "corrected": done == _CORRECTED,
            "page": page or PageForm(_LABELS[opened.page]),
            "rule": PasswordKind.MYICS.rule,
            "keyword_length": KEYWORD_LENGTH,
        }
        return self.context.show(self.request, f"myics/register_{opened.page}.html", facts)

    async def sent(self, page: RegistrantPage) -> tuple[str, dict[str, str], PageForm]:
        """Return the link, what was typed, and the form to show again."""
        values = sent_values(await self.request.form(), "link", *_LABELS[page])
        link = values.pop("link")
        kept = {path: value for path, value in values.items() if path not in _NEVER_SHOWN_AGAIN}
        return link, values, PageForm(_LABELS[page], kept)

    async def limit(self, limit: Limit) -> None:
        await self.context.auth.limit(limit, client_address(self.request))


Pages = Annotated[LinkPages, Depends()]

router = page_router()


@router.get(REGISTRATION_PATH)
async def open_link(pages: Pages, link: Annotated[str, Query()] = "", done: Annotated[str, Query()] = "") -> Response:
    return await pages.show(link, done=done)


@router.post(f"{REGISTRATION_PATH}/terms")
async def accept_terms(pages: Pages) -> Response:
    link, values, page = await pages.sent(RegistrantPage.TERMS)
    try:
        signed_up = await pages.registrants.accept_terms(
            link, authority=bool(values["authority"]), terms=bool(values["terms"])
        )
    except RefusedError as refused:
        return await pages.show(link, page.refused({each.field: each.message for each in refused.errors}))
    if signed_up is None:
        return to(REGISTRATION_PATH, link=link)
    answer = to(HOME, done="registered")
    await pages.context.auth.firms.begin(pages.request, answer, account_id=signed_up.account_id)
    return answer


@router.post(f"{REGISTRATION_PATH}/password")
async def set_password(pages: Pages) -> Response:
    link, values, page = await pages.sent(RegistrantPage.PASSWORD)
    await pages.registrants.open(link)  # a dead link is refused before a password is hashed for it
    if again := not_the_same(values):
        return await pages.show(link, page.refused(again))
    try:
        await pages.registrants.set_password(link, values["password"])
    except RefusedError as refused:
        return await pages.show(link, refused_form(page, refused))
    return to(REGISTRATION_PATH, link=link)


@router.post(f"{REGISTRATION_PATH}/account")
async def choose_account(pages: Pages) -> Response:
    """M2: the representative's own account; a mail checks its address."""
    link, values, page = await pages.sent(RegistrantPage.ACCOUNT)
    await pages.limit(Limit.SUBMISSION)
    await pages.registrants.open(link)
    try:
        await pages.registrants.choose_account(link, read_account(values["address"], values["keyword"]))
    except RefusedError as refused:
        return await pages.show(link, refused_form(page, refused))
    return to(REGISTRATION_PATH, link=link)


@router.post(f"{REGISTRATION_PATH}/address")
async def correct_address(pages: Pages) -> Response:
    """Until the address is confirmed, it can be corrected by the link with which it was chosen."""
    link, values, page = await pages.sent(RegistrantPage.MAIL_SENT)
    await pages.limit(Limit.SUBMISSION)
    await pages.registrants.open(link)
    try:
        await pages.registrants.correct_address(link, read(CorrectionForm, values))
    except RefusedError as refused:
        return await pages.show(link, refused_form(page, refused))
    return to(REGISTRATION_PATH, link=link, done=_CORRECTED)


@router.post(f"{REGISTRATION_PATH}/confirm")
async def confirm(pages: Pages) -> Response:
    """M3: behind the link in that mail, the keyword again and a password."""
    link, values, page = await pages.sent(RegistrantPage.CONFIRM)
    await pages.limit(Limit.CODE_FROM)
    opened = await pages.registrants.open(link)
    if again := not_the_same(values):
        return await pages.show(link, page.refused(again))
    try:
        await pages.registrants.confirm(link, values["keyword"], values["password"])
    except RefusedError as refused:
        return await pages.show(link, refused_form(page, refused))
    return to(SIGN_IN, done="registered", customer_no=opened.holder_no)


def not_the_same(values: Mapping[str, str]) -> dict[str, str]:
    """Return what to say of two passwords that differ; nothing if the first breaks the rule, which is said instead."""
    refusal = PasswordKind.MYICS.refusal(values["password"])
    if not values["password_again"]:
        return ({"password": refusal} if refusal else {}) | {"password_again": "入力してください。"}
    if values["password"] == values["password_again"] or refusal:
        return {}
    return {"password_again": OTHER_PASSWORD}


def to(path: str, **query: str) -> RedirectResponse:
    """Lead on to a page."""
    return RedirectResponse(f"{path}?{urlencode(query)}" if query else path, HTTPStatus.SEE_OTHER)
