"""Adds traces to clients and workers where they are on; where they are off, nothing of it is loaded."""

from temporalio import client, worker

from workers.settings import Settings


def is_traced(settings: Settings) -> bool:
    """Whether this process sends traces."""
    return settings.telemetry and settings.otlp_url is not None


def traced_client(settings: Settings) -> list[client.Interceptor]:
    """Return the interceptors of a client."""
    if not is_traced(settings):
        return []
    from workers.telemetry.traced_calls import TracedCalls  # noqa: PLC0415

    return [TracedCalls()]


def traced_activities(settings: Settings) -> list[worker.Interceptor]:
    """Return the interceptors of a worker's activities."""
    if not is_traced(settings):
        return []
    from workers.telemetry.traced_calls import TracedActivities  # noqa: PLC0415

    return [TracedActivities()]


def traced_runner(runner: worker.WorkflowRunner, settings: Settings) -> worker.WorkflowRunner:
    """Return the runner, with spans of its workflows."""
    if not is_traced(settings):
        return runner
    from workers.telemetry.traced_workflows import TracedRunner  # noqa: PLC0415
    from workers.telemetry.traces import provider_here  # noqa: PLC0415

    provider = provider_here()
    return TracedRunner(runner, provider) if provider else runner
