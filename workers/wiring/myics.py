"""The part of the composition root that is MYICS' own."""

from functools import partial

from activities.myics.batches import RegistrationBatchActivities
from activities.myics.registration_mail import RegistrationMailActivities
from activities.myics.registrations import RegistrationActivities
from models.common.web_ui_links import workflow_link
from workers.wiring.derived import public_url, secret_key, temporal_ui_url
from workers.wiring.yayoi import Activities, ActivityDependencies
from workflows.myics.account_unlocking import AccountUnlocking
from workflows.myics.client_batch import ClientBatch
from workflows.myics.client_registration import ClientRegistration
from workflows.myics.password_renewal import PasswordRenewal
from workflows.myics.representative_registration import RepresentativeRegistration
from workflows.myics.user_invitation import UserInvitation

MYICS_WORKFLOWS = (
    RepresentativeRegistration,
    UserInvitation,
    ClientRegistration,
    AccountUnlocking,
    PasswordRenewal,
    ClientBatch,
)


def build_myics_activities(parts: ActivityDependencies) -> Activities:
    """Build MYICS' activities; their `outbox` is not that of the applications, as it is another vendor's."""
    settings = parts.settings
    registrations = RegistrationActivities(parts.sessions, parts.ledger)
    mail = RegistrationMailActivities(
        parts.outbox,
        secret_key=secret_key(settings),
        public_url=public_url(settings),
        workflow_link=partial(workflow_link, temporal_ui_url(settings), settings.temporal_namespace),
        desk=settings.operators_mail,
    )
    batches = RegistrationBatchActivities(parts.sessions, parts.ledger)
    return [
        registrations.make_link,
        registrations.correct_address,
        registrations.unlock,
        registrations.close_registration,
        registrations.users_of_client,
        registrations.record_operation,
        registrations.assign_registration,
        mail.send_myics_mail,
        batches.process_page,
        batches.count_waiting,
        batches.close_batch,
        batches.record_batch_operation,
    ]
