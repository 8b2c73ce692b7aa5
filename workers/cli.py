"""The command line: each command reads the settings and hands over. Parts are imported only by who needs them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from models.common.calendar import BusinessCalendar
from models.common.typed_days import read_day
from workers.commands import backup_cli
from workers.commands.audit_cli import audit
from workers.commands.keys_cli import keys
from workers.commands.person_cli import person
from workers.commands.webhooks_cli import As, Reason, forms, webhooks
from workers.program import WRONG_USE, read_settings, run, run_command, run_for_operators, show_whatever_comes
from workers.telemetry.processes import run_process

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Application procedures that take weeks.",
)
smart_import = typer.Typer(no_args_is_help=True, help="Smart import of an office's transactions.")
app.add_typer(smart_import, name="smart-import")
health = typer.Typer(no_args_is_help=True, help="Whether a process of this machine works; for health checks.")
app.add_typer(health, name="health")
myics = typer.Typer(no_args_is_help=True, help="MYICS: accounts for accounting firms.")
app.add_typer(myics, name="myics")
operators = typer.Typer(no_args_is_help=True, help="Operators, and how they log in.")
app.add_typer(operators, name="operators")
app.add_typer(webhooks, name="webhooks")
app.add_typer(forms, name="forms")
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")
app.add_typer(person, name="person")
for command in (backup_cli.backup, backup_cli.restore, backup_cli.release):
    app.command()(command)

_EMBEDDED = {"aiosmtpd", "psutil"}
"""What production images do without."""


def main() -> None:
    """The entry point."""
    show_whatever_comes()
    try:
        app()
    except ModuleNotFoundError as error:
        if error.name not in _EMBEDDED:
            raise
        sys.exit(f"error: this command needs {error.name}: install the project with its extra `embedded`")


@app.command()
def up() -> None:
    """Start everything on this machine and keep it running until Ctrl-C.

    Customers reach http://127.0.0.1:8080, operators http://127.0.0.1:8233; Temporal listens at 7233, SMTP at 1025.
    Everything is kept in .tetsuzuki/, or TETSUZUKI_STATE_DIR: mails in mail/, and in logs/ what each part has written,
    and in logs/up.log what was restarted, when and why. Each of these can be set: docs/settings.md.
    """
    from workers.stack.up import up as run_stack

    raise typer.Exit(run(run_stack(read_settings()), service=True))


@app.command()
def worker() -> None:
    """Run one worker process."""
    from workers.worker import serve

    run_process("worker", serve)


@app.command()
def eraser() -> None:
    """Run the worker that alone may delete: retention, and erasing persons."""
    from workers.erasing_worker import serve

    run_process("eraser", serve)


@app.command()
def web() -> None:
    """Serve the form, the case pages and the API."""
    from workers.web_server import serve

    run_process("web", serve)


@app.command()
def desk() -> None:
    """Serve the operators' web application."""
    from workers.desk_server import serve

    run_process("desk", serve)


@app.command()
def figures() -> None:
    """Serve what the database says of all cases as metrics."""
    from workers.figures_server import serve

    run_process("figures", serve)


@app.command()
def inbox() -> None:
    """Take mails by SMTP and keep each as a file under the state folder."""
    from workers.stack.inbox import serve

    run_process("inbox", serve)


@app.command()
def migrate(
    *,
    schema_only: Annotated[bool, typer.Option(help="Leave Temporal alone.")] = False,
    add_revision: Annotated[str | None, typer.Option(help="For developers: write what changed as a revision.")] = None,
) -> None:
    """Prepare the database and Temporal's namespace and make this build current, if its replay check passes."""
    from workers.commands.migrate import set_up

    run_command(
        lambda settings: set_up(settings, schema_only=schema_only, add_revision=add_revision), noted_as="migrate"
    )


@app.command()
def load(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON Lines, JSON or CSV.")]) -> None:
    """Load a registry file; rows that are wrong are refused one by one."""
    from workers.commands.registry import load_with_progress

    run_for_operators(lambda settings: load_with_progress(settings, file, file.stat().st_size), noted_as="load")


@app.command()
def certificates(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Gets a folder for each who needs one.")],
) -> None:
    """Make an authority, certificates and Temporal's tokens, as Docker Compose uses them. Safe to run again."""
    from workers.commands.certificates import write_certificates

    run_command(lambda settings: write_certificates(folder, settings), noted_as="certificates")


@app.command("due-date")
def due_date(day: Annotated[str, typer.Argument(help="The day of application, YYYY-MM-DD.")]) -> None:
    """Print the day by which an application made on this day is completed."""
    try:
        applied_on = read_day(day)
    except ValueError as refused:
        sys.stderr.write(f"「{day}」は日付として読み取れません。{refused}\n")
        raise typer.Exit(WRONG_USE) from None
    typer.echo(BusinessCalendar(read_settings().closing_days).due_date(applied_on).isoformat())


@app.command()
def replay() -> None:
    """Replay every open case with this build; fails if any would break. Changes nothing."""
    from workers.commands.replay import replay_with_progress

    run_command(replay_with_progress)


@app.command()
def diagram(
    application_no: Annotated[str | None, typer.Argument(help="A case's number, to draw its own stages.")] = None,
    *,
    office: Annotated[int, typer.Option(help="Which of its offices, counted from 1.")] = 1,
    svg: Annotated[Path | None, typer.Option(help="Write this SVG file instead of printing Mermaid.")] = None,
    into: Annotated[Path, typer.Option(help="Where the pictures of all procedures go.")] = Path("docs"),
) -> None:
    """Draw all procedures for the documents, or one case's stages with the live one marked."""
    from workers.commands.diagram import draw_case, draw_procedures

    if application_no is None:
        draw_procedures(into)
    else:
        run_command(lambda settings: draw_case(settings, application_no, office, svg))


@app.command()
def mails(into: Annotated[Path, typer.Option(help="The folder of the mail samples.")] = Path("docs/mails")) -> None:
    """Write the mail samples, as text and as HTML, for the documents."""
    from workers.mail_samples.documents import write_samples

    write_samples(into)


@app.command()
def permissions(into: Annotated[Path, typer.Option(help="The folder of the page.")] = Path("docs")) -> None:
    """Write who may send which operation, for the documents."""
    from workers.commands.permissions import write_permissions

    write_permissions(into)


@app.command("data-map")
def data_map(into: Annotated[Path, typer.Option(help="The folder of the page.")] = Path("docs")) -> None:
    """Write the data map, for the documents."""
    from models.backoffice.data_map_document import document

    (into / "data-map.md").write_text(document(), encoding="utf-8")


@app.command()
def reconcile() -> None:
    """Compare registry, cases and Temporal now, repair what is safe, print the rest; fails if it needs a person."""
    from workers.commands.reconcile import reconcile_now

    run_for_operators(reconcile_now)


@app.command()
def backlog() -> None:
    """Print what waits in each task queue: it grows where there are too few workers."""
    from workers.commands.diagnose import print_backlogs

    run_command(print_backlogs)


@app.command()
def diagnose(
    into: Annotated[Path | None, typer.Option(dir_okay=False, help="Write this file instead of printing.")] = None,
) -> None:
    """Write what a report of a problem needs: versions, settings, counts; no persons, no secrets, no addresses."""
    from workers.commands.diagnose import diagnose

    run_command(lambda settings: diagnose(settings, into), noted_as="diagnose")


@smart_import.command("run")
def smart_import_run(office_token: str) -> None:
    """Import an office's transactions now; refused while it is frozen."""
    from workers.commands.registry import import_once

    run_for_operators(lambda settings: import_once(settings, office_token))


@health.command("worker")
def health_worker() -> None:
    """Fail unless a worker on this machine polls Temporal, and no open case fails by the code that runs."""
    from workers.health import check_worker

    run_command(check_worker)


@health.command("eraser")
def health_eraser() -> None:
    """Fail unless the worker that may delete polls Temporal on this machine."""
    from workers.health import check_eraser

    run_command(check_eraser)


@health.command("web")
def health_web() -> None:
    """Fail unless the web on this machine answers."""
    from workers.health import check_web

    run_command(check_web)


@health.command("mail")
def health_mail() -> None:
    """Fail unless the mail server is reached as set, and takes the log-in. Sends nothing."""
    from workers.health import check_mail

    run_command(check_mail)


@health.command("desk")
def health_desk() -> None:
    """Fail unless the operators' web application on this machine answers."""
    from workers.health import check_desk

    run_command(check_desk)


@health.command("figures")
def health_figures() -> None:
    """Fail unless the figures about all cases are served on this machine."""
    from workers.health import check_figures

    run_command(check_figures)


@operators.command("link")
def operators_link(name: Annotated[str, typer.Argument(help="The operator's handle or name.")]) -> None:
    """Print a sign-in link, good once while `tetsuzuki up` runs; refused where a provider is set."""
    from workers.commands.operators import print_link

    run_for_operators(lambda settings: print_link(settings, name))


@operators.command("identity")
def operators_identity(
    name: Annotated[str, typer.Argument(help="The operator's handle or name.")],
    subject: Annotated[str, typer.Argument(help="What the provider calls them: `sub`, as the log-in page shows it.")],
) -> None:
    """Let a user of the provider log in as an operator."""
    from workers.commands.operators import add_identity

    run_for_operators(lambda settings: add_identity(settings, name, subject))


@myics.command("invite")
def myics_invite(
    file: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False, help="A CSV file of firms.")] = None,
    *,
    customer_number: Annotated[str | None, typer.Option(help="Of one firm: its 10 digits,")] = None,
    firm: Annotated[str | None, typer.Option(help="its name,")] = None,
    representative: Annotated[str | None, typer.Option(help="its representative's name")] = None,
    mail: Annotated[str | None, typer.Option(help="and mail address.")] = None,
    as_: As = None,
) -> None:
    """Invite the representatives of a file of firms, or of one; prints the rows that were refused, and fails then."""
    from workers.commands.acting import command_actor
    from workers.commands.myics import invite_file, invite_one

    one = {"customer_no": customer_number, "name": firm, "representative": representative, "address": mail}
    typed = {field: value for field, value in one.items() if value is not None}
    if (file is None) == (not typed):
        sys.stderr.write("error: 会計事務所の一覧のファイルか、1 つの会計事務所のオプションを指定してください。\n")
        raise typer.Exit(WRONG_USE)
    by = command_actor(as_)
    run_for_operators(
        lambda settings: invite_file(settings, file, by) if file else invite_one(settings, by, **typed),
        noted_as="myics invite",
    )


@myics.command("change-address")
def myics_change_address(
    *,
    number: Annotated[str, typer.Option(help="The firm's 10 digits, or the client's 14.")],
    mail: Annotated[str, typer.Option(help="The account's address now.")],
    new_mail: Annotated[str, typer.Option(help="What it is to be.")],
    as_: As = None,
    reason: Reason,
) -> None:
    """Have another address confirmed for an account that is registered."""
    from workers.commands.acting import command_actor
    from workers.commands.myics import change_address

    run_for_operators(
        lambda settings: change_address(settings, number, mail, new_mail, by=str(command_actor(as_)), reason=reason)
    )


@app.command("correct-relink")
def correct_relink(
    application_no: Annotated[str, typer.Argument(help="The case's number.")],
    *,
    office: Annotated[int, typer.Option(help="Which of its offices, counted from 1.")] = 1,
    link: Annotated[int, typer.Option(help="The number of the link, as the case's page shows it.")],
    relinked_on: Annotated[str, typer.Option(help="The day on which it was linked again, YYYY-MM-DD.")],
    asked_from: Annotated[str | None, typer.Option(help="The day from which it imports, if it was chosen.")] = None,
    as_: As = None,
    reason: Reason,
) -> None:
    """Correct the day on which a service was linked again, also of a case that has ended."""
    from workers.commands.relink import correct_relink

    said = {"link": link, "relinked_on": relinked_on, "asked_from": asked_from}
    run_for_operators(lambda settings: correct_relink(settings, application_no, office, as_, **said, reason=reason))


@app.command()
def act(
    case: Annotated[str, typer.Argument(help="An application's number, NUMBER/OFFICE, or a workflow's id.")],
    operation: Annotated[str, typer.Argument(help="Its name, such as add_note.")],
    message: Annotated[str, typer.Argument(help="Its JSON.")] = "{}",
    *,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
) -> None:
    """Send an operation to a case, signed as a command with your user number; it neither asks nor approves."""
    from workers.commands.act import act

    run_command(lambda settings: act(settings, case, operation, message, reason))


@app.command()
def demo() -> None:
    """Show cases from form to their end, two weeks and follow-up fast-forwarded, and a firm that joins MYICS."""
    from workers.demo.demo import run_demo

    raise typer.Exit(run(run_demo()))
