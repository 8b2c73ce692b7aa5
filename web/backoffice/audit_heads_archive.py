"""Each night the desk signs the heads of all cases that have changed, and appends them outside the database."""

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Protocol

from models.backoffice.store.case_audit import heads_since
from models.common.audit_heads import NightlyHeads, PartHead, read_nights, sign_night
from models.common.audit_trail import instant
from models.common.calendar import JST, day_in_japan, utc_now
from models.common.signing_keys import PrivateKey
from models.common.store.sessions import DatabaseSessions
from web.backoffice.audit_exports import AuditKeyNow

AT_NIGHT = 2
"""The hour in Japan from which on a day's heads are signed."""
_OVERLAP = timedelta(hours=1)
"""An entry is dated before its transaction commits: what was committed late is signed the next night."""
_log = logging.getLogger(__name__)


class ArchiveError(Exception):
    """The archive cannot be read or written; the text says where and why."""


class HeadsArchive(Protocol):
    """Where heads are kept outside the database, in order, and never changed: a file, or another system."""

    async def append(self, sign: Callable[[NightlyHeads | None], NightlyHeads | None]) -> NightlyHeads | None:
        """Append what `sign` makes of the last line, None: nothing. Of two at once the second is given the first's.

        Raises:
            ArchiveError: it was not appended.

        """


class HeadsFile:
    """One append-only file, a line a night. Who owns it decides that nobody else can write it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def append(self, sign: Callable[[NightlyHeads | None], NightlyHeads | None]) -> NightlyHeads | None:
        return await asyncio.to_thread(self._append, sign)

    def _append(self, sign: Callable[[NightlyHeads | None], NightlyHeads | None]) -> NightlyHeads | None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                lines = file.readlines()
                # What a crash has left of a line was never signed for anybody, and goes: nothing could follow it.
                whole = [line for line in lines if line.endswith(b"\n")]
                nights = read_nights(whole)
                if (night := sign(nights[-1] if nights else None)) is None:
                    return None
                if whole != lines:
                    file.truncate(sum(map(len, whole)))
                file.write(night.line() + b"\n")
                file.flush()
                os.fsync(file.fileno())
                return night
        except OSError as error:
            raise ArchiveError(f"{self._path}: {error.strerror}") from None
        except ValueError as error:
            raise ArchiveError(f"{self._path}: {error}") from None


@dataclass(frozen=True)
class NightlySigning:
    """Signs once a day. It is asked every hour, so that a desk that was down does it later."""

    sessions: DatabaseSessions
    key: AuditKeyNow
    archive: HeadsArchive
    now: Callable[[], datetime] = utc_now

    async def sign_if_due(self) -> None:
        """Sign what is new, if it is night and today's line is not there yet."""
        if self.now().astimezone(JST).hour >= AT_NIGHT:
            with suppress(_NotDueError):
                await self.sign(unless_signed_today=True)

    async def sign(self, *, unless_signed_today: bool = False) -> NightlyHeads:
        """Sign what is new since the last line. Raises `ArchiveError`."""
        last = await self._last(unless_signed_today=unless_signed_today)
        since = datetime.fromisoformat(last.at) - _OVERLAP if last else None
        at, key = instant(self.now()), await self.key()
        heads = await heads_since(self.sessions, since)
        appended = await self.archive.append(lambda now_last: _signed(key, at, last, now_last, heads))
        if appended is None:
            raise ArchiveError("somebody else has just signed the heads")
        _log.info("the heads of %s parts of cases are signed (line %s)", len(heads), appended.number)
        return appended

    async def _last(self, *, unless_signed_today: bool) -> NightlyHeads | None:
        found: list[NightlyHeads | None] = []

        def look(last: NightlyHeads | None) -> None:
            found.append(last)

        await self.archive.append(look)
        [last] = found
        if unless_signed_today and last and _day(last) >= day_in_japan(self.now()):
            raise _NotDueError
        return last


class _NotDueError(Exception):
    """Today's line is there."""


def _signed(
    key: PrivateKey, at: str, last: NightlyHeads | None, now_last: NightlyHeads | None, heads: Sequence[PartHead]
) -> NightlyHeads | None:
    return sign_night(key, at, last, heads) if last == now_last else None


def _day(night: NightlyHeads) -> date:
    return day_in_japan(datetime.fromisoformat(night.at))
