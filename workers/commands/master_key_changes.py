"""`tetsuzuki keys master …`: the keys that wrap the keys of cases, changed while cases run."""

import sys
import time
from collections.abc import Sequence

from models.common.encryption import HOUSE, MasterKey, MasterKeyRing, UnknownMasterKeyError, UnreadableError
from models.common.store.case_keys import (
    is_house_key_made,
    keys_by_master,
    make_case_key,
    rewrap_some,
    stored_case_keys,
)
from models.common.store.sessions import DatabaseSessions
from workers import database
from workers.master_keys import READ_EVERY, MasterKeyError, MasterKeyFile, kms_of, line_of, master_key_file, master_keys
from workers.settings import Settings

KNOWN_AFTER = 3 * READ_EVERY
"""How long after a master key is made every process wraps with it, one that has missed a look or two included."""


async def begin(settings: Settings) -> None:
    """Give a new database its first master key and the house's key; else see that the master key is the right one.

    Raises:
        MasterKeyError: cases have keys, and their master key is not here; or the new one cannot be kept.

    """
    async with database.opened(settings) as sessions:
        async with sessions() as session:
            is_new = not await is_house_key_made(session)
        if is_new and settings.master_keys is None and not (file := master_key_file(settings)).file.exists():
            file.write([await line_of(MasterKey.new(), kms_of(settings))])
        async with sessions.begin() as session:
            await make_case_key(session, HOUSE)
        await _opens_house(settings, sessions)


async def _opens_house(settings: Settings, sessions: DatabaseSessions) -> None:
    async with sessions() as session:
        stored = (await stored_case_keys(session, [HOUSE]))[HOUSE]
    try:
        if stored:
            (await master_keys(settings).ring()).unwrap(HOUSE, stored)
    except UnknownMasterKeyError as unknown:
        raise MasterKeyError(
            f"the master key {unknown} is not here, and cases of this database are encrypted with it: bring it back "
            "from where it is kept (TETSUZUKI_MASTER_KEY_FILE or TETSUZUKI_MASTER_KEYS)"
        ) from None
    except UnreadableError:
        raise MasterKeyError("the house's key in the table case_keys was altered: bring the database back") from None


async def new(settings: Settings) -> None:
    """Make a master key, with which the keys of new cases are wrapped from now on; the others still open theirs."""
    key = MasterKey.new()
    file = _file(settings)
    if file is None:
        sys.stdout.write(f"{await line_of(key, kms_of(settings))}\n")
        sys.stderr.write(
            "put it behind the others in TETSUZUKI_MASTER_KEYS and start every process anew; then in front of them, "
            "and start every process anew; then `tetsuzuki keys master rewrap`\n"
        )
        return
    file.write([await line_of(key, kms_of(settings)), *file.lines()])
    sys.stdout.write(f"{key.key_id}\t{file.file}\n")
    sys.stderr.write(
        f"in {int(KNOWN_AFTER.total_seconds())} seconds every process wraps with it: then `tetsuzuki keys master "
        "rewrap`. Keep a copy of the file where no backup of the database lies\n"
    )


async def rewrap(settings: Settings) -> None:
    """Wrap the key of every case with the first master key. Cases go on meanwhile; may be interrupted and run again."""
    ring = await master_keys(settings).ring()
    async with database.opened(settings) as sessions:
        count = await _rewrap_all(sessions, ring)
    sys.stdout.write(f"{count} keys wrapped with {ring.ids[0]}\n")


async def _rewrap_all(sessions: DatabaseSessions, ring: MasterKeyRing) -> int:
    count = 0
    try:
        while True:
            async with sessions.begin() as session:
                some = await rewrap_some(session, ring)
            if not some:
                return count
            count += some
    except UnknownMasterKeyError as unknown:
        raise MasterKeyError(f"the master key {unknown} is not here, and wraps keys of cases: bring it back") from None
    except UnreadableError as altered:
        raise MasterKeyError(f"the key of {altered} in the table case_keys was altered: nothing more is done") from None


async def destroy(settings: Settings, key_id: str) -> None:
    """Destroy a master key that wraps nothing any more. Copies in backups and secrets are their owner's to destroy.

    Raises:
        MasterKeyError: it wraps keys still, or may yet; or it is not here.

    """
    ring = await master_keys(settings).ring()
    if key_id not in ring.ids:
        raise MasterKeyError(f"there is no master key {key_id} here: `tetsuzuki keys master list` shows them")
    if key_id == ring.ids[0]:
        raise MasterKeyError(f"{key_id} wraps the keys of new cases: make another first (`tetsuzuki keys master new`)")
    async with database.opened(settings) as sessions, sessions() as session:
        wrapped = (await keys_by_master(session)).get(key_id, 0)
    if wrapped:
        raise MasterKeyError(f"{key_id} wraps {wrapped} keys: `tetsuzuki keys master rewrap` wraps them anew")
    file = _file(settings)
    if file is None:
        sys.stdout.write(f"{key_id} wraps nothing: take it out of TETSUZUKI_MASTER_KEYS and start every process anew\n")
        return
    _others_know(file)
    file.write([line for line in file.lines() if not line.startswith(f"{key_id} ")])
    sys.stdout.write(f"destroyed {key_id} in {file.file}\n")


def _others_know(file: MasterKeyFile) -> None:
    """Refuse while another process may still wrap with what was first a moment ago."""
    if time.time() - file.file.stat().st_mtime < KNOWN_AFTER.total_seconds():
        wait = int(KNOWN_AFTER.total_seconds())
        raise MasterKeyError(
            f"the master keys were changed a moment ago, and another process may not know it yet: wait {wait} seconds, "
            "run `tetsuzuki keys master rewrap`, and try again"
        )


async def show(settings: Settings) -> None:
    """List the master keys, and how many keys each wraps; of those that are not here, too."""
    ids = (await master_keys(settings).ring()).ids
    async with database.opened(settings) as sessions, sessions() as session:
        wrapped = await keys_by_master(session)
    for key_id in [*ids, *sorted(wrapped.keys() - set(ids))]:
        sys.stdout.write(f"{key_id}\t{_what(key_id, ids)}\twraps {wrapped.get(key_id, 0)} keys\n")


def _what(key_id: str, ids: Sequence[str]) -> str:
    if key_id not in ids:
        return "NOT HERE"
    return "wraps the keys of new cases" if key_id == ids[0] else "opens what it has wrapped"


def _file(settings: Settings) -> MasterKeyFile | None:
    """Return where the master keys are kept, if that is a file."""
    return None if settings.master_keys is not None else master_key_file(settings)
