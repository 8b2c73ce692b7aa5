"""What the web does for webhooks: it starts the deliveries of stored messages."""

from web.common.background_jobs import PeriodicJob
from web.common.context import WebContext, WebPackage
from web.webhooks.starter import WebhookStarter


def webhooks(context: WebContext) -> WebPackage:
    starter = WebhookStarter(context.sessions, context.client, task_queue=context.task_queue)
    return WebPackage(jobs=(PeriodicJob(starter.start_all, context.every),))
