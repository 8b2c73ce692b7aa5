"""The customer's pages: their routers, stores and the jobs that notify the short workflows."""

from models.tables import EnquiryRow, MemberInvitationRow
from models.yayoi.store.enquiries import Enquiries
from models.yayoi.store.member_invitations import MemberInvitations
from models.yayoi.store.support_passwords import SupportPasswords
from web.common.context import WebContext, WebPackage
from web.yayoi.customer import (
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
from web.yayoi.notifications import enquiry_notification, invitation_notification


def customer(context: WebContext) -> WebPackage:
    inviting = context.notifying(MemberInvitationRow, invitation_notification)
    forwarding = context.notifying(EnquiryRow, enquiry_notification)
    return WebPackage(
        routers=[
            support_password.router,
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
            SupportPasswords(context.sessions, context.now),
            MemberInvitations(context.sessions, inviting.wake, context.now),
            Enquiries(context.sessions, forwarding.wake, context.now),
        ],
        jobs=[inviting, forwarding],
    )
