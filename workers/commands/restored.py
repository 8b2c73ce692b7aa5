"""`tetsuzuki restore --in-place` of stores of one's own, what a restore says, and `tetsuzuki release` after it."""

import sys
from collections import Counter

from models.backoffice.restored_cases import Verdict
from models.common.calendar import utc_now
from models.common.store.held_cases import HeldCases
from workers import database
from workers.backup.fitting import RestoreReport, restore_in_place
from workers.commands.acting import command_actor
from workers.settings import Settings


async def restore_in_place_now(settings: Settings, *, accept_loss: bool, no_journal: bool) -> None:
    """Make the stores fit that the settings name, and say what became of each case."""
    show(await restore_in_place(settings, accept_loss=accept_loss, no_journal=no_journal))


def show(report: RestoreReport) -> None:
    """Print what became of each case, and the rest for whoever reads along."""
    for each in report.cases:
        sys.stdout.write(f"{each.verdict.label}\t{each.workflow_id}\t{each.detail}\n")
    counted = Counter(each.verdict for each in report.cases)
    said = ", ".join(f"{verdict.value} {counted[verdict]}" for verdict in Verdict)
    sys.stderr.write(
        f"restored ({report.fit.value}): records until {report.records_until:%F %T%z}; cases: {said}; ended again "
        f"{report.ended}, erased again {report.erased}; the mails of {report.held} cases wait for `tetsuzuki release`\n"
        "numbers go on above all that were given out; the running number in a registered name goes on from what is "
        "known, so that a name may occur twice\n"
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
        released = await held.release(cases, by=str(command_actor()), at=utc_now())
    sys.stdout.write("".join(f"{each}\n" for each in released))
