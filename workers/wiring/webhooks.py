"""What is built for other systems that are notified."""

from activities.webhooks.delivery import WebhookDeliveryActivities
from activities.webhooks.http_post import HttpPoster
from workers.tls import check_authorities
from workers.wiring.dependencies import Activities, ActivityDependencies, activities_of
from workers.wiring.derived import desk_url, webhooks_may_be_private
from workflows.webhooks.webhook_delivery import WebhookDelivery

WEBHOOK_WORKFLOWS = (WebhookDelivery,)


def build_webhook_activities(dependencies: ActivityDependencies) -> Activities:
    """Build the activities that deliver webhooks."""
    settings = dependencies.settings
    check_authorities()
    poster = HttpPoster(allow_private=webhooks_may_be_private(settings))
    return activities_of(
        WebhookDeliveryActivities(
            dependencies.sessions,
            poster,
            dependencies.outbox,
            dependencies.templates,
            desk_url=desk_url(settings),
            desk=settings.operators_mail,
        ),
    )
