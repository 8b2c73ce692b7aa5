"""Returned mails are read from a mailbox: stored once, deleted only then, and what says nothing of ours is kept."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import select, update

from activities.common.mailboxes import MailboxError
from models.common.messages import BouncedMail, BouncedMails, CaseRef, ReadReturnedMails, ReturnedMailsRead
from models.tables import AuditRow, NoticeRow
from models.yayoi.mails import MailKind
from models.yayoi.messages import SendMail
from tests.support.activity_environment import (
    ActivityEnvironment,
    CrashError,
    CrashingSessions,
    activity_environment,
)
from tests.support.activity_trials import AT, NO
from tests.support.environment import OFFICE_C, TARO, form
from tests.support.imap_server import PASSWORD, USER, ImapServer
from tests.support.returned_mails import answer_by_machine, report
from tests.support.smtp_inbox import SmtpInbox
from workers.program import ClearError

RECEIPT = SendMail(case_no=NO, kind=MailKind.RECEIPT, at=AT)
Deliver = Callable[[bytes], None]
BOUNCES_TO = "bounces@yayoi.example"


@pytest_asyncio.fixture
async def environment(registry_url: str, smtp_inbox: SmtpInbox) -> AsyncIterator[ActivityEnvironment]:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        assert await environment.apply(form([OFFICE_C])) == NO
        yield environment


@pytest_asyncio.fixture
async def imap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ImapServer]:
    certificates = tmp_path / "authority.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates))
    async with ImapServer(certificates).listening() as server:
        yield server


def by_imap(imap: ImapServer) -> dict[str, Any]:
    return {
        "bounce_imap_host": imap.host,
        "bounce_imap_port": imap.port,
        "bounce_imap_user": USER,
        "bounce_imap_password": SecretStr(PASSWORD),
    }


@asynccontextmanager
async def a_mailbox(kind: str, tmp_path: Path, imap: ImapServer) -> AsyncIterator[tuple[dict[str, Any], Deliver]]:
    """Return the settings of a mailbox, and what delivers to it."""
    maildir = tmp_path / "returned"

    def deliver(content: bytes) -> None:
        (maildir / "new").mkdir(parents=True, exist_ok=True)
        count = sum(1 for _ in maildir.rglob("*.mx"))
        (maildir / "new" / f"{count:06}.mx").write_bytes(content)

    yield (by_imap(imap), imap.deliver) if kind == "imap" else ({"bounce_maildir": maildir}, deliver)


async def read(
    environment: ActivityEnvironment, settings: dict[str, Any], *, sessions: Any = None, at_most: int = 200
) -> ReturnedMailsRead:
    activity = environment.activities(sessions, **settings)["read_returned_mails"]
    answer: ReturnedMailsRead = await activity(ReadReturnedMails(at_most=at_most))
    return answer


async def sent(environment: ActivityEnvironment, inbox: SmtpInbox) -> EmailMessage:
    await environment.activities()["send_mail"](RECEIPT)
    return inbox.mails[-1]


async def bounced(environment: ActivityEnvironment) -> list[tuple[Any, ...]]:
    found = select(NoticeRow.bounce_status, NoticeRow.bounced_because).where(NoticeRow.bounced_at.is_not(None))
    return await environment.rows(found)


@pytest.mark.parametrize("kind", ["imap", "maildir"])
async def test_y18_a_mail_that_comes_back_is_stored_once_and_deleted_from_the_mailbox(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox, tmp_path: Path, imap: ImapServer, kind: str
) -> None:
    mail = await sent(environment, smtp_inbox)
    async with a_mailbox(kind, tmp_path, imap) as (settings, deliver):
        for content in (report(mail, action="delayed"), answer_by_machine(mail), report(mail), report(mail)):
            deliver(content)
        assert await read(environment, settings) == ReturnedMailsRead(stored=2, kept=2)
        assert await bounced(environment) == [("5.1.1", "宛先のメールアドレスがありません。（5.1.1）")]
        assert await read(environment, settings) == ReturnedMailsRead()
    [(row,)] = await environment.rows(
        select(AuditRow).where(AuditRow.action == f"メールが届かずに戻った：{RECEIPT.kind.subject}")
    )
    assert (row.by, row.facts) == ("メールサーバー", {"message_id": mail["Message-ID"], "status": "5.1.1"})
    assert TARO not in str(row.facts)
    kept = imap.mails if kind == "imap" else list((tmp_path / "returned" / "cur").iterdir())
    assert len(kept) == 2


async def test_what_is_made_up_changes_nothing(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox, imap: ImapServer
) -> None:
    mail = await sent(environment, smtp_inbox)
    before = await environment.everything()
    for message_id in (f"<{'a' * 40}@yayoi.example>", str(mail["Message-ID"]).replace("@", "x@")):
        forged = EmailMessage()
        forged["To"], forged["Message-ID"] = TARO, message_id
        imap.deliver(report(forged))
    assert await read(environment, by_imap(imap)) == ReturnedMailsRead(kept=2)
    assert await environment.everything() == before


async def test_nobody_can_work_out_the_message_id_of_somebody_elses_mail(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    first = await sent(environment, smtp_inbox)
    async with environment.sessions.begin() as session:
        await session.execute(update(NoticeRow).values(key="moved", message_id="<moved@yayoi.example>"))
    other = environment.activities(secret_key=SecretStr("another-secret-key-of-the-tests-0123456789"))["send_mail"]
    await other(RECEIPT)
    assert smtp_inbox.mails[-1]["Message-ID"] != first["Message-ID"]


@pytest.mark.parametrize("committed", [False, True])
async def test_a_reader_that_dies_deletes_nothing_that_is_not_stored(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox, imap: ImapServer, committed: bool
) -> None:
    imap.deliver(report(await sent(environment, smtp_inbox)))
    dying = CrashingSessions(environment.engine, commit=1, committed=committed)
    with pytest.raises(CrashError):
        await read(environment, by_imap(imap), sessions=dying)
    assert len(imap.unread) == 1
    assert len(await bounced(environment)) == committed
    assert await read(environment, by_imap(imap)) == ReturnedMailsRead(stored=1)
    assert imap.mails == []
    [(count,)] = [(len(await environment.rows(select(AuditRow).where(AuditRow.by == "メールサーバー"))),)]
    assert count == 1


@pytest.mark.parametrize("refused", ["STORE", "EXPUNGE"])
async def test_a_mailbox_that_deletes_nothing_is_read_again_without_effect(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox, imap: ImapServer, refused: str
) -> None:
    imap.deliver(report(await sent(environment, smtp_inbox)))
    imap.refuses.add(refused)
    with pytest.raises(MailboxError, match=r"127\.0\.0\.1"):
        await read(environment, by_imap(imap))
    assert len(await bounced(environment)) == 1
    imap.refuses.clear()
    await read(environment, by_imap(imap))
    assert imap.mails == []
    assert (await environment.actions()).count(f"メールが届かずに戻った：{RECEIPT.kind.subject}") == 1


async def test_a_mailbox_that_cannot_be_read_is_named_without_what_is_secret(
    environment: ActivityEnvironment, imap: ImapServer
) -> None:
    wrong = by_imap(imap) | {"bounce_imap_password": SecretStr("wrong")}
    with pytest.raises(MailboxError) as refused:
        await read(environment, wrong)
    assert str(refused.value) == f"127.0.0.1:{imap.port}: log in: error"
    with pytest.raises(MailboxError, match="select the folder: refused"):
        await read(environment, by_imap(imap) | {"bounce_imap_folder": "Returned mails"})
    with pytest.raises(MailboxError, match="connect: "):
        await read(environment, by_imap(imap) | {"bounce_imap_port": 1})


async def test_only_so_many_are_read_at_once_and_the_rest_later(
    environment: ActivityEnvironment, imap: ImapServer
) -> None:
    for _ in range(5):
        imap.deliver(b"nothing of ours")
    assert await read(environment, by_imap(imap), at_most=3) == ReturnedMailsRead(kept=3)
    assert await read(environment, by_imap(imap), at_most=3) == ReturnedMailsRead(kept=2)


async def test_without_a_mailbox_nothing_is_read(environment: ActivityEnvironment) -> None:
    assert await read(environment, {}) == ReturnedMailsRead()


def test_half_of_a_mailbox_ends_the_start(environment: ActivityEnvironment) -> None:
    for half in ({"bounce_imap_host": "imap.example.jp"}, {"bounce_imap_host": "x", "bounce_maildir": Path("/x")}):
        with pytest.raises(ClearError, match="TETSUZUKI_BOUNCE_"):
            environment.activities(**half)


async def test_mails_come_back_to_the_address_that_is_set(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    await environment.activities(bounce_address=BOUNCES_TO)["send_mail"](RECEIPT)
    assert smtp_inbox.senders == [BOUNCES_TO]
    assert "customer-center@yayoi.example" in smtp_inbox.mails[-1]["From"]


async def test_a_case_learns_of_the_newest_mail_of_each_kind_that_came_back(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox, imap: ImapServer
) -> None:
    imap.deliver(report(await sent(environment, smtp_inbox)))
    await read(environment, by_imap(imap))
    look = environment.activities()["bounced_mails"]
    because = "宛先のメールアドレスがありません。（5.1.1）"
    key = f"{NO}:-:mail.receipt.1"
    found = BouncedMails(mails=(BouncedMail(key=key, kind=MailKind.RECEIPT, because=because),))
    assert await look(CaseRef(case_no=NO)) == found
    assert await look(CaseRef(case_no=NO, part=1)) == BouncedMails(mails=())
    await environment.activities()["send_mail"](RECEIPT.model_copy(update={"asked_as": "again"}))
    assert await look(CaseRef(case_no=NO)) == BouncedMails(mails=())
