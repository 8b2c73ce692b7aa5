"""What auditors have read: one entry in the case's audit trail for each case, person and day in Japan."""

from collections.abc import Callable
from datetime import date, datetime, time

from models.common.actors import Actor, ActorKind
from models.common.calendar import JST, day_in_japan, utc_now
from models.common.operators import Role
from models.common.store.audit import audit
from models.common.store.sessions import DatabaseSessions

READ = "監査のために案件を閲覧した"
_REMEMBERED = 10_000


class CaseReadings:
    """Writes them. A page asks dozens of times: what this process has written today, it does not write again."""

    def __init__(self, sessions: DatabaseSessions, now: Callable[[], datetime] = utc_now) -> None:
        self._sessions = sessions
        self._now = now
        self._written: set[tuple[str, str, date]] = set()

    async def note(self, handle: str, roles: frozenset[Role], case_no: str) -> None:
        """Record that somebody reads a case, if they are an auditor. What cannot be recorded is not to be shown."""
        if Role.AUDITOR not in roles:
            return
        at = self._now()
        day = day_in_japan(at)
        reading = (case_no, handle, day)
        if reading in self._written:
            return
        by, since = str(Actor(ActorKind.OPERATOR, handle)), datetime.combine(day, time(0), JST)
        async with self._sessions.begin() as session:
            audit(session, case_no, READ, by=by, at=at, once_since=since)
        if len(self._written) >= _REMEMBERED:
            self._written.clear()
        self._written.add(reading)
