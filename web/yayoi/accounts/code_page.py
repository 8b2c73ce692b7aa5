"""The page on which a mailed code is typed in or sent again: alike for each purpose of a check."""

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.calendar import JST
from models.common.personal_links import read_link
from models.tables import AddressCheckRow
from models.yayoi.address_checks import MOST_CODES, MOST_TRIES, CheckPurpose, receipt_no
from models.yayoi.deadlines import ADDRESS_CHECK_LASTS
from models.yayoi.passwords import YAYOI_ID_PASSWORD
from models.yayoi.personal_links import YayoiLinkKind
from models.yayoi.store.address_checks import AddressChecks, Effect, NoCheckError, read_code
from web.common.auth import SharedLimit, client_address, page_router
from web.common.context import Context, given
from web.common.page_form import PageForm
from web.common.problems import ProblemError
from web.common.sent_forms import FormRefusedError, Kept, form_on
from web.yayoi.limits import YayoiGuess, YayoiLimit

_HOURS = ADDRESS_CHECK_LASTS // timedelta(hours=1)
CODE = "code"
CODE_LABELS = {
    CODE: "確認コード",
    "password": "新しいパスワード",
    "password_confirmation": "新しいパスワード（確認のためもう一度）",
}
"""Only for a new password the page asks for one, too."""
_PURPOSES = {"register": CheckPurpose.REGISTRATION, "password": CheckPurpose.NEW_PASSWORD}

router = page_router()
Checks = Annotated[AddressChecks, Depends(given(AddressChecks))]


@dataclass(frozen=True)
class CodePage:
    """The page of one check, in one request."""

    request: Request
    context: Context
    checks: Checks
    check_id: UUID

    @property
    def name(self) -> str:
        """What its address and its templates begin with: `register` or `password`."""
        return self.request.url.path.split("/")[1]

    @property
    def path(self) -> str:
        return f"/{self.name}/{self.check_id}"

    @property
    def purpose(self) -> CheckPurpose:
        return _PURPOSES[self.name]

    async def show(self, form: PageForm, *, link: str = "") -> Response:
        """Show the page; one whose check is finished leads on. `link`: what proves the mail without its code."""
        row = await self.row()
        if row.finished_at is not None:
            return self.done()
        facts = {
            "page": form,
            "link": link,
            "place": self.path,
            "address": masked(row.yayoi_id),
            "until": row.code_until.astimezone(JST),
            "receipt_no": receipt_no(row.check_id),
            "again": row.code_no < MOST_CODES,
            "most_tries": MOST_TRIES,
            "rule": YAYOI_ID_PASSWORD.text,
        }
        return self.context.show(self.request, f"yayoi/{self.name}_code.html", facts)

    async def enter(self, typed: str, effect: Effect) -> Response:
        """Take the code that was typed; the page says why it was refused."""
        code = read_code(typed)
        async with self.context.auth.trying((SharedLimit.CODE_FROM, client_address(self.request))):
            try:
                refusal = await self.checks.enter(self.purpose, self.check_id, code, effect)
            except NoCheckError as gone:
                raise self.gone(gone.explanation) from None
            if refusal:
                raise FormRefusedError({CODE: refusal})
        return await self.finished()

    async def open_link(self, effect: Effect) -> Response:
        """Do what the check is for, for whoever has opened the link in its mail: it proves what the code does."""
        try:
            refusal = await self.checks.finish(self.purpose, self.check_id, effect)
        except NoCheckError as gone:
            raise self.gone(gone.explanation) from None
        if refusal:
            raise FormRefusedError({"": refusal})
        return await self.finished()

    async def finished(self) -> Response:
        """Lead on. Whoever reads the address's mails gets through from here, whatever strangers have tried."""
        answer, yayoi_id = self.done(), (await self.row()).yayoi_id
        await self.context.auth.trust(self.request, answer, YayoiGuess.SIGN_IN, yayoi_id)
        return answer

    async def open_mail(self, link: str) -> Response:
        """Lead to the form whoever has opened the link in the mail of any request for this address, a stranger's, too.

        From then on their device is known for the address, and strangers no longer keep it from getting a code.
        """
        answer = RedirectResponse(f"/{self.name}", HTTPStatus.SEE_OTHER)
        opened = read_link(self.context.secret_keys, YayoiLinkKind.OWN_ADDRESS, link)
        if opened is None or opened.procedure_id != str(self.check_id):
            raise self.gone(None)
        address = (await self.row()).yayoi_id
        self.context.auth.devices.remember(self.request, answer, YayoiGuess.MAILS, address)
        return answer

    async def send_again(self) -> Response:
        await self._limit_second_mail((await self.row()).yayoi_id)
        try:
            mailed = await self.checks.send_again(self.purpose, self.check_id)
        except NoCheckError as gone:
            raise self.gone(gone.explanation) from None
        return RedirectResponse(f"{self.path}?sent={'again' if mailed else 'before'}", HTTPStatus.SEE_OTHER)

    def done(self) -> Response:
        return RedirectResponse(f"{self.path}/done", HTTPStatus.SEE_OTHER)

    async def _limit_second_mail(self, address: str) -> None:
        if self.purpose is CheckPurpose.REGISTRATION:
            await self.context.auth.limit_mails(
                self.request, YayoiGuess.MAILS, address, YayoiLimit.REGISTRATION_MAIL_DAILY
            )
        else:
            by_client = (SharedLimit.MAIL, f"{client_address(self.request)} {address}")
            await self.context.auth.limit_all(by_client, (YayoiLimit.PASSWORD_MAIL_AGAIN_DAILY, address))

    async def row(self) -> AddressCheckRow:
        try:
            return await self.checks.find(self.purpose, self.check_id)
        except NoCheckError as gone:
            raise self.gone(gone.explanation) from None

    def gone(self, explanation: str | None) -> ProblemError:
        """Say that it is no longer there; `explanation` is what the customer is to read if an operator has ended it."""
        why = f"は見つかりません。リンク（URL）が違うか、{_HOURS} 時間の期限が過ぎています。"
        if explanation is not None:
            why = f"は、弊社で終了しました。{explanation}"
        return ProblemError(
            HTTPStatus.NOT_FOUND,
            f"この{self.purpose.label}の手続き{why}お手数ですが、最初からもう一度お手続きください。",
        )


Code = Annotated[CodePage, Depends()]


@router.get("/register/{check_id:uuid}")
async def show(page: Code, kept: Kept) -> Response:
    return await page.show(kept.page(CODE_LABELS))


@router.get("/register/{check_id:uuid}/mail")
async def open_mail(page: Code, link: Annotated[str, Query()] = "") -> Response:
    return await page.open_mail(link)


@router.post("/register/{check_id:uuid}/resend")
@router.post("/password/{check_id:uuid}/resend")
@form_on("..")
async def send_again(page: Code) -> Response:
    return await page.send_again()


@router.get("/register/{check_id:uuid}/done")
@router.get("/password/{check_id:uuid}/done")
async def show_done(page: Code) -> Response:
    row = await page.row()
    if row.finished_at is None:
        return RedirectResponse(page.path, HTTPStatus.SEE_OTHER)
    # Whoever has typed the code in reads the mails of this address.
    return page.context.show(page.request, f"yayoi/{page.name}_done.html", {"yayoi_id": row.yayoi_id})


def masked(address: str) -> str:
    """Return an address that only its owner recognises, such as `ta***@example.co.jp`."""
    name, _, host = address.partition("@")
    return f"{name[:2]}***@{host}"
