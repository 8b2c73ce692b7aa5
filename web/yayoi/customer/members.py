"""Members of a business group: listed and invited by an administrator (Y24)."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.calendar import day_in_japan
from models.yayoi.deadlines import MEMBER_INVITATION_DAYS, MEMBER_INVITATION_REMINDER_DAYS
from models.yayoi.identifiers import YayoiId
from web.common.auth import Limit, Visitor
from web.common.background_jobs import PeriodicJob
from web.common.page_form import PageForm, sent_values
from web.common.problems import ProblemError
from web.yayoi.customer.invitations import Group, Invitations
from web.yayoi.customer.parts import Parts

LABELS = {"yayoi_id": "招待する弥生ID（メールアドレス）"}
ONLY_ADMINISTRATORS = "招待できるのは、事業グループの管理者だけです。管理者の方に依頼してください。"
_SAID = {
    "invited": "招待のメールを送ります。届くまで数分かかることがあります。",
    "again": "招待のメールをもう一度送ります。前のメールのリンクは使えなくなりました。",
    "withdrawn": "招待を取り下げました。",
    "joined": "事業グループに参加しました。",
}


def member_pages(parts: Parts, invitations: Invitations, telling: PeriodicJob) -> APIRouter:
    router = parts.router()

    @router.get("/members")
    async def members(request: Request, done: Annotated[str, Query()] = "") -> Response:
        visitor = await parts.auth.require(request)
        group = await invitations.group_of(visitor.yayoi_id)
        return _show(parts, request, visitor, group, PageForm(LABELS), said=_SAID.get(done))

    @router.post("/members")
    async def invite(request: Request) -> Response:
        visitor, group = await _administered(parts, invitations, request)
        form = PageForm(LABELS, sent_values(await request.form(), *LABELS))
        try:
            yayoi_id = YayoiId(form.value("yayoi_id"))
        except ValueError as refused:
            said = str(refused) if form.value("yayoi_id").strip() else "入力してください。"
            return _show(parts, request, visitor, group, form.refused({"yayoi_id": said}))
        await parts.auth.limit(Limit.INVITATION, visitor.yayoi_id)
        if refusal := await invitations.invite(group, visitor.yayoi_id, yayoi_id):
            return _show(parts, request, visitor, group, form.refused({"yayoi_id": refusal}))
        telling.wake()
        return done("invited")

    return router


def invitation_pages(parts: Parts, invitations: Invitations, telling: PeriodicJob) -> APIRouter:
    """What an administrator does with an invitation that is open."""
    router = parts.router()

    @router.post("/members/{invitation_id}/again")
    async def send_again(request: Request, invitation_id: UUID) -> Response:
        visitor, group = await _administered(parts, invitations, request)
        await parts.auth.limit(Limit.INVITATION, visitor.yayoi_id)
        if refusal := await invitations.send_again(group, invitation_id):
            return _show(parts, request, visitor, group, PageForm(LABELS).refused({"": refusal}))
        telling.wake()
        return done("again")

    @router.post("/members/{invitation_id}/withdrawn")
    async def withdraw(request: Request, invitation_id: UUID) -> Response:
        visitor, group = await _administered(parts, invitations, request)
        if refusal := await invitations.withdraw(group, invitation_id):
            return _show(parts, request, visitor, group, PageForm(LABELS).refused({"": refusal}))
        telling.wake()
        return done("withdrawn")

    return router


async def _administered(parts: Parts, invitations: Invitations, request: Request) -> tuple[Visitor, Group]:
    visitor = await parts.auth.require(request)
    group = await invitations.group_of(visitor.yayoi_id)
    if group is None or not group.administrator:
        raise ProblemError(HTTPStatus.FORBIDDEN, ONLY_ADMINISTRATORS)
    return visitor, group


def _show(
    parts: Parts, request: Request, visitor: Visitor, group: Group | None, form: PageForm, *, said: str | None = None
) -> Response:
    days = [day_in_japan(row.expires_at) for row in group.invitations] if group else []
    facts = {
        "visitor": visitor,
        "group": group,
        "days": days,
        "page": form,
        "said": said,
        "link_days": MEMBER_INVITATION_DAYS,
        "reminder_days": MEMBER_INVITATION_REMINDER_DAYS,
    }
    return parts.show(request, "yayoi/members.html", facts)


def done(what: str) -> Response:
    return RedirectResponse(f"/members?done={what}", HTTPStatus.SEE_OTHER)
