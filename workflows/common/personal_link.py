"""Waiting for somebody to use a personal link: reminded on business days, expired in the end (M8, Y24).

The procedure's row, not this wait, makes sure that a new link ends the one before and that a link is used once.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from workflows.common.waiting import ScheduledAction, reminders, wait_until


@dataclass(frozen=True)
class LinkDeadline:
    """When somebody who was mailed a link is reminded of it, and when it expires."""

    expires_at: Callable[[], datetime]
    """Called again whenever the wait wakes up: the link may be sent again, or be given longer."""
    remind_on: Sequence[date]
    remind: Callable[[int], Awaitable[None]]
    """Mails the link once more; takes how often that was done, from 1."""
    also: Sequence[ScheduledAction] = ()
    """What else is to be done meanwhile."""


async def wait_for_link(used: Callable[[], bool], deadline: LinkDeadline) -> bool:
    """Wait until the link was used, or needs no waiting any more; False if it has expired."""

    async def nothing() -> None:
        """The caller learns of the expiry from what this returns."""

    actions = [
        *reminders(deadline.remind_on, "URL をもう一度案内する", deadline.remind),
        *deadline.also,
        ScheduledAction(deadline.expires_at, "URL を期限切れにする", nothing),
    ]
    return await wait_until(used, actions)
