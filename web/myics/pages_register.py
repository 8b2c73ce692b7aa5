"""Behind a personal link: terms, account and keyword, the address checked, password (M1 to M3, M5, M6, M8)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.passwords import PasswordKind
from models.common.refusals import RefusedError
from models.myics.accounts import KEYWORD_LENGTH
from models.myics.forms import AUTHORITY_CONSENT, TERMS_CONSENT
from models.myics.personal_links import REGISTRATION_PATH
from models.myics.store.registrants import RegistrantPage, read_account
from web.common.auth import Limit, client_address
from web.common.page_form import PageForm, sent_values
from web.myics.parts import HOME, SIGN_IN, MyicsContext, refused_form

MAIL_SENT = f"{REGISTRATION_PATH}/mail-sent"
OTHER_PASSWORD = "パスワードと一致しません。同じパスワードを、もう一度入力してください。"  # noqa: S105 a message
_LABELS: dict[RegistrantPage, dict[str, str]] = {
    RegistrantPage.TERMS: {"authority": AUTHORITY_CONSENT, "terms": TERMS_CONSENT},
    RegistrantPage.ACCOUNT: {"address": "ユーザーアカウント", "keyword": "登録確認用キーワード"},
    RegistrantPage.CONFIRM: {
        "keyword": "登録確認用キーワード",
        "password": "パスワード",
        "password_again": "パスワード（確認のためもう一度）",
    },
    RegistrantPage.PASSWORD: {"password": "パスワード", "password_again": "パスワード（確認のためもう一度）"},
}
_NEVER_SHOWN_AGAIN = {"keyword", "password", "password_again"}


class _Links:
    """What the pages behind a link have in common."""

    def __init__(self, parts: MyicsContext) -> None:
        self._parts = parts

    async def show(self, request: Request, link: str, page: PageForm | None = None) -> Response:
        """Show where the link leads now. Raises `LinkRefusedError`."""
        opened = await self._parts.services.registrants.open(link)
        facts = {
            "opened": opened,
            "link": link,
            "page": page or PageForm(_LABELS[opened.page]),
            "rule": PasswordKind.MYICS.rule,
            "keyword_length": KEYWORD_LENGTH,
        }
        return self._parts.show(request, f"register_{opened.page}.html", facts)

    @staticmethod
    async def sent(request: Request, page: RegistrantPage) -> tuple[str, dict[str, str], PageForm]:
        """Return the link, what was typed, and the form to show again."""
        values = sent_values(await request.form(), "link", *_LABELS[page])
        link = values.pop("link")
        kept = {path: value for path, value in values.items() if path not in _NEVER_SHOWN_AGAIN}
        return link, values, PageForm(_LABELS[page], kept)


def registration_pages(parts: MyicsContext) -> APIRouter:
    """Terms and password: for representatives and users alike, in their own order."""
    router, registrants, links = parts.router(), parts.services.registrants, _Links(parts)

    @router.get(REGISTRATION_PATH)
    async def opened(request: Request, link: Annotated[str, Query()] = "") -> Response:
        return await links.show(request, link)

    @router.post(f"{REGISTRATION_PATH}/terms")
    async def terms(request: Request) -> Response:
        link, values, page = await links.sent(request, RegistrantPage.TERMS)
        try:
            signed_up = await registrants.accept_terms(
                link, authority=bool(values["authority"]), terms=bool(values["terms"])
            )
        except RefusedError as refused:
            return await links.show(request, link, page.refused({each.field: each.message for each in refused.errors}))
        if signed_up is None:
            return _go(REGISTRATION_PATH, link=link)
        answer = _go(HOME, done="registered")
        await parts.auth.firms.begin(request, answer, account_id=signed_up.account_id)
        return answer

    @router.post(f"{REGISTRATION_PATH}/password")
    async def password(request: Request) -> Response:
        link, values, page = await links.sent(request, RegistrantPage.PASSWORD)
        await registrants.open(link)  # before anything is computed for it
        if again := not_the_same(values):
            return await links.show(request, link, page.refused(again))
        try:
            await registrants.set_password(link, values["password"])
        except RefusedError as refused:
            return await links.show(request, link, refused_form(page, refused))
        return _go(REGISTRATION_PATH, link=link)

    return router


def representative_pages(parts: MyicsContext) -> APIRouter:
    """M2 and M3: the representative's own account, and the mail that checks its address."""
    router, registrants, links = parts.router(), parts.services.registrants, _Links(parts)

    @router.get(MAIL_SENT)
    async def mail_sent(request: Request) -> Response:
        return parts.show(request, "register_mail_sent.html", {})

    @router.post(f"{REGISTRATION_PATH}/account")
    async def account(request: Request) -> Response:
        link, values, page = await links.sent(request, RegistrantPage.ACCOUNT)
        await parts.auth.limit(Limit.SUBMISSION, client_address(request))
        await registrants.open(link)
        try:
            await registrants.choose_account(link, read_account(values["address"], values["keyword"]))
        except RefusedError as refused:
            return await links.show(request, link, refused_form(page, refused))
        return _go(MAIL_SENT)

    @router.post(f"{REGISTRATION_PATH}/confirm")
    async def confirm(request: Request) -> Response:
        link, values, page = await links.sent(request, RegistrantPage.CONFIRM)
        await parts.auth.limit(Limit.CODE_FROM, client_address(request))
        opened = await registrants.open(link)
        if again := not_the_same(values):
            return await links.show(request, link, page.refused(again))
        try:
            await registrants.confirm(link, values["keyword"], values["password"])
        except RefusedError as refused:
            return await links.show(request, link, refused_form(page, refused))
        return _go(SIGN_IN, done="registered", customer_no=opened.holder_no)

    return router


def not_the_same(values: Mapping[str, str]) -> dict[str, str]:
    """Return what to say of the two passwords; one that breaks the rule is told of that first."""
    if values["password"] == values["password_again"] or PasswordKind.MYICS.refusal(values["password"]):
        return {}
    return {"password_again": OTHER_PASSWORD}


def _go(place: str, **facts: str) -> RedirectResponse:
    return RedirectResponse(f"{place}?{urlencode(facts)}" if facts else place, HTTPStatus.SEE_OTHER)
