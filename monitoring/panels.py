"""What the boards show: each panel with its question to Prometheus."""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """How Grafana writes the numbers."""

    COUNT = "short"
    PER_SECOND = "cps"
    SECONDS = "s"
    SHARE = "percentunit"


class Trouble(StrEnum):
    """What has to have gone wrong before a panel has something to show."""

    REFUSED_PAGE = "a page that there is not was asked for"
    MAIL_SERVER_AWAY = "the mail server refused connections for a while"
    NO_WORKER = "no worker asked for tasks for a while"


@dataclass(frozen=True)
class Panel:
    """A chart of one question. Only a panel of errors has nothing to show while all is well."""

    title: str
    says: str
    expression: str
    legend: str
    unit: Unit
    after: Trouble | None = None
    """The panel is empty until this has happened."""


def _ninth(metric: str, *by: str) -> str:
    """Within what time nine of ten are done."""
    kept = ", ".join(("le", *by))
    return f"histogram_quantile(0.9, sum by ({kept}) (rate({metric}_bucket[$__rate_interval])))"


_OF_OURS = '{namespace!~"temporal.system"}'
"""Not what the server keeps for itself."""
TEMPORAL = (
    Panel(
        "Processes that answer",
        "1: Prometheus has read the process's metrics; 0: it does not answer.",
        'up{job=~"tetsuzuki|temporal"}',
        "{{process}} {{instance}}",
        Unit.COUNT,
    ),
    Panel(
        "Temporal is reached",
        "Asked every five seconds by each worker.",
        "tetsuzuki_temporal_up",
        "{{instance}}",
        Unit.COUNT,
    ),
    Panel(
        "Workflow tasks wait (90 %)",
        "From the server's scheduling to the worker's start. It grows when there are too few workers.",
        _ninth("temporal_workflow_task_schedule_to_start_latency_seconds", "task_queue"),
        "{{task_queue}}",
        Unit.SECONDS,
    ),
    Panel(
        "Workflow tasks take (90 %)",
        "With the steps that are tried within them.",
        _ninth("temporal_workflow_task_execution_latency_seconds", "task_queue"),
        "{{task_queue}}",
        Unit.SECONDS,
    ),
    Panel(
        "Steps within workflow tasks",
        "Local activities that were begun, per second, by type.",
        "sum by (activity_type) (rate(temporal_local_activity_total_total[$__rate_interval]))",
        "{{activity_type}}",
        Unit.PER_SECOND,
    ),
    Panel(
        "Free slots",
        "0 for a while: more workers are needed.",
        "sum by (worker_type, task_queue) (temporal_worker_task_slots_available)",
        "{{worker_type}} {{task_queue}}",
        Unit.COUNT,
    ),
    Panel(
        "Workflows in memory",
        "At the cache's size, every further case is replayed from its history.",
        "sum by (instance) (temporal_sticky_cache_size)",
        "{{instance}}",
        Unit.COUNT,
    ),
    Panel(
        "Calls to Temporal",
        "Requests per second, by operation.",
        "sum by (operation) (rate(temporal_request_total[$__rate_interval]))",
        "{{operation}}",
        Unit.PER_SECOND,
    ),
    Panel(
        "Failed activities",
        "Per second, by type: those that are tried again patiently.",
        "sum by (activity_type) (rate(temporal_activity_execution_failed_total[$__rate_interval]))",
        "{{activity_type}}",
        Unit.PER_SECOND,
        Trouble.MAIL_SERVER_AWAY,
    ),
    # From here on the server's own; a hosted Temporal has them elsewhere.
    Panel(
        "Tasks that wait",
        "As the server counts them. They grow where workers are missing, or none is of the current build.",
        f"sum by (taskqueue, task_type) (approximate_backlog_count{_OF_OURS})",
        "{{taskqueue}} {{task_type}}",
        Unit.COUNT,
        Trouble.NO_WORKER,
    ),
    Panel(
        "Oldest task that waits",
        "Above 5 s for some minutes: more workers are needed.",
        f"max by (taskqueue, task_type) (approximate_backlog_age_seconds{_OF_OURS})",
        "{{taskqueue}} {{task_type}}",
        Unit.SECONDS,
        Trouble.NO_WORKER,
    ),
    Panel(
        "Requests to each service of the server",
        "Per second.",
        "sum by (service_name) (rate(service_requests[$__rate_interval]))",
        "{{service_name}}",
        Unit.PER_SECOND,
    ),
    Panel(
        "Changes of workflows",
        "Per second: the load that the server's database and its shards carry.",
        "sum by (namespace) (rate(state_transition_count_count[$__rate_interval]))",
        "{{namespace}}",
        Unit.PER_SECOND,
    ),
    Panel(
        "The server's database takes (90 %)",
        "How long its services wait for their stores.",
        _ninth("persistence_latency", "service_name"),
        "{{service_name}}",
        Unit.SECONDS,
    ),
    Panel(
        "A shard is waited for (90 %)",
        "Above 5 ms while there is work: one shard is asked for too much at once.",
        'histogram_quantile(0.9, sum by (le) (rate(lock_latency_bucket{operation="ShardInfo"}[$__rate_interval])))',
        "wait",
        Unit.SECONDS,
    ),
)
CASES = (
    Panel(
        "Open cases by stage",
        "Where they are, of every procedure.",
        "sum by (procedure, stage) (tetsuzuki_cases_waiting)",
        "{{procedure}} {{stage}}",
        Unit.COUNT,
    ),
    Panel(
        "Whose turn it is",
        "Open cases by whom they wait for.",
        "sum by (waiting_for) (tetsuzuki_cases_waiting)",
        "{{waiting_for}}",
        Unit.COUNT,
    ),
    Panel(
        "Overdue cases",
        "Past the day that the customer was promised.",
        "sum by (procedure) (tetsuzuki_cases_overdue)",
        "{{procedure}}",
        Unit.COUNT,
    ),
    Panel(
        "Cases of which a step keeps failing",
        "Some system does not do what it is asked for.",
        "sum by (procedure) (tetsuzuki_cases_failing)",
        "{{procedure}}",
        Unit.COUNT,
    ),
    Panel(
        "Approvals that are waited for",
        "A supervisor is asked.",
        "sum by (procedure) (tetsuzuki_cases_awaiting_approval)",
        "{{procedure}}",
        Unit.COUNT,
    ),
    Panel(
        "Oldest form that is not started",
        "0 where every accepted form has its workflow.",
        "tetsuzuki_oldest_unstarted_form_seconds",
        "age",
        Unit.SECONDS,
    ),
    Panel(
        "From form to start (90 %)",
        "From an application's acceptance to its workflow's start.",
        _ninth("tetsuzuki_application_start_delay_seconds"),
        "start",
        Unit.SECONDS,
    ),
    Panel(
        "Mails that did not arrive",
        "Of the last four weeks: not taken yet, refused for good, returned.",
        "tetsuzuki_mails",
        "{{state}}",
        Unit.COUNT,
    ),
    Panel(
        "Mails offered to the mail server",
        "Per second, by what it answered.",
        "sum by (outcome) (rate(tetsuzuki_mail_tries_total[$__rate_interval]))",
        "{{outcome}}",
        Unit.PER_SECOND,
    ),
    Panel(
        "Notices by the due date",
        "Completion notices of the last four weeks.",
        "tetsuzuki_notices",
        "in time: {{in_time}}",
        Unit.COUNT,
    ),
    Panel(
        "From acceptance to notice",
        "Of the notices of the last four weeks.",
        "tetsuzuki_acceptance_to_notice_seconds",
        "{{percentile}} %",
        Unit.SECONDS,
    ),
    Panel(
        "Webhooks given up",
        "Dead letters that nobody has sent again.",
        "tetsuzuki_webhook_dead_letters",
        "dead letters",
        Unit.COUNT,
    ),
    Panel(
        "Answers",
        "Per second, by application and kind.",
        "sum by (process, status) (rate(tetsuzuki_http_requests_total[$__rate_interval]))",
        "{{process}} {{status}}",
        Unit.PER_SECOND,
    ),
    Panel(
        "Refused requests",
        "4xx and 5xx per second, by route.",
        'sum by (route, status) (rate(tetsuzuki_http_requests_total{status=~"4xx|5xx"}[$__rate_interval]))',
        "{{route}} {{status}}",
        Unit.PER_SECOND,
        Trouble.REFUSED_PAGE,
    ),
    Panel(
        "From operation to answer (90 %)",
        "How long who sends an operation to a case waits.",
        _ninth("tetsuzuki_operation_duration_seconds"),
        "answer",
        Unit.SECONDS,
    ),
)
