"""Joining a business group by the personal link of an invitation (Y24)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request
from fastapi.responses import Response

from models.common.personal_links import PersonalLink, PersonalLinkKind, read_link
from models.yayoi.identifiers import YayoiId
from models.yayoi.store.member_invitations import MemberInvitations, OpenInvitation
from web.common.auth import page_router
from web.common.auth.access import SignInNeededError
from web.common.context import Context, WebContext
from web.common.problems import ProblemError
from web.yayoi.accounts.signed_in import SignedIn, Visitor
from web.yayoi.customer.members import Invitations, to_members

DEAD_LINK = (
    "この招待のリンクは使えません。期限が過ぎたか、新しいリンクが送られたか、すでに参加済みか、取り下げられています。"
    "参加が必要なときは、招待した方に「もう一度送る」よう依頼してください。"
)
router = page_router()


@router.get("/members/join")
async def invitation(
    request: Request, context: Context, visitor: Visitor, invitations: Invitations, link: Annotated[str, Query()] = ""
) -> Response:
    _, opened = await _opened(context, invitations, link)
    if visitor is None and opened.registered:
        raise SignInNeededError
    return _show(request, context, visitor, opened, link)


@router.post("/members/join")
async def join(request: Request, context: Context, who: SignedIn, invitations: Invitations) -> Response:
    token = str((await request.form()).get("link", ""))
    link, opened = await _opened(context, invitations, token)
    if refusal := await invitations.accept(link, who):
        return _show(request, context, who, opened, token, refusal=refusal)
    return to_members("joined")


async def _opened(
    context: WebContext, invitations: MemberInvitations, token: str
) -> tuple[PersonalLink, OpenInvitation]:
    """Return the link and what it opens. Raises `ProblemError` if it opens nothing, or nothing any more."""
    link = read_link(context.secret_key, PersonalLinkKind.MEMBER_INVITATION, token)
    opened = await invitations.opened_by(link) if link else None
    if link is None or opened is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, DEAD_LINK)
    return link, opened


def _show(
    request: Request,
    context: WebContext,
    visitor: YayoiId | None,
    opened: OpenInvitation,
    link: str,
    *,
    refusal: str | None = None,
) -> Response:
    facts = {"visitor": visitor, "opened": opened, "link": link, "refusal": refusal}
    return context.show(request, "yayoi/member_join.html", facts, HTTPStatus.CONFLICT if refusal else None)
