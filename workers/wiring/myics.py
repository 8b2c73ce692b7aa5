"""What is built for MYICS' procedures alone."""

from functools import partial

from activities.myics.batches import RegistrationBatchActivities
from activities.myics.registration_mail import RegistrationMailActivities
from activities.myics.registration_mail_texts import RegistrationMailTexts
from activities.myics.registrations import RegistrationActivities
from models.myics.personal_links import link_path
from workers.wiring.dependencies import Activities, ActivityDependencies, activities_of
from workers.wiring.derived import desk_url, public_url, secret_keys
from workflows.myics.address_change import AddressChange
from workflows.myics.client_batch import ClientBatch
from workflows.myics.client_registration import ClientRegistration
from workflows.myics.password_renewal import PasswordRenewal
from workflows.myics.representative_registration import RepresentativeRegistration
from workflows.myics.user_invitation import UserInvitation

MYICS_WORKFLOWS = (
    RepresentativeRegistration,
    UserInvitation,
    ClientRegistration,
    PasswordRenewal,
    AddressChange,
    ClientBatch,
)


def build_myics_activities(dependencies: ActivityDependencies) -> Activities:
    """Build MYICS' activities; their `outbox` is not that of the applications, as it is another vendor's."""
    settings, sessions, ledger = dependencies.settings, dependencies.sessions, dependencies.ledger
    return activities_of(
        RegistrationActivities(sessions, ledger),
        RegistrationMailActivities(
            dependencies.outbox,
            RegistrationMailTexts(
                dependencies.templates,
                partial(link_path, secret_keys(settings)),
                public_url=public_url(settings),
                desk_url=desk_url(settings),
                desk=settings.operators_mail,
            ),
        ),
        RegistrationBatchActivities(sessions, ledger),
    )
