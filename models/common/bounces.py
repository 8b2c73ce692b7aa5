"""Returned mails: which of ours is meant, and whether it has failed for good (RFC 3464, and what is common beside it).

A mail is known by its Message-ID alone, which nobody but its readers and their mail servers has seen: never by an
address, which anybody can write down.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.parser import HeaderParser
from email.utils import parseaddr
from enum import StrEnum
from typing import Any

from flufl.bounce import all_failures

MOST_BYTES = 1_000_000
"""Of a returned mail: what says why it came back is at its beginning."""
MOST_LINES = 5_000
"""Likewise: each line is compared with many patterns of mail systems."""

_OURS = re.compile(r"<[0-9a-f]{40}@[^<>@\s]{1,255}>")
"""The form of our own Message-IDs (`activities.common.outbox`)."""
# Each line is looked at by itself: blanks that went on over lines would be read anew from each of them.
_IN_TEXT = re.compile(
    rf"^[> \t\u3000]*Message-ID:[ \t]*(?:\r?\n[ \t]+)?({_OURS.pattern})", re.IGNORECASE | re.MULTILINE
)
_STATUS = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})")
_WHOLE_MAILS = {"message/rfc822", "message/global"}
_HEADERS_ALONE = {"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"}
_MAIL_SYSTEMS = {"mailer-daemon", "postmaster", "mail-daemon", "maildelivery", "mailsystem", "mail-system"}


class DeliveryAction(StrEnum):
    """What a returned mail says of the mail that it is about."""

    FAILED = "failed"
    """It will not be delivered."""
    DELAYED = "delayed"
    """It is still being tried."""
    OTHER = "other"
    """Nothing of the kind: it was delivered, or somebody has answered by machine."""


@dataclass(frozen=True)
class ReturnedMail:
    """What can be read from a returned mail: no address is kept."""

    action: DeliveryAction
    status: str | None
    """Of RFC 3463, such as `5.1.1`; None where nothing says it."""
    message_ids: tuple[str, ...]
    """Which of our mails it may be about, the likeliest first."""


def read_returned_mail(content: bytes) -> ReturnedMail:
    """Read a mail as it came. What no parser understands is about none of ours."""
    try:
        mail = message_from_bytes(b"\n".join(content[:MOST_BYTES].split(b"\n", MOST_LINES)[:MOST_LINES]))
        action, status = _by_report(mail) or _by_words(mail)
        ids = tuple(dict.fromkeys(_message_ids(mail)))
    except Exception:  # noqa: BLE001 whatever somebody sends, and whatever a parser stumbles over
        return ReturnedMail(DeliveryAction.OTHER, None, ())
    return ReturnedMail(action, status, ids)


def why_returned(status: str | None) -> str:
    """Return the reason as operators read it, by the class and subject of the status (RFC 3463)."""
    return f"{_REASONS.get((status or '').partition('.')[2], _by_subject(status))}（{status or '状態コードなし'}）"


_REASONS = {
    "1.1": "宛先のメールアドレスがありません。",
    "1.2": "宛先のメールアドレスのドメインがありません。",
    "1.6": "宛先の方は、別のメールアドレスに移っています。",
    "1.10": "宛先のメールアドレスは、メールを受け取りません。",
    "2.1": "宛先のメールアドレスは、いま使われていません。",
    "2.2": "宛先のメールボックスがいっぱいです。",
    "2.3": "メールが大きすぎて、宛先で受け取れませんでした。",
}
_SUBJECTS = {
    "1": "宛先のメールアドレスが正しくありません。",
    "2": "宛先のメールボックスで受け取れませんでした。",
    "3": "宛先のメールサーバーで受け取れませんでした。",
    "4": "宛先のメールサーバーにつながりませんでした。",
    "7": "宛先のメールサーバーが、受け取りを断りました。",
}


def _by_subject(status: str | None) -> str:
    subject = status.split(".")[1] if status else ""
    return _SUBJECTS.get(subject, "メールが届かずに戻りました。")


def _by_report(mail: Message) -> tuple[DeliveryAction, str | None] | None:
    """Return what the report of RFC 3464 says; None if there is none. A mail of ours has one recipient."""
    said: list[tuple[DeliveryAction, str | None]] = []
    for block in _report_blocks(mail):
        action = str(block.get("Action", "")).strip().lower()
        found = _STATUS.search(str(block.get("Status", "")))
        status = found[0] if found else None
        if action.startswith(("fail", "error")):
            said.append((DeliveryAction.FAILED, status))
        elif action.startswith("delayed"):
            said.append((DeliveryAction.DELAYED, status))
        elif action:
            said.append((DeliveryAction.OTHER, status))
    order = list(DeliveryAction)
    return min(said, key=lambda each: order.index(each[0]), default=None)


def _report_blocks(mail: Message) -> Iterator[Message]:
    for part in mail.walk():
        if part.get_content_type() in {"message/delivery-status", "message/global-delivery-status"}:
            blocks = part.get_payload()
            if isinstance(blocks, list):
                yield from _messages(blocks)
            elif isinstance(blocks, str):  # a type that the parser does not take apart
                yield from (HeaderParser().parsestr(block) for block in re.split(r"\r?\n\r?\n", blocks))


def _by_words(mail: Message) -> tuple[DeliveryAction, str | None]:
    """Return what is said in one of the many older forms, by a mail system: people quote such mails, too."""
    if not _is_from_mail_system(mail):
        return DeliveryAction.OTHER, None
    delayed, failed = all_failures(mail)
    if failed:
        return DeliveryAction.FAILED, None
    return (DeliveryAction.DELAYED if delayed else DeliveryAction.OTHER), None


def _is_from_mail_system(mail: Message) -> bool:
    if str(mail.get("Return-Path", "")).strip() == "<>":
        return True
    return parseaddr(str(mail.get("From", "")))[1].partition("@")[0].lower() in _MAIL_SYSTEMS


def _message_ids(mail: Message) -> Iterator[str]:
    """Yield the Message-IDs of the mail that came back, then those that are spoken of."""
    for part in mail.walk():
        kind, content = part.get_content_type(), part.get_payload()
        if kind in _WHOLE_MAILS and isinstance(content, list):
            yield from (each for inner in _messages(content) for each in _in_header(inner, "Message-ID"))
        elif kind in _HEADERS_ALONE:
            headers = HeaderParser().parsestr(_text(part) if not isinstance(content, list) else str(content[0]))
            yield from _in_header(headers, "Message-ID")
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            yield from (found[1] for found in _IN_TEXT.finditer(_text(part)))
    for name in ("In-Reply-To", "References"):
        yield from _in_header(mail, name)


def _messages(parts: list[Any]) -> Iterator[Message]:
    return (part for part in parts if isinstance(part, Message))


def _in_header(mail: Message, name: str) -> list[str]:
    return [found for value in mail.get_all(name, []) for found in _OURS.findall(str(value))]


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
