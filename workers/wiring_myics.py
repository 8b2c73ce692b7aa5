"""The part of the composition root that is MYICS' own."""

from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from activities.ledger import Ledger
from activities.outbox import Outbox
from activities.registration_batches import RegistrationBatchActivities
from activities.registration_mail import RegistrationMailActivities
from activities.registrations import RegistrationActivities
from models.case_links import workflow_link
from workers.settings import Settings
from workflows.account_unlocking import AccountUnlocking
from workflows.client_batch import ClientBatch
from workflows.client_registration import ClientRegistration
from workflows.password_renewal import PasswordRenewal
from workflows.representative_registration import RepresentativeRegistration
from workflows.user_invitation import UserInvitation

MYICS_WORKFLOWS = (
    RepresentativeRegistration,
    UserInvitation,
    ClientRegistration,
    AccountUnlocking,
    PasswordRenewal,
    ClientBatch,
)


def build_myics_activities(
    settings: Settings,
    sessions: async_sessionmaker[AsyncSession],
    ledger: Ledger,
    outbox: Outbox,
    *,
    secret_key: str,
    public_url: str,
    ui_url: str,
) -> list[Callable[..., Any]]:
    """Build MYICS' activities; its mails are from its own vendor, so that `outbox` is not that of the applications."""
    registrations = RegistrationActivities(sessions, ledger)
    mail = RegistrationMailActivities(
        outbox,
        secret_key=secret_key,
        public_url=public_url,
        workflow_link=partial(workflow_link, ui_url, settings.temporal_namespace),
        desk=settings.operators_mail,
    )
    batches = RegistrationBatchActivities(sessions, ledger)
    return [
        registrations.make_link,
        registrations.correct_address,
        registrations.unlock,
        registrations.close_registration,
        registrations.users_of_client,
        registrations.record_operation,
        registrations.assign_registration,
        mail.send_myics_mail,
        batches.work_off_page,
        batches.count_waiting,
        batches.close_batch,
        batches.record_batch_operation,
    ]
