"""Members of a business group: listed, and invited by an administrator (Y24)."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.calendar import day_in_japan
from models.yayoi.deadlines import MEMBER_INVITATION_DAYS, MEMBER_INVITATION_REMINDER_DAYS
from models.yayoi.identifiers import YayoiId
from models.yayoi.store.member_invitations import NO_LONGER_OPEN, MemberGroup, MemberInvitations
from web.common.auth import SharedLimit, page_router
from web.common.context import Context, given
from web.common.page_form import PageForm, sent_values
from web.common.problems import ProblemError
from web.common.sent_forms import FormRefusedError, Kept, form_on
from web.yayoi.accounts.signed_in import SignedIn

LABELS = {"yayoi_id": "招待する弥生ID（メールアドレス）"}
ONLY_ADMINISTRATORS = "招待できるのは、事業グループの管理者だけです。管理者の方に依頼してください。"
_DONE = {
    "invited": "招待のメールを送ります。届くまで数分かかることがあります。",
    "again": "招待のメールをもう一度送ります。前のメールのリンクは使えなくなりました。",
    "withdrawn": "招待を取り下げました。",
    "joined": "事業グループに参加しました。",
}
Invitations = Annotated[MemberInvitations, Depends(given(MemberInvitations))]
router = page_router()


async def _own_group(who: SignedIn, invitations: Invitations) -> MemberGroup | None:
    return await invitations.group_of(who)


OwnGroup = Annotated[MemberGroup | None, Depends(_own_group)]


async def _administered(group: OwnGroup) -> MemberGroup:
    """Return the group that the visitor administers. Raises `ProblemError` for everybody else."""
    if group is None or not group.administrator:
        raise ProblemError(HTTPStatus.FORBIDDEN, ONLY_ADMINISTRATORS)
    return group


Administered = Annotated[MemberGroup, Depends(_administered)]


@dataclass(frozen=True)
class MembersPage:
    """The page to show: who is signed in, and the group of that ID, if it is in one."""

    request: Request
    context: Context
    who: SignedIn
    group: OwnGroup

    def show(self, form: PageForm, done: str | None = None) -> Response:
        days = [day_in_japan(row.expires_at) for row in self.group.invitations] if self.group else []
        facts = {
            "visitor": self.who,
            "group": self.group,
            "days": days,
            "page": form,
            "done": done,
            "link_days": MEMBER_INVITATION_DAYS,
            "reminder_days": MEMBER_INVITATION_REMINDER_DAYS,
        }
        return self.context.show(self.request, "yayoi/members.html", facts)


Page = Annotated[MembersPage, Depends(MembersPage)]


@router.get("/members")
async def members(page: Page, kept: Kept, done: Annotated[str, Query()] = "") -> Response:
    return page.show(kept.page(LABELS), _DONE.get(done))


@router.post("/members")
async def invite(page: Page, group: Administered, invitations: Invitations) -> Response:
    typed = sent_values(await page.request.form(), *LABELS)["yayoi_id"]
    try:
        yayoi_id = YayoiId(typed)
    except ValueError as refused:
        raise FormRefusedError({"yayoi_id": str(refused) if typed.strip() else "入力してください。"}) from None
    await page.context.auth.limit(SharedLimit.INVITATION, page.who)
    if refusal := await invitations.invite(group, page.who, yayoi_id):
        raise FormRefusedError({"yayoi_id": refusal})
    return to_members("invited")


@router.post("/members/{invitation_id}/again")
@form_on("/members")
async def send_again(page: Page, group: Administered, invitations: Invitations, invitation_id: UUID) -> Response:
    await page.context.auth.limit(SharedLimit.INVITATION, page.who)
    if refusal := await invitations.send_again(group, invitation_id):
        raise FormRefusedError({"": refusal})
    return to_members("again")


@router.get("/members/{invitation_id}/withdrawn")
async def ask_before_withdrawing(page: Page, group: Administered, invitation_id: UUID) -> Response:
    """Say what stops, and ask whether it is to."""
    invitation = next((each for each in group.invitations if each.invitation_id == invitation_id), None)
    if invitation is None:
        return page.show(PageForm(LABELS).refused({"": NO_LONGER_OPEN}))
    facts = {"visitor": page.who, "invitation": invitation, "group": group}
    return page.context.show(page.request, "yayoi/member_withdraw.html", facts)


@router.post("/members/{invitation_id}/withdrawn")
@form_on("/members")
async def withdraw(group: Administered, invitations: Invitations, invitation_id: UUID) -> Response:
    if refusal := await invitations.withdraw(group, invitation_id):
        raise FormRefusedError({"": refusal})
    return to_members("withdrawn")


def to_members(done: str) -> Response:
    return RedirectResponse(f"/members?done={done}", HTTPStatus.SEE_OTHER)
