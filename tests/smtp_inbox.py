"""The inbox of a test: what a real SMTP server has taken."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


class SmtpInbox:
    """What a real SMTP server has taken, and where it listens."""

    def __init__(self) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.mails: list[EmailMessage] = []

    def take(self, content: bytes) -> None:
        self.mails.append(message_from_bytes(content, policy=default))

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to one address, in the order of arrival."""
        return [mail for mail in self.mails if mail["To"] == address]
