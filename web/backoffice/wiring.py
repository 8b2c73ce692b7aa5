"""What looks at all cases, for other systems: mails that have come back. The operators' pages are the desk's."""

from models.common.store.bounces import Bounces
from web.backoffice import bounces
from web.backoffice.bounces import BounceNotifier
from web.common.background_jobs import PeriodicJob
from web.common.context import WebContext, WebPackage


def backoffice(context: WebContext) -> WebPackage:
    notifier = BounceNotifier(context.sessions, context.client, context.now)
    notifying = PeriodicJob(notifier.notify_all, context.every)
    taken = Bounces(context.sessions, notifying.wake, context.now)
    return WebPackage(apis=(bounces.router,), services=(taken,), jobs=(notifying,))
