"""The embedded inbox: a real SMTP server that keeps every mail as an `.eml` file instead of passing it on."""

import asyncio
import itertools
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from workers.durable_files import sync_folder
from workers.program import until_cancelled
from workers.settings import Settings
from workers.stack.places import Places

_log = logging.getLogger(__name__)

Take = Callable[[bytes], None]
"""Keeps one mail as it came, or raises; the sender learns that it was taken only after it returns."""


async def listen(host: str, port: int, take: Take) -> asyncio.Server:
    """Take mails at this address until the server is closed. Port 0: any free one."""
    handler = _Handler(take)
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # the library would write down who gets which mail
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: SMTP(handler, enable_SMTPUTF8=True, hostname="inbox.localhost", ident="tetsuzuki inbox"), host, port
    )


def text_of(mail: EmailMessage) -> str:
    """Return what a mail says as plain text, whatever other parts it has. Raises `ValueError` if it has no text."""
    return _part_of(mail, "plain")


def html_of(mail: EmailMessage) -> str:
    """Return a mail's page. Raises `ValueError` if it has none."""
    return _part_of(mail, "html")


def _part_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    if part is None:
        raise ValueError(f"the mail {mail['Subject']!r} has no {kind} part")
    return str(part.get_content())


async def serve(settings: Settings) -> None:
    """Keep mails under the state folder until cancelled."""
    folder = MailFolder(Places(settings.state_dir).mail)
    async with await listen(settings.smtp_host, settings.smtp_port, folder.take):
        await until_cancelled()


class MailFolder:
    """Mails as files whose names sort in the order of arrival; a file is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.unfinished"):  # of one that was killed: its sender has sent the mail again
            left.unlink(missing_ok=True)

    def take(self, content: bytes) -> None:
        """Keep one mail; when this returns it survives a power cut."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{next(self._numbers):06}.eml"
        unfinished = self._folder / f"{name}.unfinished"  # not yet one of `*.eml`
        try:
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(self._folder / name)
            sync_folder(self._folder)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise


class _Handler:
    def __init__(self, take: Take) -> None:
        self._take = take
        self._fails = False

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 aiosmtpd's
        content = envelope.content or b""
        try:
            self._take(content if isinstance(content, bytes) else content.encode())
        except OSError as error:
            if not self._fails:  # once: senders try again every minute
                _log.error("no mail can be kept: %s", error.strerror)
            self._fails = True
            return "452 no mail can be kept now, try again later"
        if self._fails:
            _log.warning("mails are kept again")
        self._fails = False
        return "250 taken"
