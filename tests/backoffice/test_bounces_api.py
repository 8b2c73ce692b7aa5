"""Other systems send what has come back (`POST /api/bounces`): raw or as JSON, once or many times."""

from datetime import UTC, datetime
from email.message import EmailMessage

import httpx
import pytest
from sqlalchemy import select

from models.common.bounces import MOST_BYTES
from models.tables import AuditRow, NoticeRow
from models.yayoi.case_links import case_path
from models.yayoi.identifiers import office_workflow_id
from models.yayoi.mails import MailKind
from models.yayoi.procedures import Stage
from tests.support.case_pages import SOON
from tests.support.returned_mails import answer_by_machine, report
from tests.support.web import SECRET, Web, answering, errors_of, until

ID = f"<{'0123456789' * 4}@yayoi.example>"
ANOTHER = f"<{'f' * 40}@yayoi.example>"
TO = "b@example.co.jp"
RAW = {"content-type": "message/rfc822"}


def ours(message_id: str = ID) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "desk@yayoi.example", TO, message_id
    return mail


async def sent(web: Web, case_no: str | None = None, office: int | None = None) -> None:
    """Store a mail as one that was sent."""
    async with web.sessions.begin() as session:
        session.add(
            NoticeRow(
                key=f"{case_no}:{office}:mail.completion_notice.1",
                case_no=case_no,
                part=office,
                kind=MailKind.COMPLETION_NOTICE,
                recipient=TO,
                subject=MailKind.COMPLETION_NOTICE.subject,
                message_id=ID,
                sent_at=datetime.now(UTC),
            )
        )


JSON = {"content-type": "application/json"}


async def post(web: Web, content: bytes) -> httpx.Response:
    return await web.http.post("/api/bounces", content=content, headers=RAW)


async def notice(web: Web) -> NoticeRow:
    [row] = await web.rows(select(NoticeRow).where(NoticeRow.message_id == ID))
    assert isinstance(row, NoticeRow)
    return row


@pytest.mark.parametrize("as_json", [False, True])
async def test_y18_a_returned_mail_is_stored_once_however_it_is_sent(web: Web, as_json: bool) -> None:
    await sent(web)

    async def send(content: bytes) -> str:
        answer = await (
            web.http.post("/api/bounces", json={"raw": content.decode()}) if as_json else post(web, content)
        )
        assert answer.status_code == 200, answer.text
        assert TO not in answer.text
        return str(answer.json()["outcome"])

    assert await send(report(ours(), action="delayed")) == "delayed"
    assert await send(answer_by_machine(ours())) == "ignored"
    assert await send(report(ours(ANOTHER))) == "ignored"
    assert (await notice(web)).bounced_at is None
    assert await send(report(ours())) == "stored"
    stored = await notice(web)
    assert (stored.bounce_status, stored.bounced_because) == ("5.1.1", "宛先のメールアドレスがありません。（5.1.1）")
    assert await send(report(ours(), status="5.2.2")) == "known"
    assert (await notice(web)).bounce_status == "5.1.1"


async def test_y18_the_case_is_asked_to_look_and_the_reason_is_audited_without_the_address(web: Web) -> None:
    number = await web.applied()
    await web.started(number)
    async with answering(web):
        office = await web.office(number, 1)
        await sent(web, number, 1)
        assert (await post(web, report(ours()))).json() == {"outcome": "stored"}

        async def asked() -> bool:
            return (await notice(web)).bounce_notified_at is not None

        await until(asked)
        names = [
            event.workflow_execution_signaled_event_attributes.signal_name
            async for event in office.fetch_history_events()
            if event.HasField("workflow_execution_signaled_event_attributes")
        ]
    assert office.id == office_workflow_id(number, 1)
    assert names == ["mail_returned"]
    of_the_system = select(AuditRow).where(AuditRow.by == "system:anonymous", AuditRow.action.contains("届かずに"))
    [row] = await web.rows(of_the_system)
    assert (row.case_no, row.part) == (number, 1)
    assert TO not in str(row.facts)
    assert str(row.action) == f"メールが届かずに戻った：{MailKind.COMPLETION_NOTICE.subject}"


async def test_the_customer_reads_on_the_page_that_the_notice_came_back(web: Web) -> None:
    number = await web.applied()
    await web.started(number)
    await sent(web, number, 1)
    await web.waits_at(number, 1, Stage.SET_UP)
    words = "お知らせメールが、弥生ID（b@example.co.jp）に届かずに戻りました"
    page = case_path(SECRET, number, SOON)
    assert words not in (await web.http.get(page)).text
    await post(web, report(ours()))
    assert words in (await web.http.get(page)).text


@pytest.mark.parametrize(
    ("content", "headers", "field"),
    [
        (b"", RAW, ""),
        (b"{}", JSON, "raw"),
        (b'{"raw": ""}', JSON, "raw"),
        (b"From: someone", JSON, ""),
        (b'{"raw": "From: a", "case": "A-1"}', JSON, "case"),
    ],
)
async def test_what_is_no_mail_is_refused(web: Web, content: bytes, headers: dict[str, str], field: str) -> None:
    answer = await web.http.post("/api/bounces", content=content, headers=headers)
    assert field in errors_of(answer)


async def test_a_long_mail_is_taken_and_one_without_end_is_refused(web: Web) -> None:
    await sent(web)
    assert (await post(web, report(ours()) + b"x" * MOST_BYTES)).json() == {"outcome": "stored"}
    assert (await post(web, b"x" * (2 * MOST_BYTES + 1))).status_code == 413
