"""The commands about persons: `tetsuzuki person …`, and the data map."""

# ruff: noqa: PLC0415  each command imports its own parts only

from pathlib import Path
from typing import Annotated

import typer

from workers.commands.webhooks_cli import As
from workers.program import run_for_operators

person = typer.Typer(no_args_is_help=True, help="What is held of a person, and erasing it.")
Addresses = Annotated[list[str], typer.Argument(help="Every mail address of the person that is known.")]


@person.command("show")
def show(
    addresses: Addresses,
    *,
    into: Annotated[Path | None, typer.Option(help="Write this file instead of printing.")] = None,
) -> None:
    """Show everything that is held of a person, as one JSON file."""
    from workers.commands.person import show

    run_for_operators(lambda settings: show(settings, addresses, into), noted_as="person show")


@person.command("erase")
def erase(addresses: Addresses, *, as_: As = None) -> None:
    """Ask that a person is erased; a supervisor approves it at the desk. Refused while a case of theirs is open."""
    from workers.commands.person import ask_erasure

    run_for_operators(lambda settings: ask_erasure(settings, addresses, as_), noted_as="person erase")
