"""When a workflow has settled: nothing of it is under way, and nothing is due."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

_ENDS = ("completed", "failed", "timed_out", "canceled", "terminated", "continued_as_new")
_WORKFLOW_ENDS = {f"workflow_execution_{end}" for end in _ENDS}
_ACTIVITY_ENDS = {f"activity_task_{end}" for end in _ENDS}


async def settled(environment: WorkflowEnvironment, procedure: WorkflowHandle[Any, Any]) -> None:
    """Wait until it has ended, or has no activity, no workflow task and no timer that is due.

    All is read from one history: between two answers of the server, a timer could start something.
    """
    while True:
        now = await environment.get_current_time(procedure)
        if _settled([event async for event in procedure.fetch_history_events()], now):
            return
        await asyncio.sleep(0.02)


def _settled(events: list[HistoryEvent], now: datetime) -> bool:
    workflow_task = False
    activities: set[int] = set()  # by the event that scheduled them
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
            case "activity_task_scheduled":
                activities.add(event.event_id)
            case end if end in _ACTIVITY_ENDS:
                activities.discard(facts.scheduled_event_id)
            case "timer_started":
                set_at = event.event_time.ToDatetime(tzinfo=UTC)
                due[event.event_id] = set_at + facts.start_to_fire_timeout.ToTimedelta()
            case "timer_fired" | "timer_canceled":
                due.pop(facts.started_event_id)
    return not workflow_task and not activities and all(moment > now for moment in due.values())
