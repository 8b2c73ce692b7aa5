"""`tetsuzuki backup` and `restore` of the embedded stack."""

import sys
from pathlib import Path

from workers.backup.checking import check_backup
from workers.backup.copies import back_up
from workers.backup.restoring import Copies, restore
from workers.commands.restored import show
from workers.settings import Settings


async def back_up_now(settings: Settings, folder: Path) -> None:
    """Copy both stores, and say where and with which mark."""
    manifest = await back_up(settings, folder)
    sys.stdout.write(f"{folder}\tepoch {manifest.epoch}\tmark {manifest.mark}\t{manifest.postgres_copied_at:%F %T%z}\n")
    sys.stderr.write(
        f"keep the master keys {', '.join(manifest.master_keys)} and the secret key elsewhere: they are not in it\n"
    )


async def check_now(settings: Settings, folder: Path) -> None:
    """Say whether a backup can be restored."""
    found = await check_backup(settings, folder, _to_stderr)
    sys.stdout.write(f"{folder} can be restored: {found.cases} open cases read, {found.journal_lines} journal lines\n")


async def restore_now(
    settings: Settings, taken: tuple[Path | None, Path | None], *, accept_loss: bool, no_journal: bool
) -> None:
    """Bring the stores back, and say what became of each case."""
    report = await restore(settings, Copies(*taken), _to_stderr, accept_loss=accept_loss, no_journal=no_journal)
    show(report)


def _to_stderr(text: str) -> None:
    sys.stderr.write(f"{text}\n")
