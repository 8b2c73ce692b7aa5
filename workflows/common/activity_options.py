"""The named policies under which activities run: every call uses one of these."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.workflow import ActivityConfig, LocalActivityConfig

from models.common.task_queues import mails_queue

_PATIENT = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=10)
)
"""Tried until it works: an operator sees the activity pending with its last error."""

LATER = Priority(priority_key=4)
"""Below the cases, which have the server's default of 3: what is done for many at once waits for them."""

QUICK = LocalActivityConfig(start_to_close_timeout=timedelta(seconds=4), retry_policy=RetryPolicy(maximum_attempts=1))
"""The first try of every step, within the workflow task: what fails is tried again under the step's own policy."""

REGISTRY = ActivityConfig(start_to_close_timeout=timedelta(seconds=30), retry_policy=_PATIENT)
"""For steps in the registry: short, idempotent."""

MAIL = ActivityConfig(start_to_close_timeout=timedelta(minutes=1), retry_policy=_PATIENT)
"""For mails: an SMTP server may take its time."""

WHILE_SOMEBODY_WAITS = timedelta(seconds=5)
"""For a step that an operator's update waits for: with the first try, they have an answer within ten seconds."""

AGAIN_AFTER = timedelta(hours=4)
"""When what was refused is tried again where no operator leads the case: a setting may be right by then."""

ONE_MAIL = MAIL | {"schedule_to_close_timeout": timedelta(days=1)}
"""For a mail that is a procedure of its own."""

# What runs by the clock is over before its next run: while a run goes on, the schedule skips the next one.
# A reconciliation takes 22 hours if each of its steps takes as long as it may.

DIGEST = MAIL | {"schedule_to_close_timeout": timedelta(hours=3), "priority": LATER}
"""For the morning digest: later in the day it would be out of date."""

LONG_LOOK = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=10),
    schedule_to_close_timeout=timedelta(hours=3),
    retry_policy=_PATIENT,
    priority=LATER,
)
"""For comparing every open case with Temporal."""

REPAIR = REGISTRY | {"schedule_to_close_timeout": timedelta(hours=1), "priority": LATER}
REPAIR_MAIL = MAIL | {"schedule_to_close_timeout": timedelta(hours=1), "priority": LATER}
"""For the steps of a repair: what is not possible today is found again tomorrow."""

REPORT = MAIL | {"schedule_to_close_timeout": timedelta(hours=8), "priority": LATER}
"""For the report of a reconciliation: tomorrow's says what is still so."""

MAILBOX = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=5),
    schedule_to_close_timeout=timedelta(hours=1),
    retry_policy=_PATIENT,
    priority=LATER,
)
"""For reading returned mails: what cannot be read is read by the next run."""

RETENTION = ActivityConfig(
    start_to_close_timeout=timedelta(hours=2),
    heartbeat_timeout=timedelta(minutes=30),
    schedule_to_close_timeout=timedelta(hours=6),
    retry_policy=_PATIENT,
    priority=LATER,
)
"""For what is done each night over all that is stored: what was not done is done the next night."""

LOOK_UP = LocalActivityConfig(start_to_close_timeout=timedelta(seconds=10), retry_policy=_PATIENT)
"""For quick look-ups on the worker, as local activities."""

WEBHOOK = ActivityConfig(start_to_close_timeout=timedelta(seconds=40), retry_policy=_PATIENT)
"""For webhook messages: a refused one says itself when to try again; the policy is for errors of our own."""

PAGE_OF_ROWS = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=timedelta(seconds=30),
    retry_policy=_PATIENT,
    priority=LATER,
)
"""For a page of a file: after half a minute without a heartbeat the page goes on at another worker."""


def by_mail(options: ActivityConfig) -> ActivityConfig:
    """Return the policy on the mails' task queue, whose workers send only so many at once."""
    return options | {"task_queue": mails_queue(workflow.info().task_queue)}
