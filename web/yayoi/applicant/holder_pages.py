"""The pages behind the links in a mail to a contract's holder: an application is confirmed or ended there (Y5a).

Opening one changes nothing: mail scanners open links. What is asked may be sent twice: the first answer stays.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.calendar import day_in_japan
from models.common.personal_links import PersonalLinkKind, read_link
from models.yayoi.deadlines import HOLDER_MAIL_HOURS
from models.yayoi.holder_confirmation import ConfirmationOutcome
from models.yayoi.personal_links import YayoiLinkKind
from models.yayoi.procedures import Procedure
from models.yayoi.store.confirmations import HolderConfirmations, ToConfirm
from web.common.auth import page_router
from web.common.context import Context, given
from web.common.problems import ProblemError
from web.common.sent_forms import FormRefusedError, Kept, KeptForm, form_on

DEAD_LINK = (
    "このリンク（URL）は使えません。途中で切れているか、期限が過ぎています。新しいメールのリンクを開いてください。"
    "新しいメールが届いていないときは、お問い合わせ画面からお問い合わせください。"
)
ENDED_LINK = (
    "このリンク（URL）は無効になっています。確認を待っているお申し込みがあるときは、新しいリンクのメールを、"
    f"ご契約のメールアドレスにお送りします。{HOLDER_MAIL_HOURS} 時間たっても届かないときは、"
    "お問い合わせ画面からお問い合わせください。"
)
LINKS_ENDED = "/holder/links-ended"
CHANGED = "お申し込みの内容が、この画面を開いた後に訂正されました。内容をもう一度確認してください。"

router = page_router()
Confirmations = Annotated[HolderConfirmations, Depends(given(HolderConfirmations))]


@dataclass(frozen=True)
class _Question:
    """What one of the two links asks."""

    path: str
    kind: PersonalLinkKind
    settlement: ConfirmationOutcome


_CONFIRM = _Question("/holder/confirm", YayoiLinkKind.HOLDER_CONFIRMS, ConfirmationOutcome.CONFIRMED)
_END = _Question("/holder/end", YayoiLinkKind.HOLDER_ENDS, ConfirmationOutcome.REFUSED)


@dataclass(frozen=True)
class HolderPage:
    """One request of a contract's holder."""

    request: Request
    context: Context
    confirmations: Confirmations

    async def opened(self, question: _Question, token: str) -> ToConfirm:
        """Return what the link is about.

        Raises `ProblemError` for one that was not made here, has expired, or was ended.
        """
        opened, number = await self._read(question, token)
        if await self.confirmations.links_are_ended(opened, number):
            raise ProblemError(HTTPStatus.GONE, ENDED_LINK, title="このリンクは無効になっています")
        return opened

    async def _read(self, question: _Question, token: str) -> tuple[ToConfirm, int]:
        """Return what a link is about that was made here and has not expired, and the number of its mail."""
        link = read_link(self.context.secret_keys, question.kind, token)
        if link is None or not link.is_open(self.context.now()):
            raise ProblemError(HTTPStatus.NOT_FOUND, DEAD_LINK)
        if (opened := await self.confirmations.opened(link.procedure_id)) is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, DEAD_LINK)
        return opened, link.occurrence

    async def show(self, question: _Question, token: str, kept: KeptForm) -> Response:
        opened = await self.opened(question, token)
        facts = {
            "opened": opened,
            "applied_on": day_in_japan(opened.application.applied_at),
            "procedure": Procedure(opened.application.procedure),
            "confirms": question is _CONFIRM,
            "path": question.path,
            "link": token,
            "refusal": kept.errors.get("", ""),
        }
        return self.context.show(self.request, "yayoi/holder.html", facts, kept.status)

    async def answer(self, question: _Question) -> Response:
        sent = await self.request.form()
        token = str(sent.get("link", ""))
        opened = await self.opened(question, token)
        shown = str(sent.get("shown", ""))
        if not await self.confirmations.answer(opened.application.application_no, shown, question.settlement):
            raise FormRefusedError({"": CHANGED}, HTTPStatus.CONFLICT)
        return RedirectResponse(f"{question.path}?link={token}", HTTPStatus.SEE_OTHER)

    async def end_links(self, question: _Question) -> Response:
        """End every link of the holder's; pressed twice, or by one that was ended before, it ends no newer ones."""
        sent = await self.request.form()
        opened, number = await self._read(question, str(sent.get("link", "")))
        await self.confirmations.end_links(opened, number)
        return RedirectResponse(LINKS_ENDED, HTTPStatus.SEE_OTHER)


Page = Annotated[HolderPage, Depends()]
Link = Annotated[str, Query()]


@router.get(_CONFIRM.path)
async def show_confirmation(page: Page, kept: Kept, link: Link = "") -> Response:
    return await page.show(_CONFIRM, link, kept)


@router.post(_CONFIRM.path)
@form_on(".", "link")
async def confirm(page: Page) -> Response:
    return await page.answer(_CONFIRM)


@router.get(_END.path)
async def show_end(page: Page, kept: Kept, link: Link = "") -> Response:
    return await page.show(_END, link, kept)


@router.post(_END.path)
@form_on(".", "link")
async def end(page: Page) -> Response:
    return await page.answer(_END)


@router.post(f"{_CONFIRM.path}/link/end")
@form_on(None)
async def end_links_by_confirming_link(page: Page) -> Response:
    return await page.end_links(_CONFIRM)


@router.post(f"{_END.path}/link/end")
@form_on(None)
async def end_links_by_ending_link(page: Page) -> Response:
    return await page.end_links(_END)


@router.get(LINKS_ENDED)
async def show_links_ended(request: Request, context: Context) -> Response:
    return context.show(request, "yayoi/holder_links_ended.html", {"mail_hours": HOLDER_MAIL_HOURS})
