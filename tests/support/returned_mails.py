"""Mails as servers return them: reports by RFC 3464, and what is common beside it."""

from email.message import EmailMessage
from email.policy import SMTP

REPORTER = "mx.example.net"


def report(
    mail: EmailMessage,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    headers_alone: bool = False,
    to: str = "bounces@yayoi.example",
) -> bytes:
    """Return the report of a server that could not deliver this mail of ours."""
    recipient = str(mail["To"])
    said = f"Your message to <{recipient}> could not be delivered.\r\n"
    state = (
        f"Reporting-MTA: dns; {REPORTER}\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; 550 {status} <{recipient}>: no such user\r\n"
    )
    returned = mail.as_bytes(policy=SMTP)
    kind = "text/rfc822-headers" if headers_alone else "message/rfc822"
    returned = returned.partition(b"\r\n\r\n")[0] + b"\r\n" if headers_alone else returned
    parts = (
        ("text/plain; charset=us-ascii", said.encode()),
        ("message/delivery-status", state.encode()),
        (kind, returned),
    )
    body = b"".join(
        b"--=_report\r\nContent-Type: %s\r\n\r\n%s\r\n" % (each.encode(), content) for each, content in parts
    )
    return (
        _headers(to, 'multipart/report; report-type=delivery-status; boundary="=_report"') + body + b"--=_report--\r\n"
    )


def notice_of_qmail(mail: EmailMessage, *, to: str = "bounces@yayoi.example") -> bytes:
    """Return what qmail writes: no report, the mail itself below a line."""
    said = (
        f"Hi. This is the qmail-send program at {REPORTER}.\r\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\r\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n"
        f"<{mail['To']}>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n\r\n"
        "--- Below this line is a copy of the message.\r\n\r\n"
    )
    return _headers(to, "text/plain; charset=us-ascii") + said.encode() + mail.as_bytes(policy=SMTP)


def answer_by_machine(mail: EmailMessage, *, to: str = "bounces@yayoi.example") -> bytes:
    """Return what somebody's mail program answers while they are away."""
    answer = EmailMessage(policy=SMTP)
    answer["From"], answer["To"], answer["Subject"] = str(mail["To"]), to, "Out of office"
    answer["In-Reply-To"] = answer["References"] = str(mail["Message-ID"])
    answer["Auto-Submitted"] = "auto-replied"
    answer.set_content("I am away until Monday. Your message could not be delivered to my colleagues.")
    return answer.as_bytes()


def _headers(to: str, kind: str) -> bytes:
    lines = (
        "Return-Path: <>",
        f"From: Mail Delivery System <MAILER-DAEMON@{REPORTER}>",
        f"To: {to}",
        "Subject: Undelivered Mail Returned to Sender",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f"Content-Type: {kind}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
