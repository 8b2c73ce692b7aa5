"""What looks at all cases: the operators' first page, and mails that have come back."""

from models.common.store.bounces import Bounces
from web.backoffice import bounces, operators
from web.backoffice.bounces import BounceNotifier
from web.backoffice.operators import OperatorsWebUi
from web.common.background_jobs import PeriodicJob
from web.common.context import WebContext, WebPackage


def backoffice(context: WebContext, web_ui: OperatorsWebUi) -> WebPackage:
    notifier = BounceNotifier(context.sessions, context.client, context.now)
    notifying = PeriodicJob(notifier.notify_all, context.every)
    taken = Bounces(context.sessions, notifying.wake, context.now)
    return WebPackage(routers=(operators.router,), apis=(bounces.router,), services=(web_ui, taken), jobs=(notifying,))
