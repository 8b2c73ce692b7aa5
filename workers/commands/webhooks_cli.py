"""The commands about other systems: `tetsuzuki webhooks …` and `tetsuzuki forms …`."""

# ruff: noqa: PLC0415  each command imports its own parts only

from collections.abc import Callable
from typing import Annotated

import typer

from models.webhooks.messages import WebhookKind
from workers.program import run
from workers.settings import Settings

By = Annotated[str, typer.Option(help="Who asks for it.", prompt="あなたの名前")]
Reason = Annotated[str, typer.Option(help="Why.", prompt="理由")]


def webhooks_commands(settings: Callable[[], Settings]) -> typer.Typer:
    commands = typer.Typer(no_args_is_help=True, help="Other systems that are told of stage changes.")

    @commands.command()
    def add(
        url: str,
        *,
        kind: Annotated[list[WebhookKind] | None, typer.Option(help="What to tell; without it, everything.")] = None,
        secret: Annotated[str | None, typer.Option(help="whsec_…; without it, one is made.")] = None,
    ) -> None:
        """Add a subscriber and print the secret that it checks signatures with."""
        from workers.commands import webhooks as webhooks_command

        raise typer.Exit(run(webhooks_command.add(settings(), url, kind or [], secret)))

    @commands.command("list")
    def show() -> None:
        """List the subscribers."""
        from workers.commands import webhooks as webhooks_command

        raise typer.Exit(run(webhooks_command.show(settings())))

    @commands.command()
    def rotate(number: int) -> None:
        """Give a subscriber a new secret; the one before signs too until the next time."""
        from workers.commands import webhooks as webhooks_command

        raise typer.Exit(run(webhooks_command.rotate(settings(), number)))

    @commands.command()
    def remove(number: int) -> None:
        """Tell a subscriber nothing any more."""
        from workers.commands import webhooks as webhooks_command

        raise typer.Exit(run(webhooks_command.remove(settings(), number)))

    @commands.command()
    def dead() -> None:
        """List what could not be delivered; fails if there is any."""
        from workers.commands import webhooks as webhooks_command

        raise typer.Exit(run(webhooks_command.dead(settings())))

    @commands.command()
    def resend(message_id: str, *, by: By, reason: Reason) -> None:
        """Send again what could not be delivered."""
        from workers.commands import webhooks as webhooks_command

        raise typer.Exit(run(webhooks_command.resend(settings(), message_id, by, reason)))

    return commands


def forms_commands(settings: Callable[[], Settings]) -> typer.Typer:
    commands = typer.Typer(no_args_is_help=True, help="Forms of a provider that could not be taken.")

    @commands.command("list")
    def show_all() -> None:
        """List the forms that wait, with the reasons; fails if there are any."""
        from workers.commands import forms as forms_command

        raise typer.Exit(run(forms_command.show_all(settings())))

    @commands.command()
    def show(number: int) -> None:
        """Print what the provider sent."""
        from workers.commands import forms as forms_command

        raise typer.Exit(run(forms_command.show(settings(), number)))

    @commands.command()
    def retry(
        number: int,
        *,
        by: By,
        reason: Reason,
        change: Annotated[list[str] | None, typer.Option("--set", help="FIELD=VALUE, by the provider's names.")] = None,
    ) -> None:
        """Take a form once more, with values mended; fails with the reasons if it still cannot be taken."""
        from workers.commands import forms as forms_command

        raise typer.Exit(run(forms_command.retry(settings(), number, change or [], by, reason)))

    @commands.command()
    def discard(number: int, *, by: By, reason: Reason) -> None:
        """End a form without an application; what it said is deleted."""
        from workers.commands import forms as forms_command

        raise typer.Exit(run(forms_command.discard(settings(), number, by, reason)))

    return commands
