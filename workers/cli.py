"""The command line: each command reads the settings and hands over. Parts are imported only by who needs them."""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from models.common.calendar import BusinessCalendar
from workers.commands.webhooks_cli import forms_commands, webhooks_commands
from workers.program import run
from workers.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Application procedures that take weeks.",
)
smart_import = typer.Typer(no_args_is_help=True, help="Smart import of an office's transactions.")
app.add_typer(smart_import, name="smart-import")
health = typer.Typer(no_args_is_help=True, help="Whether a process of this machine does its work; for health checks.")
app.add_typer(health, name="health")
myics = typer.Typer(no_args_is_help=True, help="MYICS: accounts for accounting firms.")
app.add_typer(myics, name="myics")

WRONG_USE = 2
_EMBEDDED = {"aiosmtpd", "httpx", "psutil"}
"""What production images do without."""


def main() -> None:
    """The entry point."""
    try:
        app()
    except ModuleNotFoundError as error:
        if error.name not in _EMBEDDED:
            raise
        sys.exit(f"error: this command needs {error.name}: install the project with its extra `embedded`")


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        for wrong in error.errors():
            name = "_".join(str(part) for part in wrong["loc"][:1])
            sys.stderr.write(f"error: TETSUZUKI_{name.upper()}: {wrong['msg']}\n")
        raise typer.Exit(WRONG_USE) from None


app.add_typer(webhooks_commands(_settings), name="webhooks")
app.add_typer(forms_commands(_settings), name="forms")


@app.command()
def up() -> None:
    """Start everything on this machine and keep it running until Ctrl-C."""
    from workers.stack.up import up as run_stack

    raise typer.Exit(run(run_stack(_settings()), service=True))


@app.command()
def worker() -> None:
    """Run one worker process."""
    from workers.worker import serve

    settings = _settings()
    raise typer.Exit(run(serve(settings), log_level=settings.log_level, service=True))


@app.command()
def web() -> None:
    """Serve the form, the case pages and the API."""
    from workers.web_server import serve

    settings = _settings()
    raise typer.Exit(run(serve(settings), log_level=settings.log_level, service=True))


@app.command()
def inbox() -> None:
    """Take mails by SMTP and keep each as a file under the state folder."""
    from workers.stack.inbox import serve

    settings = _settings()
    raise typer.Exit(run(serve(settings), log_level=settings.log_level, service=True))


@app.command()
def migrate(
    *,
    schema_only: Annotated[bool, typer.Option(help="Leave Temporal alone.")] = False,
    add_revision: Annotated[str | None, typer.Option(help="For developers: write what changed as a revision.")] = None,
) -> None:
    """Prepare the database and Temporal's namespace and make this build current, if its replay check passes."""
    from workers.set_up import set_up

    raise typer.Exit(run(set_up(_settings(), schema_only=schema_only, add_revision=add_revision)))


@app.command()
def load(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON Lines, JSON or CSV.")]) -> None:
    """Load a registry file; rows that are wrong are refused one by one."""
    from workers.commands.load import load_with_progress

    raise typer.Exit(run(load_with_progress(_settings(), file, file.stat().st_size)))


@app.command("due-date")
def due_date(day: Annotated[str, typer.Argument(help="The day of application, YYYY-MM-DD.")]) -> None:
    """Print the day by which an application made on this day is completed."""
    try:
        applied_on = date.fromisoformat(day)
    except ValueError:
        sys.stderr.write(f"「{day}」は日付として読み取れません。2026-11-04 の形で入力してください。\n")
        raise typer.Exit(WRONG_USE) from None
    typer.echo(BusinessCalendar(_settings().closing_days).due_date(applied_on).isoformat())


@app.command()
def replay() -> None:
    """Replay every open case with this build; fails if any would break. Changes nothing."""
    from workers.commands.replay import replay_with_progress

    raise typer.Exit(run(replay_with_progress(_settings())))


@app.command()
def diagram(
    application_no: Annotated[str | None, typer.Argument(help="A case's number, to draw its own way.")] = None,
    *,
    office: Annotated[int, typer.Option(help="Which of its offices, counted from 1.")] = 1,
    svg: Annotated[Path | None, typer.Option(help="Write this SVG file instead of printing Mermaid.")] = None,
    into: Annotated[Path, typer.Option(help="Where the pictures of all procedures go.")] = Path("docs"),
) -> None:
    """Draw all procedures for the documents, or the way of one case with its live step marked."""
    from workers.commands.diagram import draw_case, draw_procedures

    if application_no is None:
        draw_procedures(into)
    else:
        raise typer.Exit(run(draw_case(_settings(), application_no, office, svg)))


@app.command()
def mails(into: Annotated[Path, typer.Option(help="The folder of the mail samples.")] = Path("docs/mails")) -> None:
    """Write the mail samples, as text and as HTML, for the documents."""
    from workers.mail_samples.pages import write_samples

    write_samples(into)


@app.command()
def reconcile() -> None:
    """Compare registry, cases and Temporal now, repair what is safe, print the rest; fails if it needs a person."""
    from workers.commands.reconcile import reconcile_now

    raise typer.Exit(run(reconcile_now(_settings())))


@smart_import.command("run")
def smart_import_run(office_token: str) -> None:
    """Import an office's transactions now; refused while it is frozen."""
    from workers.commands.smart_import import import_once

    raise typer.Exit(run(import_once(_settings(), office_token)))


@health.command("worker")
def health_worker() -> None:
    """Fail unless a worker on this machine asks Temporal for work."""
    from workers.health import check_worker

    raise typer.Exit(run(check_worker(_settings())))


@health.command("web")
def health_web() -> None:
    """Fail unless the web on this machine answers."""
    from workers.health import check_web

    raise typer.Exit(run(check_web(_settings())))


@myics.command("invite")
def myics_invite(
    file: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False, help="A CSV file of firms.")] = None,
    *,
    customer_number: Annotated[str | None, typer.Option(help="Of one firm: its 10 digits,")] = None,
    firm: Annotated[str | None, typer.Option(help="its name,")] = None,
    representative: Annotated[str | None, typer.Option(help="its representative's name")] = None,
    mail: Annotated[str | None, typer.Option(help="and mail address.")] = None,
) -> None:
    """Invite the representatives of a file of firms, or of one firm, to register."""
    from workers.commands.myics import invite_file, invite_one

    one = {"customer_no": customer_number, "name": firm, "representative": representative, "address": mail}
    typed = {field: value for field, value in one.items() if value is not None}
    if (file is None) == (not typed):
        sys.stderr.write("error: give a file of firms, or one firm by its options\n")
        raise typer.Exit(WRONG_USE)
    settings = _settings()
    raise typer.Exit(run(invite_file(settings, file) if file else invite_one(settings, **typed)))


@app.command()
def demo() -> None:
    """Show cases from form to their end, two weeks and follow-up fast-forwarded, and a firm that joins MYICS."""
    from workers.demo.story import rehearse

    raise typer.Exit(run(rehearse()))
