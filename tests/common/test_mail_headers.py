"""Headers in Japanese arrive as they were written, and nothing that is filled in becomes another header."""

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import compat32, default

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from activities.common.mail_headers import new_mail, one_address
from models.backoffice.digest import DIGEST_SUBJECT
from models.backoffice.reconciliation import RECONCILIATION_SUBJECT
from models.yayoi.identifiers import YayoiId
from models.yayoi.mails import MailKind

WORDS = st.text(st.sampled_from('弥生『証憑』（管理）、。：Aa0,.;:@<>"=?_-\\𠮷 '), min_size=1, max_size=120).map(
    lambda text: " ".join(text.split())
)
_ADDRESS = "desk@example.jp"


def sent(**headers: object) -> bytes:
    mail = new_mail()
    for name, value in headers.items():
        mail[name] = value
    return mail.as_bytes()


def received(content: bytes, name: str) -> str:
    """Decode by the RFC's letter: Python's newer parser keeps some spaces between encoded words."""
    return str(make_header(decode_header(message_from_bytes(content, policy=compat32)[name])))


def in_good_form(content: bytes) -> bool:
    lines = content.split(b"\r\n")
    words = re.findall(rb"=\?utf-8\?[bq]\?[^?]*\?=", content, re.IGNORECASE)
    return (
        content.isascii()
        and b"\n" not in content.replace(b"\r\n", b"")
        and all(len(line) <= 76 for line in lines)
        and all(len(word) <= 75 for word in words)
    )


@pytest.mark.parametrize("subject", [*(kind.subject for kind in MailKind), DIGEST_SUBJECT, RECONCILIATION_SUBJECT])
def test_y18_every_subject_arrives_as_it_is(subject: str) -> None:
    content = sent(Subject=subject)
    assert received(content, "Subject") == subject
    assert in_good_form(content)


@given(WORDS.filter(bool))
@example('20あ 『）=4 =; :4"漢;=;『）?』., 4）漢D@I 漢')  # Python's own folding loses a space here
def test_any_subject_arrives_with_all_its_spaces(subject: str) -> None:
    content = sent(Subject=subject)
    assert received(content, "Subject") == subject
    assert in_good_form(content)
    assert message_from_bytes(content, policy=default).keys() == ["Subject"]


@given(st.text(st.sampled_from("弥生 株式会社センター,A"), min_size=1, max_size=60).map(lambda text: f"弥{text}生"))
def test_any_sender_arrives_with_its_name_and_its_one_address(name: str) -> None:
    content = sent(From=f'"{name}" <{_ADDRESS}>')
    assert received(content, "From") == f"{name} <{_ADDRESS}>"
    assert in_good_form(content)


def test_a_sender_without_a_name_is_an_address() -> None:
    assert sent(From=_ADDRESS) == b"From: desk@example.jp\r\n\r\n"
    assert sent(From=f"Desk <{_ADDRESS}>").endswith(b" <desk@example.jp>\r\n\r\n")


@given(
    st.text(max_size=40),
    st.sampled_from(["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]),
    st.sampled_from(["Bcc: thief@example.com", "", "\n偽の本文"]),
)
def test_a_line_break_never_makes_a_header(text: str, line_break: str, injected: str) -> None:
    value = f"a{text}{line_break}{injected}b"
    with pytest.raises(ValueError, match="linefeed"):
        new_mail()["Subject"] = value
    with pytest.raises(ValueError, match="not one mail address"):
        one_address(value)


@given(st.text(st.characters(max_codepoint=0x2FF) | st.sampled_from('@@@...,,<>"\\:;=?\r\n'), max_size=60))
@example("=?utf-8?q?thief=40example.com?=@example.jp")
@example("a@example.jp (comment)")
@example("a@example.jp,")
def test_whatever_is_taken_as_one_address_is_read_as_that_one(text: str) -> None:
    try:
        address = one_address(text)
    except ValueError:
        return
    read = message_from_bytes(sent(To=address), policy=default)
    assert read.keys() == ["To"]
    assert [each.addr_spec for each in read["To"].addresses] == [text]


_ATOMS = st.lists(st.text("abcxyz0189!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=12), min_size=1, max_size=4)
_HOSTS = st.lists(st.text("abcxyz0189", min_size=1, max_size=9), min_size=1, max_size=3)


@given(
    st.builds(lambda local, host: f"{'.'.join(local)}@{'.'.join(host)}.jp", _ATOMS, _HOSTS).filter(
        lambda text: YayoiId.pattern.fullmatch(text) and "=?" not in text  # what looks like an encoded word is refused
    )
)
def test_every_yayoi_id_can_be_sent_to(text: str) -> None:
    mail: EmailMessage = new_mail()
    mail["To"] = one_address(YayoiId(text))
    assert [each.addr_spec for each in message_from_bytes(mail.as_bytes(), policy=default)["To"].addresses] == [text]
