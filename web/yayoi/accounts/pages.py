"""What the pages of mailed codes have in common: the page on which one is typed in, and sending it again."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.calendar import JST
from models.common.passwords import PasswordKind
from models.tables import AddressCheckRow
from models.yayoi.address_checks import MOST_CODES, MOST_TRIES, CheckPurpose, receipt_no
from models.yayoi.deadlines import ADDRESS_CHECK_LASTS
from web.common.auth import Auth, Limit, client_address, page_router
from web.common.page_form import PageForm
from web.common.problems import ProblemError
from web.yayoi.accounts.checks import AddressChecks, Effect, NoCheckError

CODE = "code"
_HOURS = ADDRESS_CHECK_LASTS // timedelta(hours=1)


class Accounts:
    """The parts that these pages share. `tell` wakes up whoever tells procedures."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        checks: AddressChecks,
        auth: Auth,
        templates: Jinja2Templates,
        tell: Callable[[], None],
    ) -> None:
        self.sessions = sessions
        self.checks = checks
        self.auth = auth
        self.tell = tell
        self._templates = templates

    def router(self) -> APIRouter:
        """Return a router of pages: forms that cannot be read are refused."""
        return page_router()

    def show(self, request: Request, template: str, page: PageForm, **facts: Any) -> Response:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if page.errors else HTTPStatus.OK
        return self._templates.TemplateResponse(request, template, {"page": page, **facts}, status)


class CodePages:
    """The pages of one purpose on which its code is typed in, sent again, and was right."""

    def __init__(
        self, accounts: Accounts, purpose: CheckPurpose, *, home: str, name: str, labels: Mapping[str, str]
    ) -> None:
        """Take where they are, and by which name their templates are called."""
        self._accounts = accounts
        self._purpose = purpose
        self._home = home
        self._name = name
        self._labels = labels

    def place(self, check_id: UUID) -> str:
        return f"{self._home}/{check_id}"

    def serve(self, router: APIRouter) -> None:
        """Add the pages that are alike for every purpose."""
        place = self._home + "/{check_id:uuid}"
        router.get(place)(self.show_empty)
        router.post(f"{place}/resend")(self.send_again)
        router.get(f"{place}/done")(self.show_done)

    async def show_empty(self, request: Request, check_id: UUID) -> Response:
        return await self.show(request, check_id, PageForm(self._labels))

    async def show(self, request: Request, check_id: UUID, page: PageForm) -> Response:
        """Show the page; one whose check is finished leads on."""
        row = await self._row(check_id)
        if row.finished_at is not None:
            return self._done(check_id)
        return self._accounts.show(request, f"yayoi/{self._name}_code.html", page, **self._facts(row))

    async def enter(self, request: Request, check_id: UUID, page: PageForm, effect: Effect) -> Response:
        """Take the code that was typed; why it was refused is told on the page."""
        await self._accounts.auth.limit(Limit.CODE_FROM, client_address(request))
        try:
            refusal = await self._accounts.checks.enter(self._purpose, check_id, page.value(CODE), effect)
        except NoCheckError:
            raise self._gone() from None
        if refusal:
            return await self.show(request, check_id, page.refused({CODE: refusal}))
        self._accounts.tell()
        return self._done(check_id)

    async def send_again(self, request: Request, check_id: UUID) -> Response:
        row = await self._row(check_id)
        await self._accounts.auth.limit(Limit.CODE_MAIL, row.yayoi_id)
        await self._accounts.auth.limit(Limit.CODE_MAIL_DAILY, row.yayoi_id)
        try:
            refusal = await self._accounts.checks.send_again(self._purpose, check_id)
        except NoCheckError:
            raise self._gone() from None
        if refusal:
            return await self.show(request, check_id, PageForm(self._labels, errors={"": refusal}))
        self._accounts.tell()
        return RedirectResponse(f"{self.place(check_id)}?sent=again", HTTPStatus.SEE_OTHER)

    async def show_done(self, request: Request, check_id: UUID) -> Response:
        if (await self._row(check_id)).finished_at is None:
            return RedirectResponse(self.place(check_id), HTTPStatus.SEE_OTHER)
        return self._accounts.show(request, f"yayoi/{self._name}_done.html", PageForm({}))

    def _done(self, check_id: UUID) -> Response:
        return RedirectResponse(f"{self.place(check_id)}/done", HTTPStatus.SEE_OTHER)

    async def _row(self, check_id: UUID) -> AddressCheckRow:
        try:
            return await self._accounts.checks.find(self._purpose, check_id)
        except NoCheckError:
            raise self._gone() from None

    def _gone(self) -> ProblemError:
        return ProblemError(
            HTTPStatus.NOT_FOUND,
            f"この{self._purpose.label}の手続きは見つかりません。アドレスが違うか、{_HOURS} 時間の期限が過ぎています。"
            "お手数ですが、最初からもう一度お手続きください。",
        )

    def _facts(self, row: AddressCheckRow) -> dict[str, Any]:
        return {
            "place": self.place(row.check_id),
            "address": masked(row.yayoi_id),
            "until": row.code_until.astimezone(JST),
            "receipt_no": receipt_no(row.check_id),
            "again": row.code_no < MOST_CODES,
            "most_tries": MOST_TRIES,
            "rule": PasswordKind.YAYOI_ID.rule,
        }


def masked(address: str) -> str:
    """Return an address that only its owner recognises, such as `ta***@example.co.jp`."""
    name, _, host = address.partition("@")
    return f"{name[:2]}***@{host}"
