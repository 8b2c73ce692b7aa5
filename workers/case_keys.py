"""The keys of cases as one process knows them: read over connections of their own, kept in memory for a while.

Many that are wanted at once are read at once. While the key store does not answer, whoever wants a key waits; what is
in memory goes on.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

from models.common.encryption import CaseKey, KeyGone, UnknownMasterKeyError, UnreadableError, WrappedKey
from models.common.store.case_keys import still_there, stored_case_keys
from models.common.store.sessions import DatabaseSessions
from workers import database
from workers.master_keys import READ_EVERY, MasterKeyError, MasterKeys, master_keys
from workers.settings import Settings

MOST_KEPT = 10_000
"""Keys in memory; the one that was not wanted for the longest time goes first."""
_AT_A_TIME = 500
_TRY_AGAIN_AFTER = (0.2, 5.0)  # seconds: at first, and at most
_CLOSED_FOR = 1.0  # seconds until a key that could not be unwrapped is tried again
_SAY_AGAIN_AFTER = 60.0  # seconds
_log = logging.getLogger(__name__)


class CaseKeys:
    """Finds keys. Erased ones are gone from memory within a minute."""

    def __init__(self, sessions: DatabaseSessions, masters: MasterKeys, most_kept: int = MOST_KEPT) -> None:
        self.masters = masters
        self._sessions = sessions
        self._most_kept = most_kept
        self._kept: OrderedDict[str, CaseKey] = OrderedDict()
        self._wanted: dict[str, asyncio.Future[CaseKey | KeyGone]] = {}
        self._to_read: list[str] = []
        self._reading: asyncio.Task[None] | None = None
        self._said: dict[str, float] = {}

    async def find(self, owner: str) -> CaseKey | KeyGone:
        """Return the key, or why there is none. Waits while the store or the master key is away."""
        if kept := self._kept.get(owner):
            self._kept.move_to_end(owner)
            return kept
        wanted = self._wanted.get(owner)
        if wanted is None:
            wanted = self._wanted[owner] = asyncio.get_running_loop().create_future()
            self._read_soon(owner)
        return await asyncio.shield(wanted)  # others wait for the same

    async def look_again(self) -> None:
        """Forget what is erased, and see which master keys there are."""
        await self.masters.look_again()
        if not (kept := list(self._kept)):
            return
        try:
            async with self._sessions() as session:
                there = await still_there(session, kept)
        except Exception as error:  # noqa: BLE001 whatever it is, it is tried again
            self._say("the key store cannot be asked what was erased", error)
            return
        for owner in kept:
            if owner not in there:
                self._kept.pop(owner, None)

    @asynccontextmanager
    async def kept_up_to_date(self) -> AsyncIterator[None]:
        """Look again every 20 seconds while the context lasts."""
        looking = asyncio.create_task(self._keep_looking())
        try:
            yield
        finally:
            self._to_read.clear()
            for wanted in self._wanted.values():
                wanted.cancel()
            for task in (looking, self._reading):
                if task is not None:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(READ_EVERY.total_seconds())
            await self.look_again()

    def _read_soon(self, owner: str) -> None:
        if self._wanted[owner].done():  # cancelled at the end of the process
            return
        self._to_read.append(owner)
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_wanted())

    async def _read_wanted(self) -> None:
        """Read until there is nothing to read."""
        delay, longest = _TRY_AGAIN_AFTER
        while self._to_read:
            batch = self._to_read[:_AT_A_TIME]
            stored = await self._stored(batch)
            if stored is None:
                await asyncio.sleep(delay)
                delay = min(2 * delay, longest)
                continue
            delay = _TRY_AGAIN_AFTER[0]
            del self._to_read[: len(batch)]
            ring = await self.masters.ring()
            if closed := [owner for owner in batch if not self._settle(owner, stored, ring.unwrap)]:
                await self.masters.look_again()  # the master key may have been changed a moment ago
                for owner in closed:  # they hold up nobody else
                    asyncio.get_running_loop().call_later(_CLOSED_FOR, self._read_soon, owner)

    async def _stored(self, owners: list[str]) -> Mapping[str, WrappedKey | None] | None:
        """Return what the store has of these; None: it cannot be asked now."""
        try:
            await self.masters.ring()
            async with self._sessions() as session:
                return await stored_case_keys(session, owners)
        except MasterKeyError as error:
            self._say("the master key cannot be read", error)
        except Exception as error:  # noqa: BLE001 whatever it is, a case waits and does not fail
            self._say("the key store does not answer", error)
        return None

    def _settle(
        self, owner: str, stored: Mapping[str, WrappedKey | None], unwrap: Callable[[str, WrappedKey], bytes]
    ) -> bool:
        """Answer whoever wants this key; False: it is there and cannot be unwrapped yet."""
        found: CaseKey | KeyGone = KeyGone.UNKNOWN
        if owner in stored:
            wrapped = stored[owner]
            if wrapped is None:
                found = KeyGone.ERASED
            else:
                try:
                    found = CaseKey(owner, unwrap(owner, wrapped))
                except UnknownMasterKeyError as unknown:
                    self._say(f"the master key {unknown} is not here, which wraps that of {owner}")
                    return False
                except UnreadableError:
                    self._say(f"the stored key of {owner} was altered")
                    return False
                self._keep(found)
        wanted = self._wanted.pop(owner)
        if not wanted.done():
            wanted.set_result(found)
        return True

    def _keep(self, key: CaseKey) -> None:
        self._kept[key.key_id] = key
        if len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)

    def _say(self, what: str, error: BaseException | None = None) -> None:
        """Raise the alarm, of each kind once a minute. What an error says stays out of it."""
        kind = what.partition(" of ")[0]
        if time.monotonic() - self._said.get(kind, -_SAY_AGAIN_AFTER) < _SAY_AGAIN_AFTER:
            return
        self._said[kind] = time.monotonic()
        clear = f": {error}" if isinstance(error, MasterKeyError) else f" ({type(error).__name__})" if error else ""
        _log.error("keys not available: %s%s; cases wait until they are", what, clear)


@asynccontextmanager
async def opened_keys(settings: Settings) -> AsyncIterator[CaseKeys]:
    """Give a process its keys while the context lasts. Nothing is read before it is wanted."""
    engine = database.key_engine(settings)
    keys = CaseKeys(database.sessions(engine), master_keys(settings))
    try:
        async with keys.kept_up_to_date():
            yield keys
    finally:
        await engine.dispose()
