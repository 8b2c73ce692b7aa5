"""`tetsuzuki restore`: both stores of the embedded stack brought back, and made to fit before anything uses them.

Nothing but the two stores runs meanwhile. What was there before is put aside, and comes back if the restore fails.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from temporalio.client import Client

from models.backoffice.restored_cases import RestoredCase
from models.backoffice.store.erased_again import erase_again
from models.backoffice.store.restored_rows import (
    end_again,
    end_log_ins,
    hold_mails,
    last_recorded,
    move_numbers,
    notify_again,
    promise_numbers,
)
from models.common.calendar import utc_now
from models.common.journal import JournalEntry, JournalError, merged
from models.common.store.mark_rows import mark_of_postgres, raise_epoch
from models.common.store.sessions import DatabaseSessions
from models.common.store_marks import Fit, fit
from models.common.task_queues import erasing_queue
from workers import database, schema, store_marks, temporal
from workers.backup.copies import check_embedded, verify_postgres
from workers.backup.manifest import JOURNAL, POSTGRES, TEMPORAL, BackupError, Manifest
from workers.backup.restored_workflows import RestoredWorkflows
from workers.commands.master_key_changes import begin
from workers.journal import JournalFile
from workers.master_keys import master_keys
from workers.program import Say
from workers.settings import Settings
from workers.stack import postgres
from workers.stack.parts import stores_only
from workers.stack.places import Places
from workers.stack.supervisor import Stack

_IN_PLACE_SINCE = timedelta(days=1)
"""How far back things are done once more where no manifest says when Temporal was copied."""
_A_MOMENT = timedelta(seconds=10)
"""Temporal notes a step a moment after Postgres has it."""


@dataclass(frozen=True)
class Copies:
    """Where each store comes from; None: it stays as it lies."""

    postgres: Path | None = None
    temporal: Path | None = None

    @property
    def folders(self) -> list[Path]:
        """Return each backup once."""
        return list(dict.fromkeys(folder for folder in (self.postgres, self.temporal) if folder))


@dataclass
class RestoreReport:
    """What a restore has found and done."""

    fit: Fit
    records_until: datetime
    """Up to when the records go: what was recorded later is lost."""
    replaced: Path | None
    """Where the stores lie that were there before."""
    ended: int = 0
    erased: int = 0
    held: int = 0
    cases: Sequence[RestoredCase] = field(default_factory=list)


async def restore(
    settings: Settings, copies: Copies, say: Say, *, accept_loss: bool = False, no_journal: bool = False
) -> RestoreReport:
    """Bring the stores back, raise their epoch, and make them fit. The stack does not run.

    Raises:
        BackupError: a copy is not whole or its keys are not here, the journal is missing, or Postgres is older than
            Temporal and nobody has said that the loss is accepted. Nothing is changed then.
        StackError: a stack runs on this folder.

    """
    check_embedded(settings)
    manifests = {folder: await asyncio.to_thread(Manifest.of, folder) for folder in copies.folders}
    if copies.postgres:
        await asyncio.to_thread(verify_postgres, copies.postgres / POSTGRES)
    await _check_keys(settings, manifests)
    entries = await _journal(settings, copies, no_journal=no_journal)
    put_back = _Replaced(Places(settings.state_dir), copies)
    stack = Stack(settings, say=say, order=stores_only(put_back.exchange))
    try:
        async with stack:
            JournalFile.of(settings).write(entries)
            since, until = _times(copies, manifests)
            report = await _make_fit(stack.settings, entries, since, until, accept_loss=accept_loss)
    except BaseException:
        await asyncio.to_thread(put_back.undo)
        raise
    report.replaced = put_back.aside
    return report


async def _make_fit(
    settings: Settings, entries: Sequence[JournalEntry], since: datetime, until: datetime | None, *, accept_loss: bool
) -> RestoreReport:
    address = database.url(settings)
    await schema.migrate(address)
    await begin(settings)
    async with database.opened(settings) as sessions, temporal.opened(settings) as client:
        before = await store_marks.mark_of_temporal(client)
        async with sessions() as session:
            found = fit(await mark_of_postgres(session), before)
            recorded = await last_recorded(session) or utc_now()
        _check_fit(found, accept_loss=accept_loss)
        report = RestoreReport(found, recorded, None)
        epoch = before.epoch if before else 0
        gap = settings.restore_gap
        workflows = await _change_rows(sessions, entries, report, gap=gap, since=since, epoch=epoch)
        # Only now: what the rows say is what workflows are brought to.
        queues = (settings.temporal_task_queue, erasing_queue(settings.temporal_task_queue))
        settling = RestoredWorkflows(client, sessions, queues, until or recorded + _A_MOMENT)
        report.cases = await settling.settle()
        await settling.delete_all(workflows)
        await _mark(client, sessions)
    return report


async def _change_rows(
    sessions: DatabaseSessions,
    entries: Sequence[JournalEntry],
    report: RestoreReport,
    *,
    gap: int,
    since: datetime,
    epoch: int,
) -> list[str]:
    """Change what is to be changed in Postgres, in one transaction; return the workflows of who was erased."""
    at = utc_now()
    async with sessions.begin() as session:
        await move_numbers(session, gap)
        await promise_numbers(session, entries)
        report.ended = await end_again(session, entries)
        await end_log_ins(session, at)
        workflows = await erase_again(session, entries, at)
        report.erased = len(workflows)
        report.held = await hold_mails(session, at)
        await notify_again(session, since)
        await raise_epoch(session, epoch, at)
    return workflows


async def _mark(client: Client, sessions: DatabaseSessions) -> None:
    """Have Temporal carry the new epoch, last: a restore that was interrupted is not served."""
    async with sessions() as session:
        mark = await mark_of_postgres(session)
    if mark:
        await store_marks.mark_temporal(client, mark)


def _check_fit(found: Fit, *, accept_loss: bool) -> None:
    if found is Fit.STRANGERS:
        raise BackupError("these two stores have never been used together: take both from the same backup")
    if found is Fit.POSTGRES_OLDER and not accept_loss:
        raise BackupError(
            "Postgres is older than Temporal: what cases have done in the time between is lost, and cases that began "
            "in it are ended. Take both stores from the same backup, or Temporal from the older one; if that is not "
            "possible, say --accept-loss"
        )


def _times(copies: Copies, manifests: dict[Path, Manifest]) -> tuple[datetime, datetime | None]:
    """Return since when Temporal may have lost what Postgres knows, and how far Postgres goes, if it is a copy."""
    since = manifests[copies.temporal].temporal_copied_at if copies.temporal else utc_now() - _IN_PLACE_SINCE
    return since - _A_MOMENT, manifests[copies.postgres].postgres_copied_at if copies.postgres else None


async def _check_keys(settings: Settings, manifests: dict[Path, Manifest]) -> None:
    here = set((await master_keys(settings).ring()).ids) if manifests else set()
    missing = sorted({each for manifest in manifests.values() for each in manifest.master_keys} - here)
    if missing:
        raise BackupError(
            f"the master keys {', '.join(missing)} are not here, and cases of this backup are encrypted with them: "
            "bring them back from where they are kept (TETSUZUKI_MASTER_KEY_FILE or TETSUZUKI_MASTER_KEYS)"
        )


async def _journal(settings: Settings, copies: Copies, *, no_journal: bool) -> list[JournalEntry]:
    """Return the newest that there is, of the one in use and those of the backups."""
    own = JournalFile.of(settings)
    if not own.path.exists() and not no_journal:
        raise BackupError(
            f"the journal is not at {own.path}: bring its newest copy back, since it alone knows which numbers were "
            "given out and who was erased after the backup. If there is none, say --no-journal"
        )
    try:
        entries = await own.entries()
        for folder in copies.folders:
            entries = merged(entries, await JournalFile(folder / JOURNAL).entries())
    except JournalError as error:
        raise BackupError(f"the journal cannot be used: {error}") from None
    return entries


class _Replaced:
    """The stores that were there before: put aside, and put back if the restore fails."""

    def __init__(self, places: Places, copies: Copies) -> None:
        self._places = places
        self._copies = copies
        self._moved: list[tuple[Path, Path]] = []
        self._placed: list[Path] = []
        self.aside: Path | None = None

    async def exchange(self) -> None:
        await asyncio.to_thread(self._exchange)

    def undo(self) -> None:
        """Leave things as they were. Blocks."""
        for path in self._placed:
            for each in _files_of(path):
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        for before, aside in self._moved:
            aside.rename(before)
        if self.aside:
            self.aside.rmdir()

    def _exchange(self) -> None:
        if self._copies.postgres:
            self._put_aside(self._places.postgres)
            postgres.install(self._copies.postgres / POSTGRES, self._places.postgres)
        if self._copies.temporal:
            self._put_aside(self._places.temporal)
            shutil.copyfile(self._copies.temporal / TEMPORAL, self._places.temporal)

    def _put_aside(self, path: Path) -> None:
        self._placed.append(path)
        for each in _files_of(path):
            if self.aside is None:
                self.aside = Path(tempfile.mkdtemp(prefix="replaced-", dir=self._places.state))
            aside = self.aside / each.name
            each.rename(aside)
            self._moved.append((each, aside))


def _files_of(path: Path) -> list[Path]:
    """Return a store's folder, or its file with what SQLite keeps beside it."""
    return [each for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))) if each.exists()]
