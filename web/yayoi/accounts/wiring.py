"""The pages on which people register a Yayoi ID, set its password and sign in."""

from datetime import timedelta

from models.tables import AddressCheckRow
from models.yayoi.store.address_checks import AddressChecks
from web.common.background_jobs import PeriodicJob
from web.common.context import WebContext, WebPackage
from web.yayoi.accounts import code_page, password, register, sign_in
from web.yayoi.notifications import address_check_notification


def accounts(context: WebContext) -> WebPackage:
    notifying = context.notifying(AddressCheckRow, address_check_notification)
    checks = AddressChecks(context.sessions, context.secret_key, notifying.wake, context.now)
    return WebPackage(
        routers=[sign_in.router, register.router, password.router, code_page.router],
        services=[checks],
        jobs=[notifying, PeriodicJob(checks.forget, timedelta(hours=1))],
    )
