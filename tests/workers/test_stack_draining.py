"""Ctrl-C while work is in hand: it is finished first, once, and nothing that it needs stops before it."""

import asyncio
import signal
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import psutil
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from temporalio.api.enums.v1 import EventType

from models.yayoi.identifiers import application_workflow_id
from models.yayoi.mails import MailKind
from models.yayoi.procedures import Stage
from tests.support.environment import OFFICE_B
from tests.support.running_stack import running
from tests.support.stack_cases import Case, Outside, load_examples
from workers import temporal
from workers.settings import Settings
from workers.stack.places import Places
from workers.stack.stack_settings import alone

pytestmark = [pytest.mark.stack, pytest.mark.long]


class SlowInbox:
    """A real SMTP server that has got a whole mail, but says so only when it is let go."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 aiosmtpd's
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        self.reached.set()
        await self.go.wait()
        return "250 taken"


async def _logged(log: Path, text: str) -> None:
    while text not in await asyncio.to_thread(log.read_text):  # noqa: ASYNC110 another process writes
        await asyncio.sleep(0.05)


async def _attempts(settings: Settings, workflow_id: str, activity: str) -> list[int]:
    """The attempt that each activity of this type needed, in the order of their ends."""
    async with temporal.opened(settings) as client:
        history = await client.get_workflow_handle(workflow_id).fetch_history()
    ours = {
        event.event_id
        for event in history.events
        if event.activity_task_scheduled_event_attributes.activity_type.name == activity
    }
    started = [event for event in history.events if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED]
    attributes = [event.activity_task_started_event_attributes for event in started]
    return [each.attempt for each in attributes if each.scheduled_event_id in ours]


async def test_a_mail_that_is_being_taken_is_finished_before_the_stack_ends(state_dir: Path, tmp_path: Path) -> None:
    inbox = SlowInbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(inbox, enable_SMTPUTF8=True), "127.0.0.1", 0)
    settings = alone(state_dir, smtp_host="127.0.0.1", smtp_port=server.sockets[0].getsockname()[1])
    outside = Outside(settings)
    async with server, asyncio.timeout(600):
        async with running(settings, tmp_path / "first") as stack:
            await load_examples(settings)
            application_no = await outside.apply(OFFICE_B)
            await inbox.reached.wait()
            [worker] = [child for child in psutil.Process(stack.pid).children() if child.cmdline()[-1] == "worker"]
            stack.send_signal(signal.SIGINT)
            await _logged(Places(state_dir).logs / "worker.log", "Beginning worker shutdown")
            assert stack.returncode is None
            assert worker.is_running()
            inbox.go.set()
            assert await stack.wait() == 0
        in_hand = {mail["Message-ID"] for mail in inbox.mails}
        assert "had to be killed" not in (tmp_path / "first").read_text()

        async with running(settings, tmp_path / "second"):
            await Case(settings, outside, application_no).rests_at(1, Stage.SET_UP)
            attempts = await _attempts(settings, application_workflow_id(application_no), "send_mail")
    assert in_hand
    identities = [mail["Message-ID"] for mail in inbox.mails]
    assert sorted(identities) == sorted(set(identities))
    assert [mail["Subject"] for mail in inbox.mails].count(MailKind.RECEIPT.subject) == 1
    assert set(attempts) <= {1}  # none, where it was taken within the workflow task
