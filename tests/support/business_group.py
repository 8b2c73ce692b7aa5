"""A business group, its administrator's browser, and its invitations."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from sqlalchemy import select
from temporalio.client import WorkflowHandle

from models.tables import GroupMemberRow, MemberInvitationRow
from models.yayoi.member_invitations import (
    Invitation,
    InvitationOutcome,
)
from tests.support.ending import end
from tests.support.environment import OFFICE_B, Environment
from tests.support.signing import customers_signer
from tests.support.web import Web, browser_on, hidden_fields, until
from workers.stack.inbox import text_of
from workers.wiring.web import build_web
from workflows.yayoi.member_invitation import MemberInvitation

ADMINISTRATOR = "office-a@yayoi-taro.example.jp"


GUEST = OFFICE_B[0]
"""A registered Yayoi ID that belongs to no group."""


@dataclass
class Group:
    """The administrator's browser, and everything behind it."""

    web: Web
    environment: Environment

    async def invite(self, yayoi_id: str) -> httpx.Response:
        return await self.web.send("/members", {"yayoi_id": yayoi_id})

    async def row(self) -> MemberInvitationRow:
        rows = await self.environment.rows(select(MemberInvitationRow).order_by(MemberInvitationRow.invited_at.desc()))
        row: MemberInvitationRow = rows[0]
        return row

    async def change(self, action: str) -> httpx.Response:
        where = f"/members/{(await self.row()).invitation_id}/{action}"
        page = await self.web.http.get(where if action == "withdrawn" else "/members")
        return await self.web.http.post(where, data=hidden_fields(page, where))

    async def mails(self, address: str, count: int) -> list[str]:
        """Wait for the n-th mail to somebody, and return the links of all."""

        async def there() -> bool:
            return len(self.environment.inbox.to(address)) >= count

        await until(there)
        bodies = [text_of(mail) for mail in self.environment.inbox.to(address)]
        return [re.findall(r"http://web\.test(/members/join\?link=\S+)", body)[0] for body in bodies]

    async def procedure(self) -> WorkflowHandle[MemberInvitation, InvitationOutcome]:
        workflow_id = Invitation.of_row((await self.row()).invitation_id).workflow_id
        return self.environment.client.get_workflow_handle_for(MemberInvitation.run, workflow_id)

    async def ended(self) -> InvitationOutcome:
        return await (await self.procedure()).result()

    async def join(self, link: str) -> httpx.Response:
        return await self.web.send(link, {})

    async def members(self) -> dict[str, bool]:
        async with self.environment.sessions() as session:
            own = (await session.scalars(GroupMemberRow.of(ADMINISTRATOR))).one()
            rows = await session.scalars(select(GroupMemberRow).where(GroupMemberRow.group_id == own.group_id))
            return {row.person.yayoi_id: row.administrator for row in rows}


@asynccontextmanager
async def group_in(environment: Environment) -> AsyncIterator[Group]:
    """Leaves no invitation open on the server that all tests share."""
    app = build_web(environment.settings, environment.sessions, environment.client, customers_signer)
    async with (
        app.router.lifespan_context(app),
        browser_on(app) as http,
    ):
        group = Group(
            Web(app, http, environment.sessions, environment.client, environment.settings.temporal_task_queue),
            environment,
        )
        await group.web.sign_in(ADMINISTRATOR)
        yield group
        for row in await environment.rows(select(MemberInvitationRow).where(MemberInvitationRow.closed_at.is_(None))):
            invitation = Invitation.of_row(row.invitation_id)
            await end(environment.client.get_workflow_handle(invitation.workflow_id))
