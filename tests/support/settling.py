"""When a workflow has settled: nothing of it is under way, and nothing is due."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

_ENDS = ("completed", "failed", "timed_out", "canceled", "terminated", "continued_as_new")
_WORKFLOW_ENDS = {f"workflow_execution_{end}" for end in _ENDS}
# What is sent to other workflows, and the start of a child, is lost if this one is terminated meanwhile.
_BEGINS = {
    "activity_task_scheduled",
    "signal_external_workflow_execution_initiated",
    "request_cancel_external_workflow_execution_initiated",
    "start_child_workflow_execution_initiated",
}
_ARRIVES = (
    "external_workflow_execution_signaled",
    "signal_external_workflow_execution_failed",
    "external_workflow_execution_cancel_requested",
    "request_cancel_external_workflow_execution_failed",
    "child_workflow_execution_started",
    "start_child_workflow_execution_failed",
)
# By what an event calls the one that began what it ends.
_BEGUN_BY = {f"activity_task_{end}": "scheduled_event_id" for end in _ENDS} | dict.fromkeys(
    _ARRIVES, "initiated_event_id"
)


async def settled(temporal: WorkflowEnvironment, procedure: WorkflowHandle[Any, Any]) -> None:
    """Wait until it has ended, or has no activity, no workflow task, nothing on its way to others, and no timer due.

    All is read from one history: between two answers of the server, a timer could start something.
    """
    while True:
        now = await temporal.get_current_time(procedure)
        if _settled([event async for event in procedure.fetch_history_events()], now):
            return
        await asyncio.sleep(0.02)


def _settled(events: list[HistoryEvent], now: datetime) -> bool:
    workflow_task = False
    under_way: set[int] = set()  # by the event that began it
    due: dict[int, datetime] = {}  # timers, by the event that started them
    for event in events:
        attributes = str(event.WhichOneof("attributes"))
        facts = getattr(event, attributes)
        match attributes.removesuffix("_event_attributes"):
            case end if end in _WORKFLOW_ENDS:
                return True
            case "workflow_task_scheduled":
                workflow_task = True
            case "workflow_task_completed":  # one that failed is tried again
                workflow_task = False
            case begin if begin in _BEGINS:
                under_way.add(event.event_id)
            case end if end in _BEGUN_BY:
                under_way.discard(getattr(facts, _BEGUN_BY[end]))
            case "timer_started":
                set_at = event.event_time.ToDatetime(tzinfo=UTC)
                due[event.event_id] = set_at + facts.start_to_fire_timeout.ToTimedelta()
            case "timer_fired" | "timer_canceled":
                due.pop(facts.started_event_id)
    return not workflow_task and not under_way and all(moment > now for moment in due.values())
