"""What takes applications and events from other systems, and starts and notifies their workflows."""

from collections.abc import Sequence

from models.common.calendar import BusinessCalendar
from models.yayoi.provider_forms.mapping import Translation
from models.yayoi.store.intake import Intake
from models.yayoi.store.provider_forms import ProviderForms
from web.common.background_jobs import PeriodicJob
from web.common.context import WebContext, WebPackage
from web.webhooks.signatures import FormSignatures
from web.yayoi import api, provider_forms
from web.yayoi.event_delivery import EventDelivery
from web.yayoi.starter import ApplicationStarter, RefusedFormStarter


def yayoi(
    context: WebContext, calendar: BusinessCalendar, translation: Translation, form_secrets: Sequence[str]
) -> WebPackage:
    """`form_secrets` are what a form provider signs with, and `translation` turns its fields into ours."""
    starter = ApplicationStarter(
        context.sessions,
        context.client,
        task_queue=context.task_queue,
        public_url=context.public_url,
        secret_key=context.secret_key,
    )
    refused_forms = RefusedFormStarter(context.sessions, context.client, task_queue=context.task_queue)
    starting = PeriodicJob(starter.start_all, context.every)
    intake = Intake(context.sessions, calendar, wake=starting.wake)
    events = EventDelivery(context.sessions, context.client)
    return WebPackage(
        routers=(provider_forms.router,),
        apis=(api.router,),
        services=(
            intake,
            events,
            ProviderForms(context.sessions, intake, translation),
            FormSignatures(form_secrets),
        ),
        jobs=(
            starting,
            PeriodicJob(events.deliver_all, context.every),
            PeriodicJob(refused_forms.start_all, context.every),
        ),
    )
