"""The part of the composition root that is the applications' own: their activities, by the system they touch."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client

from activities.backoffice.differences import Differences
from activities.backoffice.digest import DigestActivities, DigestQueue, Queues
from activities.backoffice.late_refusals import LateRefusals
from activities.backoffice.reconciliation import ReconciliationActivities
from activities.common.calendar import CalendarActivities
from activities.common.outbox import Outbox
from activities.webhooks.delivery import WebhookDeliveryActivities
from activities.webhooks.http_post import HttpPoster
from activities.webhooks.publishing import WebhookPublishingActivities
from activities.yayoi.address_checks import AddressCheckActivities
from activities.yayoi.assignment import AssignmentActivities
from activities.yayoi.case_records import CaseRecordActivities
from activities.yayoi.contracts import ContractActivities
from activities.yayoi.customer_steps import CustomerStepActivities
from activities.yayoi.desk_mails import DeskMailActivities
from activities.yayoi.invitations import InvitationActivities
from activities.yayoi.mail import MailActivities
from activities.yayoi.mail_texts import MailTexts
from activities.yayoi.pair_check import PairCheckActivities
from activities.yayoi.registry.protocols import Registry
from activities.yayoi.service_links import LinkActivities
from activities.yayoi.sharing import SharingActivities
from activities.yayoi.smart_import import SmartImportActivities
from models.common.calendar import BusinessCalendar
from models.common.store.ledger import Ledger
from models.common.web_ui_links import workflow_link
from models.yayoi.case_links import case_link, operators_link
from workers.settings import Settings
from workers.wiring.derived import public_url, secret_key, temporal_ui_url, webhooks_may_be_private
from workflows.backoffice import queues
from workflows.backoffice.queues import Queue

Activities = list[Callable[..., Any]]


@dataclass(frozen=True)
class ActivityDependencies:
    """What activities are built of."""

    settings: Settings
    sessions: async_sessionmaker[AsyncSession]
    client: Client
    ledger: Ledger
    registry: Registry
    outbox: Outbox


def build_application_activities(parts: ActivityDependencies) -> Activities:
    """Build every activity but MYICS' own."""
    return [
        *_on_the_registry(parts),
        *_on_our_records(parts),
        *_for_customers(parts),
        *_for_the_desk(parts),
        *_for_other_systems(parts),
    ]


def _on_the_registry(parts: ActivityDependencies) -> Activities:
    """The vendor's systems: one application's pairs are checked, frozen, issued their IDs, followed, or undone."""
    ledger, registry = parts.ledger, parts.registry
    check = PairCheckActivities(parts.sessions, registry)
    smart_import = SmartImportActivities(ledger, registry.smart_import)
    sharing = SharingActivities(parts.sessions, ledger, registry.sharing)
    links = LinkActivities(ledger, registry.links)
    contracts = ContractActivities(ledger, registry.contracts, registry.links)
    steps = CustomerStepActivities(ledger, registry.yayoi_ids)
    return [
        check.check_pair,
        smart_import.freeze_smart_import,
        smart_import.thaw_smart_import,
        sharing.sharing_state,
        sharing.end_sharing,
        sharing.restore_sharing,
        links.remember_links,
        links.record_relink,
        contracts.issue_contract_id,
        contracts.attach_to_contract,
        contracts.revoke_contract_id,
        steps.record_set_up_step,
    ]


def _on_our_records(parts: ActivityDependencies) -> Activities:
    records = CaseRecordActivities(parts.ledger, parts.registry.offices)
    assignment = AssignmentActivities(parts.ledger)
    calendar = CalendarActivities(BusinessCalendar(parts.settings.closing_days))
    return [
        records.record_action,
        records.correct_pair,
        records.close_office,
        records.close_application,
        assignment.assign_operator,
        calendar.business_days,
    ]


def _for_customers(parts: ActivityDependencies) -> Activities:
    """What is mailed about cases, codes and invitations."""
    sessions, outbox = parts.sessions, parts.outbox
    key, url = secret_key(parts.settings), public_url(parts.settings)
    mail = MailActivities(sessions, outbox, _texts(parts), parts.registry.contracts)
    checks = AddressCheckActivities(sessions, outbox, secret_key=key, public_url=url)
    invitations = InvitationActivities(sessions, outbox, secret_key=key, public_url=url)
    return [
        mail.send_mail,
        checks.send_code,
        checks.close_check,
        checks.notify_of_new_password,
        invitations.mail_invitation,
        invitations.close_invitation,
    ]


def _for_the_desk(parts: ActivityDependencies) -> Activities:
    """What operators are mailed, and the reconciliation that looks for what they should know."""
    settings, smart_import = parts.settings, parts.registry.smart_import
    ui = (temporal_ui_url(settings), settings.temporal_namespace)
    digest = DigestActivities(
        parts.sessions,
        parts.client,
        parts.outbox,
        calendar=BusinessCalendar(settings.closing_days),
        queues_of=partial(_queues, settings),
        workflow_link=partial(workflow_link, *ui),
    )
    reconciliation = ReconciliationActivities(
        parts.ledger,
        Differences(parts.sessions, parts.client, smart_import),
        LateRefusals(parts.sessions),
        smart_import,
        parts.outbox,
        workflow_link=partial(workflow_link, *ui),
        desk=settings.operators_mail,
    )
    mails = DeskMailActivities(parts.outbox, parts.registry.contracts, settings.operators_mail)
    return [
        digest.digest_recipients,
        digest.send_digest,
        reconciliation.find_differences,
        reconciliation.find_left_open,
        reconciliation.look_again,
        reconciliation.thaw_left_frozen,
        reconciliation.freeze_again,
        reconciliation.report_differences,
        mails.forward_enquiry,
        mails.report_refused_form,
    ]


def _for_other_systems(parts: ActivityDependencies) -> Activities:
    """Webhooks: what subscribers are notified of."""
    sessions, outbox, desk = parts.sessions, parts.outbox, parts.settings.operators_mail
    publishing = WebhookPublishingActivities(sessions)
    poster = HttpPoster(allow_private=webhooks_may_be_private(parts.settings))
    delivery = WebhookDeliveryActivities(sessions, poster, outbox, desk=desk)
    return [
        publishing.publish_stage_change,
        delivery.deliver_webhook,
        delivery.report_webhook_trouble,
        delivery.give_up_webhook,
    ]


def _queues(settings: Settings, today: date, operator: str | None) -> Queues:
    """Return what a morning digest counts: every queue of the operators' day but what was closed."""
    asked = queues.QueueFilter(today, operator)
    link = partial(queues.link, temporal_ui_url(settings), settings.temporal_namespace)
    built = {
        queue: DigestQueue(queue.value, queue.query(asked), link(queue, asked))
        for queue in Queue
        if queue is not Queue.CLOSED_TODAY
    }
    return Queues(tuple(built.values()), built[Queue.WAITING_FOR_OPERATOR])


def _texts(parts: ActivityDependencies) -> MailTexts:
    settings = parts.settings
    return MailTexts(
        parts.registry,
        partial(case_link, public_url(settings), secret_key(settings)),
        partial(operators_link, temporal_ui_url(settings), settings.temporal_namespace),
        settings.operators_mail,
    )
