"""Joining a business group by the personal link of an invitation (Y24)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from models.common.personal_links import PersonalLink, PersonalLinkKind, read_link
from web.common.auth import Visitor
from web.common.background_jobs import PeriodicJob
from web.common.problems import ProblemError
from web.yayoi.customer.invitations import Invitations, OpenInvitation
from web.yayoi.customer.members import done
from web.yayoi.customer.parts import Parts

DEAD_LINK = (
    "この招待のリンクは使えません。期限が過ぎたか、新しいリンクが送られたか、すでに参加済みか、取り下げられています。"
    "参加が必要なときは、招待した方に「もう一度送る」よう依頼してください。"
)


def joining_pages(parts: Parts, invitations: Invitations, telling: PeriodicJob, *, secret_key: str) -> APIRouter:
    router = parts.router()

    def show(
        request: Request, visitor: Visitor | None, opened: OpenInvitation, link: str, refusal: str | None = None
    ) -> Response:
        facts = {"visitor": visitor, "opened": opened, "link": link, "refusal": refusal}
        return parts.show(request, "yayoi/member_join.html", facts, HTTPStatus.CONFLICT if refusal else None)

    @router.get("/members/join")
    async def invitation(request: Request, link: Annotated[str, Query()] = "") -> Response:
        opened = await invitations.opened_by(_read(secret_key, link))
        if opened is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, DEAD_LINK)
        visitor = await parts.auth.visitor(request)
        if visitor is None and opened.registered:
            await parts.auth.require(request)
        return show(request, visitor, opened, link)

    @router.post("/members/join")
    async def join(request: Request) -> Response:
        visitor = await parts.auth.require(request)
        link = str((await request.form()).get("link", ""))
        read = _read(secret_key, link)
        opened = await invitations.opened_by(read)
        if opened is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, DEAD_LINK)
        if refusal := await invitations.accept(read, visitor.yayoi_id):
            return show(request, visitor, opened, link, refusal)
        telling.wake()
        return done("joined")

    return router


def _read(secret_key: str, token: str) -> PersonalLink:
    link = read_link(secret_key, PersonalLinkKind.MEMBER_INVITATION, token)
    if link is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, DEAD_LINK)
    return link
