"""A mail server, reached by SMTP."""

import asyncio
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any, Self

import aiosmtplib
from opentelemetry import trace

from activities.common.mail_replies import is_about_the_recipient, without_address
from activities.common.outbox import MailNotTakenError, RecipientRefusedError

_TAKEN_WITHIN = 30  # seconds for the whole conversation; well below the policy for mails
_ANSWERS_WITHIN = 20  # seconds for each answer of the server


@dataclass(frozen=True)
class SmtpSecurity:
    """Whether a server is spoken to by TLS, and how its certificate is verified."""

    context: ssl.SSLContext | None
    """None: in clear."""
    from_the_first_byte: bool = False
    """Else the conversation begins in clear and changes over (STARTTLS) before anything is sent."""


IN_CLEAR = SmtpSecurity(None)


class SmtpTransport:
    """An SMTP server, one connection per mail."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        user: str | None = None,
        password: str | None = None,
        security: SmtpSecurity = IN_CLEAR,
        bounces_to: str | None = None,
    ) -> None:
        """Take where the server is; `bounces_to`: where mails come back to, else to whom they are from."""
        self._host, self._port, self._user, self._password = host, port, user, password
        self._security = security
        self._bounces_to = bounces_to

    async def send(self, mail: EmailMessage) -> None:
        with trace.get_tracer("tetsuzuki").start_as_current_span(
            "mail", kind=trace.SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
        ):
            await self._send(mail)

    async def _send(self, mail: EmailMessage) -> None:
        [recipient] = mail["To"].addresses
        [sender] = mail["From"].addresses
        # Servers repeat the address in what they say, and a failure is kept in history and logs.
        try:
            async with asyncio.timeout(_TAKEN_WITHIN), self._connection() as server:
                await server.deliver(self._bounces_to or sender.addr_spec, recipient.addr_spec, mail.as_bytes())
        except aiosmtplib.SMTPRecipientsRefused as refused:
            [first] = refused.recipients
            if is_about_the_recipient(first.code, first.message):
                said = f"メールサーバーが宛先を受け付けませんでした（SMTP {first.code}）。"
                raise RecipientRefusedError(said) from None
            raise self._not_taken(first, recipient) from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise self._not_taken(error, recipient) from None

    async def check(self) -> None:
        """Connect and log in as for a mail, and send none. Raises `MailNotTakenError`."""
        try:
            async with asyncio.timeout(_TAKEN_WITHIN), self._connection() as server:
                await server.noop()
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise self._not_taken(error) from None

    def _not_taken(self, error: Exception, recipient: Address | None = None) -> MailNotTakenError:
        """Return the error that operators read out to an engineer: which server it is, and what it did."""
        return MailNotTakenError(f"メールサーバー {self._host}:{self._port} が{_what_it_did(error, recipient)}。")

    def _connection(self) -> "_Conversation":
        security = self._security
        return _Conversation(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=security.context is not None and security.from_the_first_byte,
            start_tls=security.context is not None and not security.from_the_first_byte,
            tls_context=security.context,
            timeout=_ANSWERS_WITHIN,
        )


class _Conversation(aiosmtplib.SMTP):
    """A connection on which a mail, once its text has begun to go out, is brought to the server's answer."""

    _has_begun = False

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self

    async def deliver(self, sender: str, recipient: str, mail: bytes) -> None:
        """Send it. A server that has all of it may take it: who gave up waiting then would send it twice.

        Until then it can be cancelled, afterwards the answer counts; a server has `_ANSWERS_WITHIN` for it.
        """
        delivery = asyncio.ensure_future(self.sendmail(sender, [recipient], mail))
        try:
            await asyncio.shield(delivery)
        except asyncio.CancelledError:
            if not self._has_begun:
                delivery.cancel()
                raise
            await delivery

    async def data(self, *arguments: Any, **named: Any) -> aiosmtplib.SMTPResponse:
        self._has_begun = True
        return await super().data(*arguments, **named)


def _what_it_did(error: Exception, recipient: Address | None) -> str:
    """Say what the server answered, without the address that it may repeat; or why it cannot be spoken to."""
    name = type(error).__name__
    if isinstance(error, aiosmtplib.SMTPResponseException):
        said = without_address(error.message, recipient) if recipient else ""
        return f"SMTP {error.code} と答えました（{name}{'：' if said else ''}{said}）"
    if isinstance(error, TimeoutError) and not isinstance(error, aiosmtplib.SMTPException):
        return "時間内に答えませんでした"
    for each in (error, error.__cause__, error.__context__):
        if isinstance(each, ssl.SSLCertVerificationError):
            return f"応答しましたが、その証明書を確認できません（{each.verify_message}）"
    return f"応答しません（{name}）"
