"""The commands about keys, `tetsuzuki keys …`: those that sign who acts, and those that wrap the keys of cases."""

# ruff: noqa: PLC0415  each command imports its own parts only

from typing import Annotated

import typer

from models.common.signing_keys import KeyPurpose
from workers.program import run_command

keys = typer.Typer(no_args_is_help=True, help="The keys that sign who acts, and the master keys.")
master = typer.Typer(no_args_is_help=True, help="The master keys, which wrap the keys that cases are encrypted with.")
keys.add_typer(master, name="master")


@keys.command()
def new(
    purpose: Annotated[KeyPurpose | None, typer.Argument(help="Without it: each that has no key.")] = None,
) -> None:
    """Make a key and publish it; it signs once every worker knows it."""
    from workers.commands import keys

    run_command(lambda settings: keys.new(settings, purpose))


@keys.command()
def retire(key_id: str) -> None:
    """Let a key sign nothing more and destroy its private half; what it has signed verifies for ever."""
    from workers.commands import keys

    run_command(lambda settings: keys.retire_key(settings, key_id))


@keys.command()
def revoke(key_id: str, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask before.")] = False) -> None:
    """Let a key that has leaked verify nothing new. Cannot be undone."""
    from workers.commands import keys

    if not yes:
        typer.confirm(
            f"鍵 {key_id} を失効させます。この鍵で署名された操作は受け付けなくなり、元に戻せません。よろしいですか",
            abort=True,
        )
    run_command(lambda settings: keys.revoke_key(settings, key_id))


@keys.command("export")
def export_keys() -> None:
    """Print the public keys, for who verifies an export of the audit elsewhere."""
    from workers.commands import keys

    run_command(keys.export)


@keys.command("list")
def list_keys() -> None:
    """List the keys."""
    from workers.commands import keys

    run_command(keys.show)


@master.command("new")
def new_master() -> None:
    """Make a master key. It wraps the keys of new cases at once; `rewrap` wraps those of the others with it."""
    from workers.commands import master_key_changes

    run_command(master_key_changes.new, noted_as="keys master new")


@master.command()
def rewrap() -> None:
    """Wrap the key of every case with the newest master key. Cases go on; may be run again."""
    from workers.commands import master_key_changes

    run_command(master_key_changes.rewrap, noted_as="keys master rewrap")


@master.command()
def destroy(key_id: str, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask before.")] = False) -> None:
    """Destroy a master key that wraps nothing any more. Backups from before cannot be opened without a copy of it."""
    from workers.commands import master_key_changes

    if not yes:
        typer.confirm(
            f"マスター鍵 {key_id} を廃棄します。この鍵の控えがなければ、以前のバックアップの案件は読めなくなり、"
            "元に戻せません。よろしいですか",
            abort=True,
        )
    run_command(lambda settings: master_key_changes.destroy(settings, key_id), noted_as="keys master destroy")


@master.command("list")
def list_masters() -> None:
    """List the master keys, and how many keys of cases each wraps."""
    from workers.commands import master_key_changes

    run_command(master_key_changes.show)
