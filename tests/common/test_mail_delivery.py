"""Mail travels once, in good form, and stays pending while nobody takes it (Y18)."""

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.header import decode_header, make_header

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import select, update
from temporalio.exceptions import ApplicationError

from activities.common.mail_headers import one_address
from activities.common.mail_html import html_of
from activities.common.mail_markdown import text_of as text_part_of
from activities.common.outbox import MailIdentity, MailNotTakenError, Outbox, WrittenMail
from activities.common.smtp import SmtpTransport
from models.common.calendar import day_in_japan
from models.common.messages import MAIL_REFUSED, SentMail
from models.tables import ApplicationOfficeRow, ApplicationRow, ExistingContractRow, NoticeRow
from models.yayoi.mails import MailKind
from models.yayoi.messages import SendMail
from tests.support.activity_environment import ActivityEnvironment, CrashError, CrashingSessions, activity_environment
from tests.support.activity_trials import AT, NO
from tests.support.environment import OFFICE_C, TARO, form
from tests.support.secret_key import SECRET_KEYS
from tests.support.smtp_inbox import SmtpInbox
from workers.stack import inbox
from workers.stack.inbox import text_of

RECEIPT = SendMail(case_no=NO, kind=MailKind.RECEIPT, at=AT)
SENT = "メールを送信した"


@pytest_asyncio.fixture
async def environment(registry_url: str, smtp_inbox: SmtpInbox) -> AsyncIterator[ActivityEnvironment]:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        assert await environment.apply(form([OFFICE_C])) == NO
        yield environment


async def send(environment: ActivityEnvironment, request: SendMail = RECEIPT) -> SentMail:
    answer = await environment.activities()["send_mail"](request)
    assert isinstance(answer, SentMail)
    return answer


async def pending(environment: ActivityEnvironment) -> list[bool]:
    return [sent_at is None for (sent_at,) in await environment.rows(select(NoticeRow.sent_at))]


async def refusals(environment: ActivityEnvironment) -> list[str | None]:
    return [because for (because,) in await environment.rows(select(NoticeRow.refused_because))]


async def sent_actions(environment: ActivityEnvironment) -> list[str]:
    return [action for action in await environment.actions() if action.startswith(SENT)]


async def test_y18_a_mail_is_pending_until_the_server_has_taken_it(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    with pytest.raises(CrashError):
        await environment.activities(CrashingSessions(environment.engine, commit=1, committed=True))["send_mail"](
            RECEIPT
        )
    assert await pending(environment) == [True]
    assert smtp_inbox.mails == []
    answer = await send(environment)
    assert await pending(environment) == [False]
    assert [mail["Message-ID"] for mail in smtp_inbox.mails] == [answer.message_id]


async def test_a_crash_between_the_servers_yes_and_our_commit_sends_the_same_mail_again(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    """What is left, as documented: whoever receives both can see by the Message-ID that they are one."""
    with pytest.raises(CrashError):
        await environment.activities(CrashingSessions(environment.engine, commit=2, committed=False))["send_mail"](
            RECEIPT
        )
    assert await pending(environment) == [True]
    answer = await send(environment)
    assert [mail["Message-ID"] for mail in smtp_inbox.mails] == [answer.message_id] * 2
    assert len({text_of(mail) for mail in smtp_inbox.mails}) == 1
    assert len(await sent_actions(environment)) == 1
    await send(environment)
    assert len(smtp_inbox.mails) == 2


async def test_a_server_that_refuses_leaves_the_mail_pending(environment: ActivityEnvironment) -> None:
    taken: list[bytes] = []
    refusals = 1

    def take(content: bytes) -> None:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise OSError("no space left")
        taken.append(content)

    async with await inbox.listen("127.0.0.1", 0, take) as server:
        moody = environment.activities(smtp_port=server.sockets[0].getsockname()[1])["send_mail"]
        with pytest.raises(MailNotTakenError):
            await moody(RECEIPT)
        assert await pending(environment) == [True]
        assert await sent_actions(environment) == []
        await moody(RECEIPT)
    assert await pending(environment) == [False]
    assert len(taken) == 1


async def test_a_server_that_is_away_leaves_the_mail_pending(environment: ActivityEnvironment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_at_once:
        port = closed_at_once.getsockname()[1]
    with pytest.raises(MailNotTakenError, match=rf"メールサーバー 127\.0\.0\.1:{port} が応答しません（"):
        await environment.activities(smtp_port=port)["send_mail"](RECEIPT)
    assert await pending(environment) == [True]
    await send(environment)
    assert await pending(environment) == [False]


async def test_each_kind_and_each_occurrence_is_a_mail_of_its_own(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    requests = [
        RECEIPT,
        *(
            SendMail(
                case_no=NO,
                part=1,
                kind=kind,
                at=AT,
                occurrence=occurrence,
                until=day_in_japan(AT),
                points=("共有",),
            )
            for kind in (MailKind.RELEASE_SHARING_REMINDER, MailKind.DELAY)
            for occurrence in (1, 2)
        ),
    ]
    for request in requests * 2:
        await send(environment, request)
    assert len({mail["Message-ID"] for mail in smtp_inbox.mails}) == len(smtp_inbox.mails) == len(requests)
    assert len(await sent_actions(environment)) == len(requests)


async def test_y18_japanese_headers_and_text_arrive_as_they_were_written(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    await send(environment)
    [mail] = smtp_inbox.mails
    assert mail["Subject"] == MailKind.RECEIPT.subject
    # Decoded by the RFC's letter: some versions of Python's own parser keep the space between two encoded words.
    assert str(make_header(decode_header(dict(mail.raw_items())["From"]))) == (
        "弥生株式会社 カスタマーセンター <customer-center@yayoi.example>"
    )
    assert mail["To"] == TARO
    assert mail["Message-ID"].endswith("@yayoi.example>")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "ja"
    assert "弥生 太郎 様" in text_of(mail)
    assert all(str(value).isascii() for _, value in mail.raw_items())  # every server on the way takes it


async def test_y18_a_mail_is_text_first_and_html_of_the_same_text(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    markdown = "弥生 太郎 様\n\n## 見出し\n- 項目\n\n| | |\n|-|-|\n| 申込番号 | YS-000001 |\n"

    async def write(_: object) -> WrittenMail:
        return WrittenMail(TARO, "件名", markdown)

    transport = SmtpTransport("127.0.0.1", smtp_inbox.port)
    await Outbox(environment.sessions, transport, "desk@example.co.jp", SECRET_KEYS).send(
        MailIdentity(key="a mail", kind="receipt"), write
    )
    [mail] = smtp_inbox.mails
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert [part.get_content_type() for part in (text, html)] == ["text/plain", "text/html"]
    assert {(part.get_content_charset(), part["Content-Transfer-Encoding"]) for part in (text, html)} == {
        ("utf-8", "base64")
    }
    assert text.get_content().splitlines() == text_part_of(markdown).splitlines()
    assert html.get_content().splitlines() == html_of(mail["Subject"], markdown).splitlines()


class SlowInbox:
    """A server that has got a whole mail, but says so only when it is let go."""

    def __init__(self) -> None:
        self.mails = 0
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802 aiosmtpd's
        self.mails += 1
        self.reached.set()
        await self.go.wait()
        return "250 taken"


async def test_y18_a_mail_that_is_being_taken_is_not_sent_again_by_who_gave_up_waiting(
    environment: ActivityEnvironment,
) -> None:
    async def write(_: object) -> WrittenMail:
        return WrittenMail(TARO, "件名", "弥生 太郎 様")

    slow, identity = SlowInbox(), MailIdentity(key="a mail", kind="receipt")
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: SMTP(slow), "127.0.0.1", 0) as server:
        transport = SmtpTransport("127.0.0.1", server.sockets[0].getsockname()[1])
        outbox = Outbox(environment.sessions, transport, "desk@example.co.jp", SECRET_KEYS)
        given_up = asyncio.create_task(outbox.send(identity, write))
        await slow.reached.wait()
        given_up.cancel()
        again = asyncio.create_task(outbox.send(identity, write))
        slow.go.set()
        assert await again == await given_up
    assert slow.mails == 1


@pytest.mark.parametrize(
    "name",
    ["弥生\r\nBcc: thief@example.com", "弥生\nSubject: 偽物\n\n偽の本文", "弥生\r\n.\r\nMAIL FROM:<thief@example.com>"],
)
async def test_names_never_become_headers_or_commands(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox, name: str
) -> None:
    async with environment.sessions.begin() as session:
        await session.execute(update(ApplicationRow).values(family_name=name, given_name=name))
        await session.execute(update(ApplicationOfficeRow).values(office_name=name))
        await session.execute(update(ExistingContractRow).values(customer_name=name))
    await send(environment)
    [mail] = smtp_inbox.mails
    assert sorted(mail.keys()) == sorted(
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "Content-Language",
            "Content-Type",
            "MIME-Version",
        ]
    )
    assert (mail["To"], mail["Subject"]) == (TARO, MailKind.RECEIPT.subject)
    assert name.splitlines()[-1] in text_of(mail)


@pytest.mark.parametrize(
    "address",
    [
        "a@example.com\r\nBcc: thief@example.com",
        "a@example.com\u2028Bcc: thief@example.com",
        "a@example.com, thief@example.com",
        "太郎 <a@example.com>",
        "thief@example.com:a@example.com;",
        "=?utf-8?q?thief=40example=2Ecom?= <a@example.com>",
        "=?utf-8?q?thief=40example=2Ecom=3E?=@example.com",
        "a@例え.jp",
        "a@example.com\0",
        "",
    ],
)
async def test_what_is_not_exactly_one_address_is_not_sent_to(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox, address: str
) -> None:
    if "\0" not in address:  # Postgres keeps no such text
        async with environment.sessions.begin() as session:
            await session.execute(update(ExistingContractRow).values(mail_address=address))
        with pytest.raises(ApplicationError, match="メールアドレスの形が正しくありません") as refused:
            await send(environment)
        assert (refused.value.type, refused.value.non_retryable) == (MAIL_REFUSED, True)
        assert not address or address not in str(refused.value)
        assert await refusals(environment) == [str(refused.value).partition(": ")[2]]
        assert smtp_inbox.mails == []
    with pytest.raises(ValueError, match="not one mail address"):
        one_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "info+yayoi@kato.example.co.jp",
        "o'brien/accounts=!#$%&*?^_`{|}~-@example.jp",
        '"keiri, honsha"@example.jp',
        "Taro.Yayoi@EXAMPLE.JP",
        "a@xn--r8jz45g.jp",
        f"{'x' * 64}@{'d' * 60}.{'e' * 60}.example.jp",
    ],
)
async def test_odd_but_valid_addresses_are_sent_to_as_they_are(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox, address: str
) -> None:
    async with environment.sessions.begin() as session:
        await session.execute(update(ExistingContractRow).values(mail_address=address))
    await send(environment)
    [mail] = smtp_inbox.mails
    assert [to.addr_spec for to in mail["To"].addresses] == [address]


class Envelopes:
    """A server's handler that keeps each mail's envelope: its sender and its recipients."""

    def __init__(self) -> None:
        self.envelopes: list[tuple[str | None, list[str]]] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 aiosmtpd's
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        return "250 taken"


class Unwilling:
    """A server that refuses in its own words, and repeats the address as servers do."""

    def __init__(self, *, at: str, answer: str) -> None:
        self._at, self._answer = at, answer
        self.asked = 0

    async def handle_MAIL(  # noqa: N802 aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.asked += 1
        envelope.mail_from = address
        return self._answer if self._at == "MAIL" else "250 OK"

    async def handle_RCPT(  # noqa: N802 aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self._answer.format(address) if self._at == "RCPT" else "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 aiosmtpd's
        return self._answer.format(*envelope.rcpt_tos) if self._at == "DATA" else "250 taken"


@asynccontextmanager
async def unwilling(at: str, answer: str) -> AsyncIterator[tuple[Unwilling, int]]:
    """A server that refuses, and its port."""
    handler = Unwilling(at=at, answer=answer)
    async with await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", 0) as server:
        yield handler, server.sockets[0].getsockname()[1]


@pytest.mark.robustness("final only when sure")
@pytest.mark.parametrize(
    ("at", "answer", "expected"),
    [
        ("MAIL", "550 5.1.8 our sender", "SMTP 550 と答えました（SMTPSenderRefused：5.1.8 our sender）"),
        ("RCPT", "450 4.2.1 <{}>: later", "SMTP 450 と答えました（SMTPRecipientRefused：4.2.1 later）"),
        ("RCPT", "554 5.7.1 <{}>: relay", "SMTP 554 と答えました（SMTPRecipientRefused：5.7.1 relay）"),
        ("RCPT", "530 5.7.0 log in first", "SMTP 530 と答えました（SMTPRecipientRefused：5.7.0 log in first）"),
        (
            "RCPT",
            "550 authentication required",
            "SMTP 550 と答えました（SMTPRecipientRefused：authentication required）",
        ),
        ("RCPT", "550 <{}> not now", "SMTP 550 と答えました（SMTPRecipientRefused：not now）"),
        ("DATA", "554 5.6.0 <{}>: content", "SMTP 554 と答えました（SMTPDataError：5.6.0 content）"),
    ],
)
async def test_what_may_work_later_or_is_ours_to_fix_is_tried_again(
    environment: ActivityEnvironment, at: str, answer: str, expected: str
) -> None:
    async with unwilling(at, answer) as (_, port):
        with pytest.raises(MailNotTakenError) as failed:
            await environment.activities(smtp_port=port)["send_mail"](RECEIPT)
    assert str(failed.value) == f"メールサーバー 127.0.0.1:{port} が{expected}。"
    assert await pending(environment) == [True]
    assert await refusals(environment) == [None]
    await send(environment)
    assert await pending(environment) == [False]


@pytest.mark.parametrize(("at", "code"), [("RCPT", 550), ("RCPT", 450), ("DATA", 554)])
async def test_what_a_server_says_of_an_address_is_in_no_failure(
    environment: ActivityEnvironment, at: str, code: int
) -> None:
    """Failures are kept in histories and logs."""
    async with unwilling(at, f"{code} <{{}}>: no") as (_, port):
        with pytest.raises((MailNotTakenError, ApplicationError), match=str(code)) as failed:
            await environment.activities(smtp_port=port)["send_mail"](RECEIPT)
    assert TARO not in "".join(traceback.format_exception(failed.value))
    assert TARO not in str(await refusals(environment))


async def test_a_recipient_refused_for_good_is_kept_as_refused_and_asked_for_again_where_it_is_then(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    async with unwilling("RCPT", "550 5.1.1 <{}>: no such user") as (handler, port):
        for tries in (1, 2):
            with pytest.raises(ApplicationError) as failed:
                await environment.activities(smtp_port=port)["send_mail"](RECEIPT)
            assert (failed.value.type, failed.value.non_retryable) == (MAIL_REFUSED, True)
            assert "SMTP 550" in str(failed.value)
            assert handler.asked == tries  # asking again tries again
    assert await pending(environment) == [True]
    assert await refusals(environment) == [str(failed.value).partition(": ")[2]]
    assert await sent_actions(environment) == []
    corrected = "taro@corrected.example.jp"
    async with environment.sessions.begin() as session:
        await session.execute(update(ExistingContractRow).values(mail_address=corrected))
    await send(environment)
    [mail] = smtp_inbox.mails
    assert mail["To"] == corrected
    assert await environment.rows(select(NoticeRow.recipient, NoticeRow.refused_because)) == [(corrected, None)]
    assert await pending(environment) == [False]
    async with unwilling("RCPT", "550 5.1.1 <{}>: no such user") as (handler, port):
        await environment.activities(smtp_port=port)["send_mail"](RECEIPT)
    assert handler.asked == 0  # sent is sent


async def test_the_server_receives_the_same_two_addresses_as_the_reader(environment: ActivityEnvironment) -> None:
    address = '"keiri, honsha"@example.jp'
    async with environment.sessions.begin() as session:
        await session.execute(update(ExistingContractRow).values(mail_address=address))
    handler = Envelopes()
    async with await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", 0) as server:
        await environment.activities(smtp_port=server.sockets[0].getsockname()[1])["send_mail"](RECEIPT)
    assert handler.envelopes == [("customer-center@yayoi.example", [address])]


async def test_y27_a_case_that_was_closed_is_led_on_by_no_mail(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    """As after the Reset of a workflow whose case the daily reconciliation had undone."""
    async with environment.sessions.begin() as session:
        await session.execute(update(ApplicationOfficeRow).values(closed_at=AT))
    reminder = SendMail(case_no=NO, part=1, kind=MailKind.FOLLOW_UP_REMINDER, at=AT)
    with pytest.raises(ApplicationError, match="すでに終了しています"):
        await environment.activities(smtp_port=smtp_inbox.port)["send_mail"](reminder)
    assert smtp_inbox.mails == []
