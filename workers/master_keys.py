"""The master keys of a process: from a variable, from a file, or from a file whose keys a key management service opens.

Each line of the file, or each part of the variable between commas, is one key: its id, a blank, and the key in 64
hexadecimal digits, or as the service has wrapped it. The first wraps the keys of new cases; each opens what it has
wrapped. They are read when a process first needs them and every 20 seconds, never by a workflow's task.
"""

import asyncio
import logging
import os
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from models.common.encryption import MasterKey, MasterKeyRing, WrappedKey
from workers.durable_files import write_durably
from workers.program import ClearError
from workers.settings import Settings
from workers.stack.places import Places

READ_EVERY = timedelta(seconds=20)
"""How often a process looks for other master keys."""
KMS_PATIENCE = timedelta(seconds=10)
"""How long a key management service may take for one answer."""
_TRY_AGAIN_AFTER = 1.0  # seconds
_PLAIN = re.compile(r"[0-9a-f]{64}")
_log = logging.getLogger(__name__)


class MasterKeyError(ClearError):
    """A master key is missing or cannot be used; the message says which, why and what to do. It shows no key."""


class KmsAwayError(Exception):
    """The key management service does not answer now; the text says how, without anything of a key."""


class Kms(Protocol):
    """A key management service: a key of its own wraps our master keys, and never leaves it."""

    async def wrap(self, key: bytes) -> str:
        """Return the key as only the service can open it, in a text without blanks and commas.

        Raises:
            KmsAwayError: no answer; it may be tried again.
            MasterKeyError: it refuses.

        """

    async def unwrap(self, wrapped: str) -> bytes:
        """Return what `wrap` has wrapped. Raises as that does."""


class MasterKeySource(Protocol):
    """Where the master keys are."""

    async def read(self) -> Sequence[MasterKey]:
        """Return them, the one that wraps first.

        Raises:
            KmsAwayError: they cannot be had now.
            MasterKeyError: there is none, or one is not what it should be.

        """


class MasterKeys:
    """The master keys as one process knows them. A look that fails leaves it with what it knew."""

    def __init__(self, source: MasterKeySource) -> None:
        self._source = source
        self._ring: MasterKeyRing | None = None
        self._first = asyncio.Lock()

    async def ring(self) -> MasterKeyRing:
        """Return them, read when they are first asked for. Raises `MasterKeyError`; waits while a service is away."""
        if self._ring is None:
            async with self._first:
                if self._ring is None:
                    self._ring = await self._read_patiently()
        return self._ring

    async def wrap(self, owner: str, key: bytes) -> WrappedKey:
        """Wrap the key of a new case."""
        return (await self.ring()).wrap(owner, key)

    async def look_again(self) -> None:
        """Read them anew, where they have been read."""
        if self._ring is None:
            return
        try:
            self._ring = MasterKeyRing(await self._source.read())
        except (KmsAwayError, MasterKeyError) as error:
            _log.error("keys not available: the master keys could not be read anew: %s", error)

    async def _read_patiently(self) -> MasterKeyRing:
        while True:
            try:
                return MasterKeyRing(await self._source.read())
            except KmsAwayError as error:
                _log.error("keys not available, waiting: %s", error)
                await asyncio.sleep(_TRY_AGAIN_AFTER)


class OpenedLines:
    """Turns lines into keys. What a service has opened once it is not asked for again."""

    def __init__(self, where: str, kms: Kms | None) -> None:
        self._where = where
        self._kms = kms
        self._opened: Mapping[str, MasterKey] = {}

    async def read(self, lines: Sequence[str]) -> list[MasterKey]:
        opened = {line: self._opened.get(line) or await self._open(line) for line in lines}
        self._opened = opened
        if not opened:
            raise MasterKeyError(f"{self._where} holds no master key")
        return list(opened.values())

    async def _open(self, line: str) -> MasterKey:
        key_id, _, text = line.partition(" ")
        if not text or " " in text or not key_id.startswith("mk-"):
            raise MasterKeyError(f"{self._where} is wrong: an id, a blank and a key are wanted for each master key")
        try:
            key = MasterKey(await self._value(key_id, text))
        except ValueError:
            raise MasterKeyError(f"{self._where}: {key_id} is no key of 32 bytes") from None
        if key.key_id != key_id:
            raise MasterKeyError(
                f"{self._where}: what stands there for {key_id}, or was answered for it, is another key"
            )
        return key

    async def _value(self, key_id: str, text: str) -> bytes:
        if _PLAIN.fullmatch(text):
            return bytes.fromhex(text)
        if self._kms is None:
            raise MasterKeyError(
                f"{self._where}: {key_id} is wrapped by a key management service, and none is set (TETSUZUKI_VAULT_…)"
            )
        try:
            async with asyncio.timeout(KMS_PATIENCE.total_seconds()):
                return await self._kms.unwrap(text)
        except TimeoutError:
            raise KmsAwayError("the key management service does not answer in time") from None


class VariableMasterKeys:
    """Those of `TETSUZUKI_MASTER_KEYS`: they change with a restart."""

    def __init__(self, text: str, kms: Kms | None = None) -> None:
        self._lines = [line.strip() for line in text.split(",") if line.strip()]
        self._opened = OpenedLines("TETSUZUKI_MASTER_KEYS", kms)

    async def read(self) -> Sequence[MasterKey]:
        return await self._opened.read(self._lines)


class MasterKeyFile:
    """Those of a file that its owner alone can read: they change while processes run."""

    def __init__(self, file: Path, kms: Kms | None = None) -> None:
        self.file = file
        self._opened = OpenedLines(f"the master key file {file}", kms)

    async def read(self) -> Sequence[MasterKey]:
        return await self._opened.read(self.lines())

    def lines(self) -> list[str]:
        """Return its lines without comments. Raises `MasterKeyError`."""
        try:
            others = self.file.stat().st_mode & 0o077
            text = self.file.read_text(encoding="ascii")
        except FileNotFoundError:
            raise MasterKeyError(
                f"there is no master key file {self.file} (TETSUZUKI_MASTER_KEY_FILE): `tetsuzuki migrate` makes it "
                "for a new database; for one that has cases, bring it back from where it is kept"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise MasterKeyError(f"the master key file {self.file} cannot be read: {why}") from None
        if others:
            raise MasterKeyError(f"the master key file {self.file} is open to other users: chmod 600 it")
        return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]

    def write(self, lines: Sequence[str]) -> None:
        """Keep these lines alone, whole or not at all; when this returns they survive a power cut."""
        former = self.file.with_suffix(".former")
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.file.exists():
                former.unlink(missing_ok=True)
                former.hardlink_to(self.file)
            write_durably(self.file, "".join(f"{line}\n" for line in lines))
            _wipe(former)
        except OSError as error:
            if former.exists() and former.samefile(self.file):  # no key is kept twice
                former.unlink()
            raise MasterKeyError(f"the master key file {self.file} cannot be written: {error.strerror}") from None


async def line_of(key: MasterKey, kms: Kms | None) -> str:
    """Return what keeps a key: as it is, or wrapped where there is a service."""
    return f"{key.key_id} {await kms.wrap(key.reveal()) if kms else key.reveal().hex()}"


def _wipe(file: Path) -> None:
    """Remove a file so that what is unlinked does not lie on the disk."""
    if file.exists():
        with file.open("r+b") as opened:
            opened.write(b"\0" * file.stat().st_size)
            opened.flush()
            os.fsync(opened.fileno())
        file.unlink()


def master_key_file(settings: Settings) -> MasterKeyFile:
    """Return the file that is set, else the state folder's."""
    return MasterKeyFile(settings.master_key_file or Places(settings.state_dir).master_keys, kms_of(settings))


def kms_of(settings: Settings) -> Kms | None:
    """Return the key management service that is set. Raises `MasterKeyError` if something about it is missing."""
    if settings.vault_address is None:
        return None
    if settings.vault_token_file is None:
        raise MasterKeyError("TETSUZUKI_VAULT_ADDRESS is set, and TETSUZUKI_VAULT_TOKEN_FILE is not: set both")
    from workers.vault_transit import VaultTransit  # noqa: PLC0415 it knows this module

    return VaultTransit(settings.vault_address, settings.vault_key, settings.vault_token_file)


def master_keys(settings: Settings) -> MasterKeys:
    """Return the master keys of this process. Nothing is read yet."""
    if settings.master_keys is not None:
        return MasterKeys(VariableMasterKeys(settings.master_keys.get_secret_value(), kms_of(settings)))
    return MasterKeys(master_key_file(settings))
