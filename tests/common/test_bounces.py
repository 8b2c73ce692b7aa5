"""What is read from a returned mail: which of ours it is about, whether it has failed for good, and why."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.common.bounces import MOST_BYTES, DeliveryAction, read_returned_mail, why_returned
from tests.support.returned_mails import answer_by_machine, notice_of_qmail, report

ID = f"<{'0123456789' * 4}@yayoi.example>"
RECIPIENT = "taro@example.co.jp"
FAILED, DELAYED, OTHER = DeliveryAction


def ours(message_id: str = ID) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "desk@yayoi.example", RECIPIENT, "お知らせ"
    mail["Message-ID"] = message_id
    mail.set_content("本文", cte="base64")
    parsed = message_from_bytes(mail.as_bytes(), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


@pytest.mark.parametrize("headers_alone", [False, True])
def test_a_report_of_rfc_3464_says_which_mail_has_failed_and_why(headers_alone: bool) -> None:
    read = read_returned_mail(report(ours(), headers_alone=headers_alone))
    assert (read.action, read.status, read.message_ids) == (FAILED, "5.1.1", (ID,))


@pytest.mark.parametrize(
    ("action", "read"),
    [("failed", FAILED), ("Failed (bad)", FAILED), ("error", FAILED), ("delayed", DELAYED), ("relayed", OTHER)],
)
def test_only_what_will_not_be_delivered_has_failed(action: str, read: DeliveryAction) -> None:
    assert read_returned_mail(report(ours(), action=action, status="4.4.7")).action is read


def test_older_forms_are_read_too() -> None:
    read = read_returned_mail(notice_of_qmail(ours()))
    assert (read.action, read.message_ids) == (FAILED, (ID,))


def test_an_answer_by_machine_is_no_failure() -> None:
    read = read_returned_mail(answer_by_machine(ours()))
    assert (read.action, read.message_ids) == (OTHER, (ID,))


def test_a_person_who_quotes_a_returned_mail_says_nothing_of_a_failure() -> None:
    quoted = notice_of_qmail(ours()).partition(b"\r\n\r\n")[2]
    assert read_returned_mail(b"From: Taro <taro@example.co.jp>\r\n\r\n" + quoted).action is OTHER


def test_only_ids_of_our_own_form_are_read_and_the_returned_mails_own_first() -> None:
    of_another = "<20261130.1@mail.example.com>"
    assert read_returned_mail(report(ours(of_another))).message_ids == ()
    other = f"<{'f' * 40}@yayoi.example>"
    with_references = b"References: " + other.encode() + b"\r\n" + report(ours())
    assert read_returned_mail(with_references).message_ids == (ID, other)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("5.1.1", "宛先のメールアドレスがありません。（5.1.1）"),
        ("5.2.2", "宛先のメールボックスがいっぱいです。（5.2.2）"),
        ("4.4.7", "宛先のメールサーバーにつながりませんでした。（4.4.7）"),
        ("5.7.26", "宛先のメールサーバーが、受け取りを断りました。（5.7.26）"),
        ("5.9.9", "メールが届かずに戻りました。（5.9.9）"),
        (None, "メールが届かずに戻りました。（状態コードなし）"),
    ],
)
def test_the_reason_is_in_words_and_names_nobody(status: str | None, said: str) -> None:
    assert why_returned(status) == said


@given(content=st.binary(max_size=2000))
def test_whatever_arrives_is_read_without_an_error(content: bytes) -> None:
    assert read_returned_mail(content).message_ids == ()


@given(data=st.data())
def test_a_report_that_was_damaged_on_the_way_is_read_without_an_error(data: st.DataObject) -> None:
    whole = report(ours())
    first = data.draw(st.integers(0, len(whole)))
    last = data.draw(st.integers(first, len(whole)))
    read_returned_mail(whole[:first] + data.draw(st.binary(max_size=20)) + whole[last:])


def test_a_mail_that_is_too_long_is_read_from_its_beginning() -> None:
    assert read_returned_mail(report(ours()) + b"x" * 2 * MOST_BYTES).action is FAILED
    nested = b"Content-Type: message/rfc822\r\n\r\n" * 5000
    assert read_returned_mail(nested).action is OTHER


@pytest.mark.robustness("made-up input")
@pytest.mark.parametrize("line", ["", " ", ">", "> > ", "\t", "<a@b.example>: x"])
def test_a_mail_of_very_many_lines_holds_nobody_up(line: str) -> None:
    """The time for it does not grow with the square of their number: then this would not end."""
    head = b"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\n\r\n"
    returned = read_returned_mail(head + f"{line}\r\n".encode() * 400_000)
    assert returned.message_ids == ()


@pytest.mark.robustness("made-up input")
def test_what_is_quoted_is_found_on_its_own_line() -> None:
    ours = f"<{'a' * 40}@example.co.jp>"
    head = b"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\n\r\n"
    for quoted in (f"Message-ID: {ours}", f"> > message-id:{ours}", f"\t\u3000Message-Id:\r\n {ours}"):
        assert read_returned_mail(head + f"\r\n\r\n{quoted}\r\n".encode()).message_ids == (ours,), quoted
    assert read_returned_mail(head + f"Message-ID:\r\n\r\n{ours}".encode()).message_ids == ()
