"""The guard against silent changes: what a procedure asks of Temporal, compared with what it asked before.

Measured over runs of every path: the order of steps, child workflows and patches is the same each time, whether a
step's quick try succeeds or it is taken patiently. The order of timers, signals, search attributes and what is done
beside the story is not, since people and the system act side by side; what is done beside it counts by its number,
listed last.
Where days pass, the calendar decides how often somebody is reminded: there, each step counts where it first occurs, and
what only the calendar brings about does not count. (Replaying the committed histories is strict about all of this.)
"""

import difflib
import json
from collections.abc import Iterator
from datetime import timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from models.yayoi.mails import MailKind

BROUGHT_BY_THE_CALENDAR = {
    "activity assign_operator",
    *(
        f"activity send_mail メール：{kind.subject}"
        for kind in (
            MailKind.CORRECTION_REMINDER,
            MailKind.RELEASE_SHARING_REMINDER,
            MailKind.FOLLOW_UP_REMINDER,
            MailKind.DUE_DATE_IN_DANGER,
            MailKind.DELAY,
            MailKind.OPERATOR_REMINDER,
            MailKind.OPERATOR_ESCALATION,
            MailKind.HANDED_OVER,
        )
    ),
}
_SHORT = timedelta(minutes=1)
"""Less is no matter of the calendar."""
WHAT_TO_DO = "Guard it with workflow.patched: CONTRIBUTING.md, 'Changing a running procedure'."


def silent_change(walked: WorkflowHistory, committed: WorkflowHistory) -> str | None:
    """Return what has changed and what to do; None if nothing has, or if the change is guarded by a new patch."""
    before, now = steps(committed), steps(walked)
    if patches(now) - patches(before):
        return None
    if _days_passed(walked) or _days_passed(committed):
        before, now = _whatever_the_calendar(before), _whatever_the_calendar(now)
    if before == now:
        return None
    difference = "\n".join(difflib.unified_diff(before, now, "committed", "today", lineterm=""))
    return f"The commands of {committed.workflow_id} have changed without a patch:\n{difference}\n{WHAT_TO_DO}"


def steps(history: WorkflowHistory) -> list[str]:
    """Return the steps in order, without ids, times and payloads; of a mail, its kind."""
    return sorted((step for event in history.events for step in _steps_of(event)), key=_those_beside_last)


def patches(recorded: list[str]) -> set[str]:
    return {step for step in recorded if step.startswith("patch ")}


def _steps_of(event: HistoryEvent) -> Iterator[str]:
    match event.event_type:
        case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            yield _step(event.activity_task_scheduled_event_attributes.activity_type.name, event)
        case EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
            yield f"child {event.start_child_workflow_execution_initiated_event_attributes.workflow_type.name}"
        case EventType.EVENT_TYPE_MARKER_RECORDED:
            marker = event.marker_recorded_event_attributes
            if marker.marker_name == "core_local_activity" and not marker.HasField("failure"):
                yield _step(json.loads(marker.details["data"].payloads[0].data)["activity_type"], event)
            if marker.marker_name == "core_patch":
                yield f"patch {json.loads(marker.details['patch-data'].payloads[0].data)['id']}"


def _step(activity: str, event: HistoryEvent) -> str:
    """Name a step alike whether its quick try has succeeded or it was taken patiently; a mail by its summary."""
    summary = json.loads(event.user_metadata.summary.data or b'""')
    return f"activity {activity} {summary}" if activity in _MAILS else f"activity {activity}"


_MAILS = {"send_mail", "send_myics_mail"}
_BESIDE = {
    *("activity business_days", "activity failing_activities"),
    *("activity record_action", "activity write_status"),
}
"""What is looked up or written beside the story: by an operation that it does not wait for, or as it comes to rest."""


def _those_beside_last(step: str) -> bool:
    return step in _BESIDE


def _days_passed(history: WorkflowHistory) -> bool:
    started = {event.event_id: event.timer_started_event_attributes for event in history.events}
    fired = (event for event in history.events if event.event_type == EventType.EVENT_TYPE_TIMER_FIRED)
    timers = (started[event.timer_fired_event_attributes.started_event_id] for event in fired)
    return any(timer.start_to_fire_timeout.ToTimedelta() >= _SHORT for timer in timers)


def _whatever_the_calendar(recorded: list[str]) -> list[str]:
    return list(dict.fromkeys(step for step in recorded if step not in BROUGHT_BY_THE_CALENDAR))
