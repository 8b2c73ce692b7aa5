"""The commands about the audit of cases: `tetsuzuki audit …`."""

# ruff: noqa: PLC0415  each command imports its own parts only

from pathlib import Path
from typing import Annotated

import typer

from workers.program import run, run_command

audit = typer.Typer(no_args_is_help=True, help="The audit of cases: exports that prove themselves.")


@audit.command("export")
def export(
    case: Annotated[str, typer.Argument(help="The case's number.")],
    *,
    into: Annotated[Path | None, typer.Option(help="Write this file instead of printing.")] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Pages for people instead of the JSON.")] = False,
) -> None:
    """Export everything recorded of a case, with a signed head at its end."""
    from workers.commands.audit import export

    run_command(lambda settings: export(settings, case, into, pdf=pdf), noted_as="audit export")


@audit.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An export.")],
    *,
    keys: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="What `tetsuzuki keys export` wrote.")],
    heads: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="The heads of the nights.")] = None,
) -> None:
    """Verify an export with these keys alone; needs neither database nor settings. Fails if anything is wrong."""
    from workers.commands.audit import verify

    raise typer.Exit(run(verify(file, keys, heads)))


@audit.command("sign-heads")
def sign_heads() -> None:
    """Sign the heads of all cases that have changed, as the desk does each night."""
    from workers.commands.audit import sign_heads

    run_command(sign_heads)
