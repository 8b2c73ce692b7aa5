"""`tetsuzuki backup DIR`: copies of both stores of the embedded stack, while it runs.

Temporal's store is copied first: what a case has done then is in Postgres, which is copied after it.
"""

import asyncio
import shutil
import sqlite3
import subprocess
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from models.common.calendar import utc_now
from models.common.store.case_keys import keys_by_master
from models.common.store.mark_rows import mark_of_postgres
from workers import database, store_marks, temporal
from workers.backup.manifest import AUDIT_HEADS, JOURNAL, POSTGRES, TEMPORAL, BackupError, Manifest, digest
from workers.journal import JournalFile
from workers.settings import Settings
from workers.stack.checks import embeds_postgres, embeds_temporal
from workers.stack.places import Places
from workers.stack.postgres import postgres_program
from workers.wiring.derived import audit_heads_file


def check_embedded(settings: Settings) -> None:
    """Raise `BackupError` unless both stores are the embedded stack's own."""
    if not (embeds_postgres(settings) and embeds_temporal(settings)):
        raise BackupError(
            "this command is for the stores of the embedded stack; how others are copied and brought back, in which "
            "order and with which checks, is in docs/backup-and-restore.md"
        )


async def back_up(settings: Settings, folder: Path) -> Manifest:
    """Copy both stores, the journal and the audit's heads into a new folder. The stack runs.

    Raises:
        BackupError: the folder is there already, or a store cannot be copied.
        StoresApartError: the two stores do not belong together.
        DatabaseUnreachableError: the stack does not run.

    """
    check_embedded(settings)
    if await asyncio.to_thread(folder.exists):
        raise BackupError(f"{folder} is there already: a backup goes into a folder of its own")
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    await asyncio.to_thread(_new_folder, unfinished)
    try:
        manifest = await _copy(settings, unfinished)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
        raise
    unfinished.rename(folder)
    return manifest


async def _copy(settings: Settings, folder: Path) -> Manifest:
    places, journal = Places(settings.state_dir), JournalFile.of(settings)
    client = await temporal.connect(settings)
    async with database.opened(settings) as sessions:
        # What is copied earlier than another backup has a lower mark than that.
        await store_marks.count(client, sessions)
        async with sessions() as session:
            mark, masters = await mark_of_postgres(session), await keys_by_master(session)
    if mark is None:
        raise BackupError("the stores carry no mark yet: start the stack once with this version")
    temporal_copied_at = utc_now()
    await asyncio.to_thread(copy_sqlite, places.temporal, folder / TEMPORAL)
    await asyncio.to_thread(_copy_postgres, places.socket_dir, folder / POSTGRES)
    postgres_copied_at = utc_now()
    copied = JournalFile(folder / JOURNAL)
    copied.write(await journal.entries())  # last: it knows of all that the copies know
    if (heads := audit_heads_file(settings)).exists():
        shutil.copyfile(heads, folder / AUDIT_HEADS)
    named = (TEMPORAL, f"{POSTGRES}/backup_manifest", JOURNAL, AUDIT_HEADS)
    sums = {name: found for name in named if (found := await asyncio.to_thread(digest, folder / name))}
    manifest = Manifest(
        version=version("tetsuzuki"),
        temporal_copied_at=temporal_copied_at,
        postgres_copied_at=postgres_copied_at,
        epoch=mark.epoch,
        mark=mark.mark,
        journal_lines=len(await copied.entries()),
        master_keys=sorted(masters),
        sha256=sums,
    )
    manifest.write(folder)
    return manifest


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite file that may be written to meanwhile, as it is at one moment. Blocks. Raises `BackupError`."""
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as opened,
            closing(sqlite3.connect(target)) as copy,
        ):
            opened.backup(copy)
            [[whole]] = copy.execute("pragma quick_check(1)")
    except sqlite3.Error as error:
        raise BackupError(f"{source} cannot be copied: {error}") from None
    if whole != "ok":
        raise BackupError(f"the copy of {source} is damaged: {whole}")


def _copy_postgres(socket_dir: Path, target: Path) -> None:
    """Copy the cluster with what it needs to be whole, while it is written to. Blocks."""
    options = ["--host", str(socket_dir), "--username", "postgres", "--pgdata", str(target)]
    _run("pg_basebackup", *options, "--wal-method=stream", "--checkpoint=fast", "--no-password")
    verify_postgres(target)


def verify_postgres(folder: Path) -> None:
    """Compare a copy with the list that was made with it. Blocks. Raises `BackupError`."""
    _run("pg_verifybackup", "--quiet", str(folder))


def _run(program: str, *arguments: str) -> None:
    argv = [str(postgres_program(program)), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise BackupError(f"{program} failed: {done.stderr.strip()}")


def _new_folder(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise BackupError(f"{folder} cannot be made: {error.strerror}") from None
