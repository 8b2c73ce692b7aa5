"""The public keys as a process knows them: read when it starts and every minute, asked from memory."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from models.common.signatures import Signer, Verifier
from models.common.signing_keys import KeyPurpose, PrivateKey
from models.common.store.public_keys import READ_EVERY, public_keys, signing_key_id
from models.common.store.sessions import DatabaseSessions
from workers.key_files import KeyFiles
from workers.program import ClearError
from workers.settings import Settings

_log = logging.getLogger(__name__)
_NO_KEYS = "there are no public keys, so that no operation could be accepted: `tetsuzuki keys new` makes them"


class NoKeysError(ClearError):
    """Nobody has made a key yet."""


class KnownKeys:
    """The keys of one process. A round that fails leaves it with what it knew."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions
        self.verifier = Verifier(())

    async def start(self) -> None:
        """Read them for the first time.

        Raises:
            NoKeysError: there is none.

        """
        await self.read()
        if not len(self.verifier):
            raise NoKeysError(_NO_KEYS)

    async def read(self) -> None:
        """Read them anew."""
        async with self._sessions() as session:
            self.verifier = Verifier(await public_keys(session))

    async def keep_reading(self) -> None:
        """Read them every minute until cancelled."""
        while True:
            await asyncio.sleep(READ_EVERY.total_seconds())
            try:
                await self.read()
            except Exception as error:  # noqa: BLE001 operations are verified with what is known while Postgres is away
                _log.warning("the public keys could not be read, and are in a minute: %s", type(error).__name__)

    @asynccontextmanager
    async def kept_up_to_date(self) -> AsyncIterator[None]:
        """Read them now and every minute while the context lasts. Raises `NoKeysError`."""
        await self.start()
        reading = asyncio.create_task(self.keep_reading())
        try:
            yield
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading


class CurrentSigner:
    """What signs now, in a process that runs on while keys change: asked for each operation, looked up every minute."""

    def __init__(self, settings: Settings, sessions: DatabaseSessions, purpose: KeyPurpose) -> None:
        self._settings, self._sessions, self._purpose = settings, sessions, purpose
        self._signer: Signer | None = None
        self._looked_at = 0.0

    async def __call__(self) -> Signer:
        """Return it. Raises what `signer_for` does, if there has been none yet."""
        if self._signer is None or time.monotonic() - self._looked_at > READ_EVERY.total_seconds():
            self._signer = await self._look()
            self._looked_at = time.monotonic()
        return self._signer

    async def check(self) -> None:
        """Raise `ClearError` if nothing could be signed. A database that is away is waited for by who needs it."""
        try:
            await self()
        except ClearError:
            raise
        except Exception as error:  # noqa: BLE001 it is looked up again with the first operation
            _log.warning("the key for %s could not be looked up yet: %s", self._purpose, type(error).__name__)

    async def _look(self) -> Signer:
        try:
            return await signer_for(self._settings, self._sessions, self._purpose)
        except Exception as error:
            if self._signer is None:
                raise
            # What it has may verify still, and another look is a minute away.
            _log.warning("the key for %s could not be looked up: %s", self._purpose, type(error).__name__)
            return self._signer


async def signer_for(settings: Settings, sessions: DatabaseSessions, purpose: KeyPurpose) -> Signer:
    """Return what signs operations for this purpose now. Raises what `private_key_for` does."""
    return Signer(await private_key_for(settings, sessions, purpose))


async def private_key_for(settings: Settings, sessions: DatabaseSessions, purpose: KeyPurpose) -> PrivateKey:
    """Return the private key that lies here and signs for this purpose now.

    Raises:
        NoKeysError: none was made for it.
        KeyFileError: its private half is not here, or cannot be used.

    """
    async with sessions() as session:
        key_id = await signing_key_id(session, purpose)
    if key_id is None:
        raise NoKeysError(f"no key signs for {purpose}: `tetsuzuki keys new {purpose}` makes one")
    return KeyFiles(settings).read(key_id)
