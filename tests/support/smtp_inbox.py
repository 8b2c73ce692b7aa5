"""The inbox of a test: what a real SMTP server has taken."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.returned_mails import report


class SmtpInbox:
    """What a real SMTP server has taken, and where it listens."""

    def __init__(self) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.unknown: set[str] = set()
        """Addresses that are refused for good."""
        self.busy: set[str] = set()
        """Addresses that are refused for now."""
        self.returning: set[str] = set()
        """Addresses whose mails are taken, and then come back to whom the envelope names."""
        self.returned_to: Callable[[str, bytes], None] = _nowhere
        """Gets what comes back: to which address, and the report."""
        self.senders: list[str] = []
        """Whom the envelopes name, in the order of arrival."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["SmtpInbox"]:
        """Take mails at a free port."""
        loop = asyncio.get_running_loop()
        async with await loop.create_server(lambda: SMTP(self, enable_SMTPUTF8=True), self.host, 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield self

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to one address, in the order of arrival."""
        return [mail for mail in self.mails if mail["To"] == address]

    async def handle_RCPT(  # noqa: N802 aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.unknown:
            return f"550 5.1.1 <{address}>: no such user"
        if address in self.busy:
            return f"450 4.2.1 <{address}>: try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 aiosmtpd's
        content = envelope.content or b""
        mail = message_from_bytes(content if isinstance(content, bytes) else content.encode(), policy=default)
        self.mails.append(mail)
        self.senders.append(envelope.mail_from or "")
        if mail["To"] in self.returning:
            self.returned_to(self.senders[-1], report(mail))
        return "250 taken"


def _nowhere(_to: str, _report: bytes) -> None:
    """Nobody reads it."""
