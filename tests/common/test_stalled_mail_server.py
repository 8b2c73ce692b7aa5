"""A mail server that takes connections and never answers holds up mails alone: all else goes on (Y12)."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.common.outbox import MAILS_AT_ONCE
from models.yayoi.mails import MailKind
from models.yayoi.messages import SendMail
from tests.support.ending import end
from tests.support.environment import OFFICE_B, OFFICE_C, environment_with_worker, form
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import until
from workflows.yayoi.case_link_mail import CaseLinkMail

MAILS = 30


@dataclass
class StalledServer:
    """Counts who is connected."""

    connected: int = 0
    most: int = 0
    over: bool = False
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def stall(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        self.connected += 1
        self.most = max(self.most, self.connected)
        try:
            if not self.over:
                await reader.read()
        finally:
            self.connected -= 1
            await self._close(writer)

    async def close(self) -> None:
        self.over = True
        for writer in self.writers:
            await self._close(writer)

    @staticmethod
    async def _close(writer: asyncio.StreamWriter) -> None:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@dataclass(frozen=True)
class Address:
    host: str
    port: int


async def test_mails_that_a_server_takes_and_never_answers_hold_up_nothing_else(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    stalled = StalledServer()
    async with await asyncio.start_server(stalled.stall, "127.0.0.1", 0) as server:
        at = cast("SmtpInbox", Address("127.0.0.1", server.sockets[0].getsockname()[1]))
        async with environment_with_worker(sessions, temporal, at) as environment:
            case = await environment.apply(form([OFFICE_B, OFFICE_C]))
            mails = [
                await environment.client.start_workflow(
                    CaseLinkMail.run,
                    SendMail(
                        case_no=case.application_no, kind=MailKind.CASE_LINK, at=datetime.now(UTC), occurrence=number
                    ),
                    id=f"case-link/{case.application_no}/{number}",
                    task_queue=environment.settings.temporal_task_queue,
                )
                for number in range(MAILS)
            ]

            async def all_turns_are_taken() -> bool:
                return stalled.connected >= MAILS_AT_ONCE

            async def both_are_frozen() -> bool:
                return all([(await environment.office(token)).frozen_by for _, token in (OFFICE_B, OFFICE_C)])

            await until(all_turns_are_taken)
            await until(both_are_frozen)
            # As many within workflow tasks as on the mails' queue.
            assert stalled.most <= 2 * MAILS_AT_ONCE
            procedures: list[WorkflowHandle[Any, Any]] = [*mails, case.office(1), case.office(2), case.application]
            for procedure in procedures:
                await end(procedure)
            await stalled.close()
