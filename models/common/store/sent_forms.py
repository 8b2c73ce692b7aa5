"""Forms of pages that were sent: what was typed is kept for a while, and a form that comes twice is handled once."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert

from models.common.store.sessions import DatabaseSessions
from models.tables import FormPressColumns, FormPressRow, KeptFormColumns, KeptFormRow

KEPT_FOR = timedelta(hours=1)
"""How long what was typed can be shown again."""
ONE_PRESS = timedelta(seconds=20)
"""The same form within this time is a double press."""
_LOOK_EVERY = 0.1  # seconds


class SentFormStore:
    """In Postgres, so that any web process shows what another has kept."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        now: Callable[[], datetime],
        *,
        kept: type[KeptFormColumns] = KeptFormRow,
        presses: type[FormPressColumns] = FormPressRow,
    ) -> None:
        """`kept`, `presses`: the tables of one web application, which the other may not read."""
        self._sessions = sessions
        self._now = now
        self._kept = kept
        self._presses = presses

    async def keep(
        self, browser: str, path: str, values: Mapping[str, str], errors: Mapping[str, str], status: int
    ) -> UUID:
        """Keep what was typed for the page at `path` and return its id."""
        form_id = uuid4()
        kept = self._kept(
            form_id=form_id,
            browser=browser,
            path=path,
            values=dict(values),
            errors=dict(errors),
            status=status,
            ends_at=self._now() + KEPT_FOR,
        )
        async with self._sessions.begin() as session:
            session.add(kept)
        return form_id

    async def kept(self, form_id: UUID, browser: str, path: str) -> KeptFormColumns | None:
        """Return what this browser has typed for this page; None if it was somebody else, or too long ago."""
        async with self._sessions() as session:
            row = await session.get(self._kept, form_id)
        if row is None or (row.browser, row.path) != (browser, path) or row.ends_at <= self._now():
            return None
        return row

    async def claim(self, key: str) -> str | None:
        """Return where the first of two equal forms was led, once it was; None: this one is to be handled.

        Whoever is to handle it calls `settle` or `release`. One that was never settled is handled after `ONE_PRESS`.
        """
        row = self._presses
        while True:
            now = self._now()
            async with self._sessions.begin() as session:
                first = insert(row).values(key=key, pressed_at=now).on_conflict_do_nothing()
                if await session.scalar(first.returning(row.key)):
                    return None
                press = await session.get(row, key)
                if press is not None and press.pressed_at <= now - ONE_PRESS:
                    again = update(row).values(pressed_at=now, location=None)
                    mine = again.where(row.key == key, row.pressed_at == press.pressed_at)
                    if await session.scalar(mine.returning(row.key)):
                        return None
                elif press is not None and press.location is not None:
                    return press.location
            await asyncio.sleep(_LOOK_EVERY)

    async def settle(self, key: str, location: str) -> None:
        """Have whoever sends the same form again led to `location` as well."""
        async with self._sessions.begin() as session:
            await session.execute(update(self._presses).where(self._presses.key == key).values(location=location))

    async def release(self, key: str) -> None:
        """Have the same form handled if it is sent again."""
        async with self._sessions.begin() as session:
            await session.execute(delete(self._presses).where(self._presses.key == key))

    async def forget_browser(self, browser: str) -> None:
        """Delete what this browser has typed: somebody else may use it next."""
        async with self._sessions.begin() as session:
            await session.execute(delete(self._kept).where(self._kept.browser == browser))

    async def forget(self) -> None:
        """Delete what can no longer be shown, and presses that are over."""
        now = self._now()
        async with self._sessions.begin() as session:
            await session.execute(delete(self._kept).where(self._kept.ends_at <= now))
            await session.execute(delete(self._presses).where(self._presses.pressed_at <= now - ONE_PRESS))
