"""`tetsuzuki backup`, `restore` and `release`: what they say of what was done."""

import sys
from collections import Counter
from pathlib import Path

from models.backoffice.restored_cases import Verdict
from models.common.calendar import utc_now
from models.common.store.held_cases import HeldCases
from workers import database
from workers.backup.checking import check_backup
from workers.backup.copies import back_up
from workers.backup.restoring import Copies, restore
from workers.settings import Settings

COMMAND = "command"


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
    for each in report.cases:
        sys.stdout.write(f"{each.verdict.label}\t{each.workflow_id}\t{each.detail}\n")
    counted = Counter(each.verdict for each in report.cases)
    said = ", ".join(f"{verdict.value} {counted[verdict]}" for verdict in Verdict)
    sys.stderr.write(
        f"restored ({report.fit.value}): records until {report.records_until:%F %T%z}; cases: {said}; ended again "
        f"{report.ended}, erased again {report.erased}; the mails of {report.held} cases wait for `tetsuzuki release`\n"
    )
    if report.replaced:
        sys.stderr.write(f"what was there before lies in {report.replaced}: remove it when all is well\n")


async def release_now(settings: Settings, cases: list[str] | None) -> None:
    """Release these cases, or all; none: list what waits."""
    async with database.opened(settings) as sessions:
        held = HeldCases(sessions)
        if cases == []:
            for each in await held.listed():
                sys.stdout.write(f"{each.case_no}\t{each.mails} mails\t{each.webhooks} webhooks\n")
            return
        released = await held.release(cases, by=COMMAND, at=utc_now())
    sys.stdout.write("".join(f"{each}\n" for each in released))


def _to_stderr(text: str) -> None:
    sys.stderr.write(f"{text}\n")
