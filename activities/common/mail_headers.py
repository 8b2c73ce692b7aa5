"""Japanese in headers (RFC 2047), written so that every space arrives, and addresses that are exactly one address."""

from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any

_LINE = 76
"""No line with an encoded word may be longer."""


class JapaneseHeaders(EmailPolicy):
    """As SMTP wants headers: ASCII and CRLF.

    Python's own folding loses a space that falls between two encoded words, so subject and sender are encoded here.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return the header's lines."""
        if name == "Subject":
            return self._line(name, self._words(name, str(value)))
        if name == "From" and value.addresses[0].display_name:
            [sender] = value.addresses
            return self._line(name, f"{self._words(name, sender.display_name)}{self.linesep} <{sender.addr_spec}>")
        return super().fold_binary(name, value)

    def _words(self, name: str, text: str) -> str:
        return Header(text, "utf-8", maxlinelen=_LINE, header_name=name).encode(linesep=self.linesep)

    def _line(self, name: str, encoded: str) -> bytes:
        return f"{name}: {encoded}{self.linesep}".encode("ascii")


_POLICY = JapaneseHeaders(linesep="\r\n")


def new_mail() -> EmailMessage:
    """Return a mail without headers; it refuses values with line breaks, which could become other headers."""
    return EmailMessage(policy=_POLICY)


def one_address(recipient: str) -> Address:
    """Take an address that is exactly one, in ASCII, and is read back as it was written. Raises `ValueError`."""
    try:
        address = Address(addr_spec=recipient)
    except Exception as error:  # the parser raises many kinds
        raise ValueError(_NOT_ONE) from error
    if not recipient.isascii() or address.addr_spec != recipient:
        raise ValueError(_NOT_ONE)
    return address


_NOT_ONE = "the recipient is not one mail address that mail servers take: correct it where the customer is registered"
