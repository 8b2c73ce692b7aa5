"""What is done each night as the role that may delete: histories are summarised, and what was kept long enough ends."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from temporalio import activity

from models.backoffice.case_places import workflows_of
from models.backoffice.history_summary import HistorySummary
from models.backoffice.retention_results import Ended, Summarised
from models.backoffice.store.history_summaries import closed_without_summary, keep_summary
from models.backoffice.store.retention import end_what_was_kept_long_enough
from models.backoffice.store.unused_keys import unused_keys
from models.common.calendar import utc_now
from models.common.store.case_keys import forget_key
from models.common.store.sessions import DatabaseSessions

_AT_A_TIME = 200
ReadClosedHistory = Callable[[str], Awaitable[list[HistorySummary] | None]]
"""Returns the runs of a workflow that Temporal still has; None: it is still open."""
IsOpen = Callable[[str], Awaitable[bool]]
"""Says whether a workflow of this owner of a key is still open."""


class RetentionActivities:
    """Runs by the real clock: how long something was kept does not follow a case's own time."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        closed_history: ReadClosedHistory,
        is_open: IsOpen,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions = sessions
        self._history = closed_history
        self._is_open = is_open
        self._now = now

    @activity.defn
    async def summarise_histories(self) -> Summarised:
        """Keep a summary of each history that has closed; once for each part of a case. Again: the rest."""
        done, last = 0, ("", 0)
        while found := await closed_without_summary(self._sessions, last, _AT_A_TIME):
            for case_no, part in found:
                done += await self._summarise(case_no, part)
                activity.heartbeat()
            last = found[-1]
        return Summarised(parts=done)

    async def _summarise(self, case_no: str, part: int) -> bool:
        runs: list[HistorySummary] = []
        for workflow_id in workflows_of(case_no, part):
            if (closed := await self._history(workflow_id)) is None:
                return False  # it goes on after closing (Y25), or is just ending
            runs += closed
        async with self._sessions.begin() as session:
            keep_summary(session, case_no, part, runs, self._now())
        return True

    @activity.defn
    async def end_what_was_kept_long_enough(self) -> Ended:
        """Run the data map's statements; return how many rows of each table have ended."""
        return Ended(rows=await end_what_was_kept_long_enough(self._sessions, self._now()))

    @activity.defn
    async def forget_unused_keys(self) -> Ended:
        """Forget the keys of what was deleted or kept long enough: what Temporal and backups have of it ends, too.

        One whose workflow is still open waits: without its key it could never end.
        """
        forgotten, last = 0, ""
        while owners := await unused_keys(self._sessions, self._now(), last):
            for owner in owners:
                activity.heartbeat()
                if not await self._is_open(owner):
                    async with self._sessions.begin() as session:
                        forgotten += await forget_key(session, owner)
            last = owners[-1]
        return Ended(rows={"case_keys": forgotten} if forgotten else {})
