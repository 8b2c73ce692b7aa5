"""The audit export of a case, as the desk and `tetsuzuki audit export` make it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.backoffice.case_places import workflows_of
from models.backoffice.history_summary import HistorySummary
from models.backoffice.store.case_audit import decisions_in, entries_of, history_said, records_of
from models.common.audit_export import AuditExport, make_export
from models.common.audit_trail import instant
from models.common.calendar import utc_now
from models.common.signing_keys import PrivateKey
from models.common.store.sessions import DatabaseSessions
from web.common.temporal_calls import temporal_call

AuditKeyNow = Callable[[], Awaitable[PrivateKey]]
"""Returns the key that signs heads now."""
ReadHistory = Callable[[str], Awaitable[list[HistorySummary]]]
"""Returns the runs of a workflow that Temporal still has, by its id."""


@dataclass(frozen=True)
class AuditExports:
    """Makes exports, each as of one moment."""

    sessions: DatabaseSessions
    key: AuditKeyNow
    history: ReadHistory
    now: Callable[[], datetime] = utc_now

    async def export(self, case_no: str) -> AuditExport | None:
        """Return the export of a case, signed; None if nothing was ever recorded of it.

        Raises:
            UnreachableError: Temporal does not answer.

        """
        async with self.sessions() as session:
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            entries = await entries_of(session, case_no)
            records: dict[str, Any] = dict(await records_of(session, case_no))
        if not entries:
            return None
        parts = sorted({each.entry.part for each in entries} | {0})
        summaries = [each for part in parts for each in await self._histories(case_no, part)]
        records["decisions"] = decisions_in(entries)
        records["history"] = {
            "in_temporal": [each.model_dump(mode="json") for each in summaries],
            "says": "" if summaries else history_said(entries),
        }
        return make_export(await self.key(), case_no, entries, records, instant(self.now()))

    async def _histories(self, case_no: str, part: int) -> list[HistorySummary]:
        async with temporal_call():
            return [each for workflow_id in workflows_of(case_no, part) for each in await self.history(workflow_id)]
