"""`tetsuzuki backup` and `tetsuzuki restore`, as they are said on the command line; `release` lets mails go."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from workers.program import WRONG_USE, Main, run_command
from workers.settings import Settings


def backup(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="A new folder; with --check one that is there.")],
    *,
    check: Annotated[bool, typer.Option("--check", help="Restore it into scratch, and read each open case.")] = False,
) -> None:
    """Copy both stores of the running embedded stack, or check such a copy."""
    from workers.commands.backup import back_up_now, check_now

    run_command(lambda settings: (check_now if check else back_up_now)(settings, folder), noted_as="backup")


def restore(
    folder: Annotated[Path | None, typer.Argument(file_okay=False, help="The backup.")] = None,
    *,
    postgres_from: Annotated[Path | None, typer.Option(help="Take Postgres from this backup alone.")] = None,
    temporal_from: Annotated[Path | None, typer.Option(help="Take Temporal from this backup alone.")] = None,
    in_place: Annotated[bool, typer.Option("--in-place", help="Make the stores fit as they lie.")] = False,
    accept_loss: Annotated[bool, typer.Option("--accept-loss", help="Also where Postgres is the older one.")] = False,
    no_journal: Annotated[bool, typer.Option("--no-journal", help="There is no newer journal.")] = False,
) -> None:
    """Bring the stores of the embedded stack back, which does not run, and say what became of each case."""
    taken = (postgres_from or folder, temporal_from or folder)
    if in_place == any(taken):
        sys.stderr.write("error: give a backup, or say --in-place\n")
        raise typer.Exit(WRONG_USE)

    def run(settings: Settings) -> Main:
        from workers.temporal import address

        if in_place and settings.database_url is not None and address(settings) is not None:
            from workers.commands.restored import restore_in_place_now

            return restore_in_place_now(settings, accept_loss=accept_loss, no_journal=no_journal)
        from workers.commands.backup import restore_now

        return restore_now(settings, taken, accept_loss=accept_loss, no_journal=no_journal)

    run_command(run, noted_as="restore")


def release(
    cases: Annotated[list[str] | None, typer.Argument(help="Numbers of cases.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Of all cases.")] = False,
) -> None:
    """Send the mails and webhooks that wait since a restore; without a case, list what waits."""
    from workers.commands.restored import release_now

    run_command(lambda settings: release_now(settings, None if everything else cases or []), noted_as="release")
