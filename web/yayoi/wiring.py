"""What 弥生's part of the web is made of: its routers, stores, and the jobs that start and notify its workflows."""

from collections.abc import Sequence
from datetime import timedelta

from models.common.calendar import BusinessCalendar
from models.tables import AddressCheckRow, DraftRow, EnquiryRow, MemberInvitationRow, WebSessionRow
from models.yayoi.provider_forms.mapping import Translation
from models.yayoi.store.address_checks import AddressChecks
from models.yayoi.store.confirmations import HolderConfirmations
from models.yayoi.store.drafts import Drafts
from models.yayoi.store.enquiries import Enquiries
from models.yayoi.store.intake import Intake
from models.yayoi.store.member_invitations import MemberInvitations
from models.yayoi.store.provider_forms import ProviderForms
from models.yayoi.store.support_passwords import SupportPasswords
from web.common.background_jobs import PeriodicJob
from web.common.context import WebContext, WebPackage
from web.webhooks.signatures import FormSignatures
from web.yayoi import api, provider_forms
from web.yayoi.accounts import code_page, log_ins, password, register, sign_in
from web.yayoi.accounts.signed_in import CustomerSessions
from web.yayoi.applicant import (
    apply_pages,
    calendar_pages,
    case_actions,
    case_pages,
    draft_pages,
    guide_pages,
    holder_pages,
    plan_pages,
)
from web.yayoi.applicant.case_access import LinkOverError, answer_link_over
from web.yayoi.applicant.case_sections import ActionNotPossibleError, answer_not_possible
from web.yayoi.customer import (
    applications,
    business_group,
    enquiries,
    evidence,
    ledger,
    member_join,
    members,
    name_change,
    products,
    relink,
    set_up,
    sharing_again,
    support_password,
)
from web.yayoi.ended_office_records import EndedOfficeRecords
from web.yayoi.event_delivery import EventDelivery
from web.yayoi.holder_answers import HolderAnswers
from web.yayoi.notifications import (
    address_check_notification,
    draft_notification,
    enquiry_notification,
    invitation_notification,
)
from web.yayoi.relink_corrections import RelinkCorrections
from web.yayoi.starter import ApplicationStarter, RefusedFormStarter


def yayoi(
    context: WebContext,
    calendar: BusinessCalendar,
    translation: Translation,
    form_secrets: Sequence[str],
    *,
    freezes: bool,
) -> WebPackage:
    """`form_secrets` are what a form provider signs with, and `translation` turns its fields into ours.

    `freezes`: whether an application is stored together with the freeze of its offices (Y12).
    """
    starter = ApplicationStarter(context.sessions, context.client, task_queue=context.task_queue)
    refused_forms = RefusedFormStarter(context.sessions, context.client, task_queue=context.task_queue)
    starting = PeriodicJob(starter.start_all, context.every)
    intake = Intake(context.sessions, calendar, context.now, starting.wake, freezes=freezes)
    ended = EndedOfficeRecords(
        context.sessions, context.client, context.operations, context.now, task_queue=context.task_queue
    )
    corrections = RelinkCorrections(context.sessions, context.operations, ended)
    events = EventDelivery(context.sessions, context.operations, corrections)
    forms = ProviderForms(context.sessions, intake, translation)
    answering = PeriodicJob(HolderAnswers(context.sessions, context.client).notify_all, context.every)
    return WebPackage(
        routers=(provider_forms.router, holder_pages.router),
        apis=(api.router,),
        services=(
            intake,
            events,
            forms,
            FormSignatures(form_secrets),
            HolderConfirmations(context.sessions, answering.wake, context.now),
        ),
        jobs=(
            starting,
            answering,
            PeriodicJob(events.deliver_all, context.every),
            PeriodicJob(refused_forms.start_all, context.every),
            PeriodicJob(forms.take_asked, context.every),
        ),
    )


def accounts(context: WebContext) -> WebPackage:
    notifying = context.notifying(AddressCheckRow, address_check_notification)
    signed_in = CustomerSessions(context.sessions, WebSessionRow, "session", https=context.auth.https, now=context.now)
    checks = AddressChecks(context.sessions, context.secret_keys, notifying.wake, context.now)
    return WebPackage(
        routers=[sign_in.router, log_ins.router, register.router, password.router, code_page.router],
        services=[checks, signed_in],
        jobs=[notifying, *(PeriodicJob(each.forget, timedelta(hours=1)) for each in (checks, signed_in))],
    )


def applicant(context: WebContext) -> WebPackage:
    mailing = context.notifying(DraftRow, draft_notification)
    drafts = Drafts(context.sessions, mailing.wake, context.now)
    return WebPackage(
        routers=[
            guide_pages.router,
            plan_pages.router,
            apply_pages.router,
            draft_pages.router,
            case_pages.router,
            calendar_pages.router,
            case_actions.router,
        ],
        services=[drafts],
        jobs=[mailing, PeriodicJob(drafts.forget, timedelta(hours=1))],
        answers={LinkOverError: answer_link_over, ActionNotPossibleError: answer_not_possible},
    )


def customer(context: WebContext) -> WebPackage:
    inviting = context.notifying(MemberInvitationRow, invitation_notification)
    forwarding = context.notifying(EnquiryRow, enquiry_notification)
    return WebPackage(
        routers=[
            support_password.router,
            applications.router,
            set_up.router,
            business_group.router,
            products.router,
            relink.router,
            sharing_again.router,
            ledger.router,
            evidence.router,
            members.router,
            member_join.router,
            enquiries.router,
            name_change.router,
        ],
        apis=[evidence.api],
        services=[
            SupportPasswords(context.sessions, context.auth.hashing, context.now),
            MemberInvitations(context.sessions, inviting.wake, context.now),
            Enquiries(context.sessions, forwarding.wake, context.now),
        ],
        jobs=[inviting, forwarding],
    )
