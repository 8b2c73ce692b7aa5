"""Waiting for somebody to use a personal link: reminded on business days, expired in the end (M8, Y24).

That another link ends the one before, and that one is used once, is for the procedure's row to say.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.common.waiting import ScheduledAction, reminders, wait_until


@dataclass(frozen=True)
class LinkDeadline:
    """How long somebody who was mailed a link is left alone with it."""

    expires_at: Callable[[], datetime]
    """Asked again whenever the wait wakes up: the link may be sent again, or be given longer."""
    remind_on: Sequence[date]
    remind: Callable[[int], Awaitable[None]]
    """Mails the link once more; takes how often that was done, from 1."""
    also: Sequence[ScheduledAction] = ()
    """What else is to be done meanwhile."""


async def wait_for_link(used: Callable[[], bool], wait: LinkDeadline) -> bool:
    """Wait until the link was used, or needs no waiting any more; False if it has expired."""

    async def nothing() -> None:
        """Whoever waits reads from the answer that it has expired."""

    moments = [
        *reminders(wait.remind_on, "URL をもう一度案内する", wait.remind),
        *wait.also,
        ScheduledAction(wait.expires_at, "URL を期限切れにする", nothing),
    ]
    return await wait_until(used, moments)
