"""`tetsuzuki keys …`: the keys that sign who acts. Private halves are files, public ones rows."""

import sys
from datetime import datetime

from models.common.calendar import JST
from models.common.security_log import SecurityEvent, security_event
from models.common.signing_keys import KeyPurpose, KeyState, PrivateKey
from models.common.store.public_keys import KNOWN_AFTER, KeyStateError, known_keys, publish, retire, revoke, stored_keys
from models.common.store.sessions import DatabaseSessions
from workers import database
from workers.key_files import KeyFiles
from workers.program import ClearError
from workers.settings import Settings


async def new(settings: Settings, purpose: KeyPurpose | None) -> None:
    """Make and publish a key; without a purpose, one for each purpose that has none."""
    async with database.opened(settings) as sessions:
        made = [await _make(settings, sessions, purpose)] if purpose else await make_missing(settings, sessions)
    for key in made:
        sys.stdout.write(f"{key.public.key_id}\t{KeyFiles(settings).file_of(key.public.key_id)}\n")
    if made:
        wait = int(KNOWN_AFTER.total_seconds())
        sys.stderr.write(f"published; signs in {wait} seconds, when every worker knows it (the first key at once)\n")


async def make_missing_keys(settings: Settings) -> None:
    """Make a key for each purpose for which none signs, as `up` does when it first starts."""
    async with database.opened(settings) as sessions:
        await make_missing(settings, sessions)


async def make_missing(settings: Settings, sessions: DatabaseSessions) -> list[PrivateKey]:
    """Make a key for each purpose for which none signs."""
    async with sessions() as session:
        there = {row.purpose for row in await stored_keys(session) if row.state == KeyState.ACTIVE}
    return [await _make(settings, sessions, purpose) for purpose in KeyPurpose if purpose not in there]


async def _make(settings: Settings, sessions: DatabaseSessions, purpose: KeyPurpose) -> PrivateKey:
    key = PrivateKey.new(purpose)
    KeyFiles(settings).write(key)  # first: a key that is published can sign
    async with sessions.begin() as session:
        await publish(session, key.public)
    security_event(SecurityEvent.SIGNING_KEY, "made", key=key.public.key_id)
    return key


async def retire_key(settings: Settings, key_id: str) -> None:
    """Let a key sign nothing more and destroy its private half; what it has signed verifies for ever."""
    async with database.opened(settings) as sessions:
        try:
            async with sessions.begin() as session:
                await retire(session, key_id)
        except KeyStateError as error:
            raise ClearError(str(error)) from None
    security_event(SecurityEvent.SIGNING_KEY, "retired", key=key_id)
    _destroy(settings, key_id)


async def revoke_key(settings: Settings, key_id: str) -> None:
    """Let a key that has leaked verify nothing new, and destroy its private half."""
    async with database.opened(settings) as sessions:
        try:
            async with sessions.begin() as session:
                await revoke(session, key_id)
                rows = await stored_keys(session)
        except KeyStateError as error:
            raise ClearError(str(error)) from None
    security_event(SecurityEvent.SIGNING_KEY, "revoked", key=key_id)
    _destroy(settings, key_id)
    active = {row.purpose for row in rows if row.state == KeyState.ACTIVE and row.key_id != key_id}
    [purpose] = [row.purpose for row in rows if row.key_id == key_id]
    if purpose not in active:
        sys.stderr.write(f"nothing signs for {purpose} now: `tetsuzuki keys new {purpose}` makes a key\n")


async def show(settings: Settings) -> None:
    """List the keys, and whether the private half of each is here."""
    files = KeyFiles(settings)
    async with database.opened(settings) as sessions, sessions() as session:
        rows = await stored_keys(session)
    for row in rows:
        at = {KeyState.RETIRED: row.retired_at, KeyState.REVOKED: row.revoked_at}.get(KeyState(row.state))
        since = f" since {_moment(at)}" if at else ""
        private = "private half here" if files.file_of(row.key_id).exists() else "private half elsewhere or destroyed"
        sys.stdout.write(f"{row.key_id}\t{row.state}{since}\tpublished {_moment(row.published_at)}\t{private}\n")
    if not rows:
        sys.stdout.write("no keys yet: `tetsuzuki keys new` makes one for each purpose\n")


async def export(settings: Settings) -> None:
    """Print all public keys as `tetsuzuki audit verify` reads them."""
    async with database.opened(settings) as sessions, sessions() as session:
        sys.stdout.buffer.write((await known_keys(session)).write())


def _destroy(settings: Settings, key_id: str) -> None:
    files = KeyFiles(settings)
    where = files.file_of(key_id)
    if files.destroy(key_id):
        sys.stdout.write(f"destroyed {where}\n")
    else:
        sys.stdout.write(f"its private half is not at {where}: destroy it where it lies\n")


def _moment(at: datetime) -> str:
    return f"{at.astimezone(JST):%Y-%m-%d %H:%M}"
