"""Saving a plan or a half-filled form, and opening it again by a mailed link.

The address of a page holds no more than a signed number. Whoever has it sees what was typed, as with a case's link.
"""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.calendar import JST
from models.tables import DraftRow
from models.yayoi.deadlines import SAVED_DRAFT_DAYS
from models.yayoi.drafts import RESUME_PATH, draft_of, draft_token, mail_no_of, receipt_no
from models.yayoi.identifiers import YayoiId
from models.yayoi.store.drafts import Drafts
from web.common.auth import SharedLimit, client_address, page_router
from web.common.context import Context, WebContext, given
from web.common.page_form import sent_values
from web.common.problems import ProblemError
from web.common.sent_forms import FormRefusedError, Kept, form_on
from web.common.submission_ids import event_id_of
from web.yayoi.limits import YayoiGuess, YayoiLimit

FIELD = "draft"
"""The field, and the part of an address, that says which draft it is."""
NOT_KEPT = (
    "保存された内容は見つかりません。お申し込みが済んだか、保存の期限が過ぎています。"
    "お手数ですが、もう一度はじめから入力してください。"
)
LABELS = {"mail_address": "メールアドレス"}
DraftsOfAll = Annotated[Drafts, Depends(given(Drafts))]

router = page_router()


@dataclass(frozen=True)
class KeptDraft:
    """A draft that is still kept, and the part of an address that opens it."""

    row: DraftRow
    query: str

    @property
    def token(self) -> str:
        return self.query.partition("=")[2]

    @property
    def until(self) -> datetime:
        return self.row.expires_at.astimezone(JST)

    @property
    def place(self) -> str:
        """The page on which it goes on: the form once it was begun, the plan before."""
        return f"/{'apply' if self.row.form else 'plan'}?{self.query}"


async def draft_of_text(context: WebContext, drafts: Drafts, text: object) -> KeptDraft | None:
    """Return the draft that a token opens; None for no token, and for what is no longer kept."""
    draft_id = draft_of(context.secret_keys, text) if isinstance(text, str) and text else None
    row = await drafts.find(draft_id) if draft_id else None
    return KeptDraft(row, urlencode({FIELD: text})) if row else None


async def _opened(
    context: Context, drafts: DraftsOfAll, typed: Kept, draft: Annotated[str, Query()] = ""
) -> KeptDraft | None:
    """Return the draft of the address, if it has one.

    Raises `ProblemError` for one that is no longer kept, unless something was typed: the page shows that without it.
    """
    kept = await draft_of_text(context, drafts, draft)
    if kept is None and draft and not typed.values:
        raise ProblemError(HTTPStatus.NOT_FOUND, NOT_KEPT)
    return kept


Draft = Annotated[KeptDraft | None, Depends(_opened)]


async def _needed(draft: Draft) -> KeptDraft:
    if draft is None:
        raise no_such_draft()
    return draft


NeededDraft = Annotated[KeptDraft, Depends(_needed)]


def token_of(context: WebContext, draft_id: UUID, expires_at: datetime) -> str:
    """Return the part of an address that opens the draft."""
    return urlencode({FIELD: draft_token(context.secret_keys, draft_id, expires_at)})


def no_such_draft() -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, NOT_KEPT)


@router.get("/drafts")
async def show(request: Request, context: Context, draft: NeededDraft, kept: Kept) -> Response:
    page = kept.page(LABELS, mail_address=draft.row.mail_address or "")
    facts = {"page": page, "event_id": uuid4(), "kept_days": SAVED_DRAFT_DAYS}
    return context.show(request, "yayoi/draft.html", _facts(draft) | facts)


@router.post("/drafts")
@form_on(".", FIELD)
async def mail(request: Request, context: Context, drafts: DraftsOfAll) -> Response:
    """Have the link mailed to the address that was typed."""
    sent = await request.form()
    draft = await _needed(await draft_of_text(context, drafts, sent.get(FIELD)))
    typed = sent_values(sent, *LABELS)["mail_address"]
    try:
        address = YayoiId(typed)
    except ValueError as refused:
        raise FormRefusedError({"mail_address": str(refused) if typed.strip() else "入力してください。"}) from None
    client = client_address(request)
    await context.auth.limit(SharedLimit.MAIL_FROM, client)
    await context.auth.limit_mails(request, YayoiGuess.MAILS, address, YayoiLimit.DRAFT_MAIL_DAILY)
    named = context.secret_keys.digest(f"draft:{client}").hex()
    if not await drafts.mail(draft.row.draft_id, address, event_id_of(sent), named):
        raise no_such_draft()
    return RedirectResponse(f"/drafts/mailed?{draft.query}", HTTPStatus.SEE_OTHER)


@router.get("/drafts/mailed")
async def mailed(request: Request, context: Context, draft: NeededDraft) -> Response:
    return context.show(request, "yayoi/draft_mailed.html", _facts(draft))


@router.get(RESUME_PATH)
async def resume(
    request: Request, context: Context, drafts: DraftsOfAll, draft: NeededDraft, mail: Annotated[str, Query()] = ""
) -> Response:
    """Go on with a draft. Whoever comes by the mail's own link reads the mails of the address to which it went."""
    answer = RedirectResponse(draft.place, HTTPStatus.SEE_OTHER)
    if draft.row.mail_address and mail_no_of(context.secret_keys, draft.row.draft_id, mail) == draft.row.mail_no:
        context.auth.devices.remember(request, answer, YayoiGuess.MAILS, draft.row.mail_address)
        await drafts.opened(draft.row.draft_id)
    return answer


def _facts(draft: KeptDraft) -> dict[str, Any]:
    return {"draft": draft, "until": draft.until, "receipt_no": receipt_no(draft.row.draft_id)}
