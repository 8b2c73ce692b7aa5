"""What is built for 弥生's procedures alone."""

from functools import partial

from activities.yayoi.address_checks import AddressCheckActivities
from activities.yayoi.case_records import CaseRecordActivities
from activities.yayoi.contracts import ContractActivities
from activities.yayoi.customer_steps import CustomerStepActivities
from activities.yayoi.desk_mails import DeskMailActivities
from activities.yayoi.drafts import DraftActivities
from activities.yayoi.ended_offices import EndedOfficeActivities
from activities.yayoi.holder_confirmation import HolderConfirmationActivities
from activities.yayoi.invitations import InvitationActivities
from activities.yayoi.mail import MailActivities
from activities.yayoi.mail_texts import MailTexts
from activities.yayoi.pair_check import PairCheck, PairCheckActivities
from activities.yayoi.service_links import LinkActivities
from activities.yayoi.sharing import SharingActivities
from activities.yayoi.smart_import import SmartImportActivities
from activities.yayoi.strangers import StrangerActivities
from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.yayoi.case_links import case_link
from web.common.strangers import end_stranger
from workers.wiring.dependencies import Activities, ActivityDependencies, activities_of
from workers.wiring.derived import desk_url, public_url, secret_keys
from workflows.yayoi.case_link_mail import CaseLinkMail
from workflows.yayoi.draft_mail import DraftMail
from workflows.yayoi.ended_office_record import EndedOfficeRecord
from workflows.yayoi.enquiry_forwarding import EnquiryForwarding
from workflows.yayoi.member_invitation import MemberInvitation
from workflows.yayoi.multi_office_application import MultiOfficeApplication
from workflows.yayoi.office_data_procedure import OfficeDataProcedure
from workflows.yayoi.password_setting import PasswordSetting
from workflows.yayoi.refused_form import RefusedForm
from workflows.yayoi.yayoi_id_registration import YayoiIdRegistration

YAYOI_WORKFLOWS = (
    MultiOfficeApplication,
    OfficeDataProcedure,
    EndedOfficeRecord,
    CaseLinkMail,
    DraftMail,
    YayoiIdRegistration,
    PasswordSetting,
    MemberInvitation,
    EnquiryForwarding,
    RefusedForm,
)


def build_yayoi_activities(dependencies: ActivityDependencies) -> Activities:
    """Build the activities of 弥生's procedures."""
    settings, sessions, ledger = dependencies.settings, dependencies.sessions, dependencies.ledger
    registry, outbox, templates = dependencies.registry, dependencies.outbox, dependencies.templates
    key, url = secret_keys(settings), public_url(settings)
    check = PairCheck(registry)
    links, steps = LinkActivities(ledger, registry.links), CustomerStepActivities(ledger, registry.yayoi_ids)
    return activities_of(
        PairCheckActivities(sessions, check),
        SmartImportActivities(sessions, ledger, registry.smart_import),
        SharingActivities(sessions, ledger, registry.sharing),
        links,
        ContractActivities(sessions, ledger, registry.contracts, registry.links),
        steps,
        EndedOfficeActivities(ledger, steps, links, OPERATION_PERMISSIONS),
        CaseRecordActivities(sessions, ledger, check),
        StrangerActivities(ledger, partial(end_stranger, dependencies.client)),
        MailActivities(sessions, outbox, _mail_texts(dependencies), registry.contracts),
        AddressCheckActivities(sessions, ledger, outbox, templates, secret_keys=key, public_url=url),
        DraftActivities(outbox, templates, secret_keys=key, public_url=url),
        InvitationActivities(sessions, outbox, templates, secret_keys=key, public_url=url),
        HolderConfirmationActivities(
            sessions, ledger, outbox, registry.contracts, templates, secret_keys=key, public_url=url
        ),
        DeskMailActivities(
            outbox, templates, registry.contracts, desk_url=desk_url(settings), desk=settings.operators_mail
        ),
    )


def _mail_texts(dependencies: ActivityDependencies) -> MailTexts:
    settings = dependencies.settings
    return MailTexts(
        dependencies.registry,
        dependencies.templates,
        partial(case_link, public_url(settings), secret_keys(settings)),
        desk_url(settings),
        settings.operators_mail,
    )
