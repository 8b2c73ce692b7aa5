"""Writing into the journal from within a transaction: what no restore may roll back is there before it takes effect."""

from datetime import datetime
from typing import cast

from models.common.audit_trail import instant
from models.common.calendar import utc_now
from models.common.journal import EndedKind, JournalStore, Revocation, Said
from models.common.store.sessions import DatabaseSession

JOURNAL = "journal"
"""Where a session carries the journal (`workers.database.sessions`)."""


async def journal(session: DatabaseSession, said: Said, at: datetime | None = None) -> None:
    """Append a line; the same request again appends none. Raises `JournalError`: then the transaction does not commit.

    If that fails later on, the line stays: a restore then ends what somebody wanted ended, or skips some numbers.
    """
    await cast("JournalStore", session.info[JOURNAL]).append(said, instant(at or utc_now()))


async def journal_end(
    session: DatabaseSession, what: EndedKind, about: str, *left: str, at: datetime | None = None
) -> None:
    """Write that something was ended; `left` is as `Revocation` says."""
    at = at or utc_now()
    numbered = what in {EndedKind.CASE_LINK, EndedKind.HOLDER_LINKS}
    request = ":".join((what, about, *left) if numbered else (what, about, instant(at)))
    await journal(session, Revocation(request=request, what=what, about=about, left=list(left)), at)
