"""Mails of a test's cases that come back."""

from datetime import UTC, datetime
from email.message import EmailMessage

from models.common.store.bounces import BounceOutcome, Bounces
from tests.support.environment import Environment
from tests.support.returned_mails import report
from web.backoffice.bounces import BounceNotifier


async def come_back(environment: Environment, mail: EmailMessage, *, status: str = "5.1.1") -> BounceOutcome:
    """Let a mail come back, and its case be asked to look."""
    outcome = await Bounces(environment.sessions, lambda: None).take(report(mail, status=status))
    await notify(environment)
    return outcome


async def notify(environment: Environment) -> None:
    """Ask the cases to look whose mails have come back, as the web does every few seconds."""
    await BounceNotifier(environment.sessions, environment.client, lambda: datetime.now(UTC)).notify_all()
