"""All pages of the customer's side, and what keeps their short procedures informed."""

from collections.abc import Sequence
from datetime import timedelta

from fastapi import FastAPI
from temporalio.client import Client

from models.tables import EnquiryRow, MemberInvitationRow
from web.common.background_jobs import PeriodicJob
from web.common.workflow_notifier import WorkflowNotifier
from web.yayoi.customer import enquiries, invitations
from web.yayoi.customer.business_group import business_group_pages
from web.yayoi.customer.enquiries import enquiry_pages
from web.yayoi.customer.evidence import evidence_pages
from web.yayoi.customer.invitations import Invitations
from web.yayoi.customer.ledger import case_ledger_pages, ledger_pages
from web.yayoi.customer.member_join import joining_pages
from web.yayoi.customer.members import invitation_pages, member_pages
from web.yayoi.customer.name_change import name_change_pages
from web.yayoi.customer.parts import Parts
from web.yayoi.customer.products import product_pages
from web.yayoi.customer.relink import relink_pages
from web.yayoi.customer.set_up import set_up_pages
from web.yayoi.customer.sharing_again import sharing_pages
from web.yayoi.customer.support_password import support_password_pages


def open_customer_pages(
    app: FastAPI, parts: Parts, client: Client, *, secret_key: str, task_queue: str, every: timedelta
) -> Sequence[PeriodicJob]:
    """Put the pages on the application, and return the jobs that run beside them."""
    inviting = PeriodicJob(
        WorkflowNotifier(
            parts.sessions, client, MemberInvitationRow, invitations.telling, task_queue=task_queue
        ).notify_all,
        every,
    )
    forwarding = PeriodicJob(
        WorkflowNotifier(parts.sessions, client, EnquiryRow, enquiries.telling, task_queue=task_queue).notify_all, every
    )
    kept = Invitations(parts.sessions, parts.now)
    for pages in (
        support_password_pages(parts),
        set_up_pages(parts),
        business_group_pages(parts),
        product_pages(parts),
        relink_pages(parts),
        sharing_pages(parts),
        ledger_pages(parts),
        case_ledger_pages(parts),
        evidence_pages(parts),
        member_pages(parts, kept, inviting),
        invitation_pages(parts, kept, inviting),
        joining_pages(parts, kept, inviting, secret_key=secret_key),
        enquiry_pages(parts, forwarding),
        name_change_pages(parts),
    ):
        app.include_router(pages)
    return [inviting, forwarding]
