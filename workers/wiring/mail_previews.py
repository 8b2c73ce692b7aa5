"""Writes the mail that an operation would send to the customer, from the templates that it is sent from."""

from collections.abc import Callable
from datetime import datetime

from activities.common.mail_templates import mail_templates
from activities.common.outbox import WrittenMail
from activities.myics.registration_mail_texts import RegistrationMailTexts
from activities.yayoi.mail_texts import MailTexts
from models.common.calendar import utc_now
from models.common.store.sessions import DatabaseSessions
from models.myics.operations import RegistrationOperation
from web.backoffice.mail_previews import FilledInOperation, PreviewedMail
from workers.settings import Settings
from workers.wiring.derived import desk_url, named_in_mails, public_url
from workers.wiring.office_mail_previews import OfficeMailPreviews
from workers.wiring.registration_mail_previews import RegistrationMailPreviews
from workers.wiring.root import build_registry


class CustomerMailPreviews:
    """Asks who knows the mails of the case's procedure. A link that only its customer may have is in none."""

    def __init__(
        self, sessions: DatabaseSessions, offices: OfficeMailPreviews, firms: RegistrationMailPreviews
    ) -> None:
        self._sessions = sessions
        self._offices = offices
        self._firms = firms

    async def preview(self, filled_in: FilledInOperation) -> PreviewedMail | None:
        """Return the mail; None if the operation sends none, or what was typed does not say which."""
        async with self._sessions() as session:
            if isinstance(filled_in.operation, RegistrationOperation):
                return _shown(await self._firms.write(session, filled_in))
            return _shown(await self._offices.write(session, filled_in))


def _shown(mail: WrittenMail | None) -> PreviewedMail | None:
    return PreviewedMail(mail.recipient, mail.subject, mail.body) if mail else None


def customer_mail_previews(
    settings: Settings, sessions: DatabaseSessions, now: Callable[[], datetime] = utc_now
) -> CustomerMailPreviews:
    """Build it from the settings."""
    # In a preview stands the same address for everybody: a real link would let its reader act as the customer.
    public, templates = public_url(settings).rstrip("/"), mail_templates(**named_in_mails(settings))
    of_offices = MailTexts(
        build_registry(settings),
        templates,
        lambda *_, **__: f"{public}/applications/",
        desk_url(settings),
        settings.operators_mail,
    )
    of_firms = RegistrationMailTexts(
        templates,
        lambda _: "/myics/",
        public_url=public,
        desk_url=desk_url(settings),
        desk=settings.operators_mail,
    )
    return CustomerMailPreviews(sessions, OfficeMailPreviews(of_offices, now), RegistrationMailPreviews(of_firms, now))
