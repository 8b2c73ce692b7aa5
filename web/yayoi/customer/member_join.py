"""Joining a business group by the personal link of an invitation (Y24)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from models.common.personal_links import PersonalLink, read_link
from models.yayoi.personal_links import YayoiLinkKind
from models.yayoi.store.member_invitations import MemberInvitations, OpenInvitation
from web.common.auth import page_router
from web.common.context import Context, WebContext
from web.common.problems import ProblemError
from web.common.sent_forms import FormRefusedError, Kept, SignInNeededError, form_on
from web.yayoi.accounts.signed_in import SignedIn, Visitor
from web.yayoi.customer.members import Invitations, to_members

DEAD_LINK = (
    "この招待のリンクは使えません。期限が過ぎたか、新しいリンクが送られたか、すでに参加済みか、取り下げられています。"
    "参加が必要なときは、招待した方に「もう一度送る」よう依頼してください。"
)
router = page_router()


@router.get("/members/join")
async def invitation(
    request: Request,
    context: Context,
    visitor: Visitor,
    invitations: Invitations,
    *,
    kept: Kept,
    link: Annotated[str, Query()] = "",
) -> Response:
    _, opened = await _opened(context, invitations, link)
    if visitor is None and opened.registered:
        raise SignInNeededError
    facts = {"visitor": visitor, "opened": opened, "link": link, "page": kept.page({})}
    return context.show(request, "yayoi/member_join.html", facts)


@router.post("/members/join")
@form_on(".", "link")
async def join(request: Request, context: Context, who: SignedIn, invitations: Invitations) -> Response:
    link, _ = await _opened(context, invitations, str((await request.form()).get("link", "")))
    if refusal := await invitations.accept(link, who):
        raise FormRefusedError({"": refusal}, HTTPStatus.CONFLICT)
    return to_members("joined")


async def _opened(
    context: WebContext, invitations: MemberInvitations, token: str
) -> tuple[PersonalLink, OpenInvitation]:
    """Return the link and what it opens. Raises `ProblemError` if it opens nothing, or nothing any more."""
    link = read_link(context.secret_keys, YayoiLinkKind.MEMBER_INVITATION, token)
    opened = await invitations.opened_by(link) if link else None
    if link is None or opened is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, DEAD_LINK)
    return link, opened
