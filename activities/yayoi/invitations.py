"""Invitations: mailed, and closed at their end (Y24)."""

from functools import partial

from jinja2 import Environment
from temporalio import activity

from activities.common.outbox import MailIdentity, Outbox, WrittenMail
from models.common.calendar import JST
from models.common.personal_links import PersonalLink
from models.common.secret_keys import SecretKeys
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import BusinessGroupRow, MemberInvitationRow, YayoiIdRow
from models.yayoi.member_invitations import (
    REMINDER_SUBJECT,
    SUBJECT,
    ClosedInvitation,
    CloseInvitation,
    Invitation,
    InvitationMail,
    InvitationOutcome,
    InvitationProgress,
    MailInvitation,
)
from models.yayoi.personal_links import YayoiLinkKind


class InvitationActivities:
    """Mails the personal link, and closes what was accepted, withdrawn or not answered in time."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        outbox: Outbox,
        templates: Environment,
        *,
        secret_keys: SecretKeys,
        public_url: str,
    ) -> None:
        self._sessions = sessions
        self._outbox = outbox
        self._secret_keys = secret_keys
        self._public_url = public_url.rstrip("/")
        self._template = templates.get_template("member_invitation.md")

    @activity.defn
    async def look_at_invitation(self, invitation: Invitation) -> InvitationProgress:
        """Return what was done on the pages. Reads only."""
        async with self._sessions() as session:
            row = await session.get_one(MemberInvitationRow, invitation.invitation_id)
        settled = row.accepted_at is not None or row.withdrawn_at is not None
        return InvitationProgress(link_no=row.link_no, expires_at=row.expires_at, settled=settled)

    @activity.defn
    async def mail_invitation(self, step: MailInvitation) -> InvitationMail:
        """Mail the link unless it was mailed before or no longer counts."""
        async with self._sessions() as session:
            row = await session.get_one(MemberInvitationRow, step.invitation_id)
        if row.link_no != step.link_no or row.accepted_at or row.withdrawn_at or row.closed_at:
            return InvitationMail(sent=False)
        kind = "member_invitation_reminder" if step.reminder else "member_invitation"
        key = f"invitation:{step.invitation_id}:{step.link_no}:{kind}"
        mail = MailIdentity(key=key, kind=kind, case_no=step.case_no)
        await self._outbox.send(mail, partial(self._write, step=step))
        return InvitationMail(sent=True)

    @activity.defn
    async def close_invitation(self, step: CloseInvitation) -> ClosedInvitation:
        """Close the invitation with the outcome that it has now; one that was sent again since `link_no` goes on."""
        async with self._sessions.begin() as session:
            row = await session.get_one(MemberInvitationRow, step.invitation_id, with_for_update=True)
            if row.closed_at is None:
                if row.accepted_at:
                    outcome = InvitationOutcome.ACCEPTED
                elif row.withdrawn_at or step.ended_by_operator:
                    outcome = InvitationOutcome.WITHDRAWN
                elif row.link_no > step.link_no:
                    return ClosedInvitation(outcome=None)
                else:
                    outcome = InvitationOutcome.EXPIRED
                row.closed_at, row.outcome = step.at, outcome
            return ClosedInvitation(outcome=InvitationOutcome(row.outcome or ""))

    async def _write(self, session: DatabaseSession, step: MailInvitation) -> WrittenMail:
        row = await session.get_one(MemberInvitationRow, step.invitation_id)
        link = PersonalLink(
            YayoiLinkKind.MEMBER_INVITATION,
            str(row.invitation_id),
            step.link_no,
            row.expires_at,
        )
        body = self._template.render(
            inviter=await session.get_one(YayoiIdRow, row.inviter_id),
            group=await session.get_one(BusinessGroupRow, row.group_id),
            yayoi_id=row.yayoi_id,
            until=row.expires_at.astimezone(JST),
            link=f"{self._public_url}/members/join?link={link.token(self._secret_keys)}",
            register_url=f"{self._public_url}/register",
            reminder=step.reminder,
            receipt_no=step.receipt_no,
        )
        return WrittenMail(row.yayoi_id, REMINDER_SUBJECT if step.reminder else SUBJECT, body)
