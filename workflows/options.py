"""The named policies under which activities run: every call uses one of these."""

from datetime import timedelta
from typing import Any

from temporalio.common import RetryPolicy

_PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=10)
)
"""Tried until it works: an operator sees the activity pending with its last error."""

REGISTRY: dict[str, Any] = {"start_to_close_timeout": timedelta(seconds=30), "retry_policy": _PATIENT}
"""For steps in the registry: short, idempotent."""

MAIL: dict[str, Any] = {"start_to_close_timeout": timedelta(minutes=1), "retry_policy": _PATIENT}
"""For mails: an SMTP server may take its time."""

LONG_LOOK: dict[str, Any] = {"start_to_close_timeout": timedelta(minutes=10), "retry_policy": _PATIENT}
"""For comparing every open case with Temporal."""

LOOK_UP: dict[str, Any] = {"start_to_close_timeout": timedelta(seconds=10), "retry_policy": _PATIENT}
"""For quick answers computed or read on the worker, as local activities."""

WEBHOOK: dict[str, Any] = {"start_to_close_timeout": timedelta(seconds=40), "retry_policy": _PATIENT}
"""For webhook messages: one that is not taken says itself when to try again, the policy is for our own troubles."""

PAGE_OF_ROWS: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=10),
    "heartbeat_timeout": timedelta(seconds=30),
    "retry_policy": _PATIENT,
}
"""For a page of a file: a worker that dies is missed after half a minute, and the page goes on elsewhere."""
