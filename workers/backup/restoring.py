"""`tetsuzuki restore`: both stores of the embedded stack brought back, and made to fit before anything uses them.

Nothing but the two stores runs meanwhile. What was there before is put aside, and comes back if the restore fails.
"""

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from workers.backup.copies import check_embedded, verify_postgres
from workers.backup.fitting import RestoreReport, Times, make_fit, newest_journal
from workers.backup.manifest import JOURNAL, POSTGRES, TEMPORAL, BackupError, Manifest
from workers.journal import JournalFile
from workers.master_keys import master_keys
from workers.program import Say
from workers.settings import Settings
from workers.stack import postgres
from workers.stack.parts import stores_only
from workers.stack.places import Places
from workers.stack.supervisor import Stack


@dataclass(frozen=True)
class Copies:
    """Where each store comes from; None: it stays as it lies."""

    postgres: Path | None = None
    temporal: Path | None = None

    @property
    def folders(self) -> list[Path]:
        """Return each backup once."""
        return list(dict.fromkeys(folder for folder in (self.postgres, self.temporal) if folder))


async def restore(
    settings: Settings, copies: Copies, say: Say, *, accept_loss: bool = False, no_journal: bool = False
) -> RestoreReport:
    """Bring the stores back, raise their epoch, and make them fit. The stack does not run.

    Raises:
        BackupError: a copy is not whole or its keys are not here, the journal is missing, or Postgres is older than
            Temporal and nobody has said that the loss is accepted. Nothing is changed then.
        StackError: a stack runs on this folder.

    """
    if copies.folders:
        check_embedded(settings)
    manifests = {folder: await asyncio.to_thread(Manifest.of, folder) for folder in copies.folders}
    if copies.postgres:
        await asyncio.to_thread(verify_postgres, copies.postgres / POSTGRES)
    await _check_keys(settings, manifests)
    journals = [JournalFile(folder / JOURNAL) for folder in copies.folders]
    entries = await newest_journal(settings, journals, no_journal=no_journal)
    put_back = _Replaced(Places(settings.state_dir), copies)
    stack = Stack(settings, say=say, order=stores_only(put_back.exchange))
    try:
        async with stack:
            JournalFile.of(settings).write(entries)
            times = Times(
                temporal=manifests[copies.temporal].temporal_copied_at if copies.temporal else None,
                postgres=manifests[copies.postgres].postgres_copied_at if copies.postgres else None,
            )
            report = await make_fit(stack.settings, entries, times, accept_loss=accept_loss)
    except BaseException:
        await asyncio.to_thread(put_back.undo)
        raise
    report.replaced = put_back.aside
    return report


async def _check_keys(settings: Settings, manifests: dict[Path, Manifest]) -> None:
    here = set((await master_keys(settings).ring()).ids) if manifests else set()
    missing = sorted({each for manifest in manifests.values() for each in manifest.master_keys} - here)
    if missing:
        raise BackupError(
            f"the master keys {', '.join(missing)} are not here, and cases of this backup are encrypted with them: "
            "bring them back from where they are kept (TETSUZUKI_MASTER_KEY_FILE or TETSUZUKI_MASTER_KEYS)"
        )


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
