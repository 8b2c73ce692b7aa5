"""Invitations into business groups (Y24): made, sent again, withdrawn, accepted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert

from models.common.encryption import key_owner
from models.common.personal_links import PersonalLink
from models.common.store.case_keys import make_case_key
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ApplicationOfficeRow, BusinessGroupRow, GroupMemberRow, MemberInvitationRow, YayoiIdRow
from models.yayoi.deadlines import MEMBER_INVITATION_DAYS
from models.yayoi.identifiers import YayoiId
from models.yayoi.member_invitations import IN_APPLICATION, MOST_LINKS, OTHER_GROUP, Invitation
from models.yayoi.store.after_closing import is_after_closing

ALREADY_MEMBER = "この弥生ID は、すでにこの事業グループに参加しています。"
ALREADY_INVITED = "この弥生ID は招待中です。下の一覧の「もう一度送る」で、メールを送り直せます。"
NO_LONGER_OPEN = "この招待は、すでに終了しています。"
SENT_TOO_OFTEN = (
    "この招待は何度も送信されているため、これ以上送れません。取り下げてから、アドレスを確かめて招待し直してください。"
)


@dataclass(frozen=True)
class MemberGroup:
    """The business group of a Yayoi ID, and who is in it."""

    group_id: int
    name: str
    administrator: bool
    """Whether this ID administers the group, and so may invite."""
    members: Sequence[tuple[YayoiIdRow, bool]]
    """With whether each administers the group."""
    invitations: Sequence[MemberInvitationRow]
    """Those that are open; only administrators are shown them."""


@dataclass(frozen=True)
class OpenInvitation:
    """An invitation that its link still opens."""

    row: MemberInvitationRow
    group_name: str
    inviter: YayoiIdRow
    registered: bool
    """Whether the invited address is a Yayoi ID already: whoever has the link has the address."""


class MemberInvitations:
    """Reads and changes the rows; `wake` is called after each change, so that its workflow is notified at once."""

    def __init__(self, sessions: DatabaseSessions, wake: Callable[[], None], now: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._wake = wake
        self._now = now

    async def group_of(self, yayoi_id: YayoiId) -> MemberGroup | None:
        """Return the group that the ID belongs to, as it may see it; None if it belongs to none."""
        async with self._sessions() as session:
            own = await session.scalar(GroupMemberRow.of(yayoi_id))
            if own is None:
                return None
            group = await session.get_one(BusinessGroupRow, own.group_id)
            members = await session.execute(
                select(YayoiIdRow, GroupMemberRow.administrator)
                .join(GroupMemberRow, GroupMemberRow.person_id == YayoiIdRow.person_id)
                .where(GroupMemberRow.group_id == own.group_id)
                .order_by(GroupMemberRow.administrator.desc(), YayoiIdRow.yayoi_id)
            )
            invitations = await session.scalars(
                select(MemberInvitationRow)
                .where(MemberInvitationRow.group_id == own.group_id, *_is_open())
                .order_by(MemberInvitationRow.invited_at)
            )
            return MemberGroup(
                group_id=own.group_id,
                name=group.name,
                administrator=own.administrator,
                members=[(row, administrator) for row, administrator in members],
                invitations=list(invitations) if own.administrator else [],
            )

    async def invite(self, group: MemberGroup, by: YayoiId, yayoi_id: YayoiId) -> str | None:
        """Store an invitation; return why not, if not. No answer says whether the address is registered (Y24)."""
        if yayoi_id in {member.yayoi_id for member, _ in group.members}:
            return ALREADY_MEMBER
        now = self._now()
        async with self._sessions.begin() as session:
            stored = await session.scalar(
                insert(MemberInvitationRow)
                .values(
                    invitation_id=uuid4(),
                    group_id=group.group_id,
                    yayoi_id=yayoi_id,
                    inviter_id=YayoiIdRow.id_of(by),
                    invited_at=now,
                    expires_at=_expiry(now),
                    changed_at=now,
                )
                .on_conflict_do_nothing()
                .returning(MemberInvitationRow.invitation_id)
            )
            if stored is not None:
                await make_case_key(session, key_owner(Invitation.of_row(stored).workflow_id))
        if stored is None:
            return ALREADY_INVITED
        self._wake()
        return None

    async def send_again(self, group: MemberGroup, invitation_id: UUID) -> str | None:
        """Let a new link count from now on; return why not, if not. The old link opens nothing any more."""
        async with self._sessions.begin() as session:
            row = await self._open_of(session, group, invitation_id)
            if row is None:
                return NO_LONGER_OPEN
            if row.link_no >= MOST_LINKS:
                return SENT_TOO_OFTEN
            now = self._now()
            row.link_no += 1
            row.expires_at, row.changed_at = _expiry(now), now
        self._wake()
        return None

    async def withdraw(self, group: MemberGroup, invitation_id: UUID) -> str | None:
        """End an invitation; return why not, if not."""
        async with self._sessions.begin() as session:
            row = await self._open_of(session, group, invitation_id)
            if row is None:
                return NO_LONGER_OPEN
            row.withdrawn_at = row.changed_at = self._now()
        self._wake()
        return None

    async def opened_by(self, link: PersonalLink) -> OpenInvitation | None:
        """Return the invitation that this link opens now; None if it was superseded, used, withdrawn or has expired."""
        async with self._sessions() as session:
            row = await session.get(MemberInvitationRow, UUID(link.procedure_id))
            if row is None or not self._counts(row, link):
                return None
            return OpenInvitation(
                row=row,
                group_name=(await session.get_one(BusinessGroupRow, row.group_id)).name,
                inviter=await session.get_one(YayoiIdRow, row.inviter_id),
                registered=await session.scalar(YayoiIdRow.of(row.yayoi_id)) is not None,
            )

    async def accept(self, link: PersonalLink, yayoi_id: YayoiId) -> str | None:
        """Let the ID join the group, once; return why not, if not (Y3, Y24)."""
        async with self._sessions.begin() as session:
            row = await session.get(MemberInvitationRow, UUID(link.procedure_id), with_for_update=True)
            if row is None or row.yayoi_id != yayoi_id or not self._counts(row, link):
                return NO_LONGER_OPEN
            if await _is_applying(session, yayoi_id):
                return IN_APPLICATION
            joined = await session.scalar(
                insert(GroupMemberRow)
                .values(person_id=YayoiIdRow.id_of(yayoi_id), group_id=row.group_id, administrator=False)
                .on_conflict_do_nothing()
                .returning(GroupMemberRow.group_id)
            )
            if joined is None:
                member = (await session.scalars(GroupMemberRow.of(yayoi_id))).one()
                return ALREADY_MEMBER if member.group_id == row.group_id else OTHER_GROUP
            row.accepted_at = row.changed_at = self._now()
        self._wake()
        return None

    def _counts(self, row: MemberInvitationRow, link: PersonalLink) -> bool:
        return (
            link.is_open(self._now())
            and link.occurrence == row.link_no
            and row.accepted_at is None
            and row.withdrawn_at is None
            and row.closed_at is None
        )

    @staticmethod
    async def _open_of(session: DatabaseSession, group: MemberGroup, invitation_id: UUID) -> MemberInvitationRow | None:
        return await session.scalar(
            select(MemberInvitationRow)
            .where(
                MemberInvitationRow.invitation_id == invitation_id,
                MemberInvitationRow.group_id == group.group_id,
                *_is_open(),
            )
            .with_for_update()
        )


def _expiry(now: datetime) -> datetime:
    """Return until when a link opens: links are signed to the second."""
    return (now + timedelta(days=MEMBER_INVITATION_DAYS)).replace(microsecond=0)


def _is_open() -> tuple[ColumnElement[bool], ...]:
    return (
        MemberInvitationRow.accepted_at.is_(None),
        MemberInvitationRow.withdrawn_at.is_(None),
        MemberInvitationRow.closed_at.is_(None),
    )


async def _is_applying(session: DatabaseSession, yayoi_id: YayoiId) -> bool:
    """Whether the ID is to administer the group of an office that was applied for: it could not do so any more (Y3).

    What anybody may have typed, and no pair holds, keeps nobody from joining (Y1).
    """
    its_own = ApplicationOfficeRow.holds_id | is_after_closing()
    held = select(ApplicationOfficeRow.office_no).where(ApplicationOfficeRow.yayoi_id == yayoi_id, its_own)
    return await session.scalar(held.limit(1)) is not None
