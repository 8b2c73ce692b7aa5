"""The commands about other systems: `tetsuzuki webhooks …` and `tetsuzuki forms …`."""

# ruff: noqa: PLC0415  each command imports its own parts only

from typing import Annotated

import typer

from models.webhooks.messages import WebhookKind
from workers.program import run_for_operators

As = Annotated[
    str | None,
    typer.Option("--as", help="Your own handle as an operator; without it, the records name your user number."),
]
Reason = Annotated[str, typer.Option(help="Why.", prompt="理由")]

webhooks = typer.Typer(no_args_is_help=True, help="Other systems that are notified of stage changes.")
forms = typer.Typer(no_args_is_help=True, help="Forms of a provider that could not be taken.")


@webhooks.command()
def add(
    url: str,
    *,
    kind: Annotated[list[WebhookKind] | None, typer.Option(help="What to send; without it, everything.")] = None,
    secret: Annotated[str | None, typer.Option(help="whsec_…; without it, one is made.")] = None,
) -> None:
    """Add a subscriber and print the secret that it checks signatures with."""
    from workers.commands import webhooks

    run_for_operators(lambda settings: webhooks.add(settings, url, kind or [], secret), noted_as="webhooks add")


@webhooks.command("list")
def list_webhooks() -> None:
    """List the subscribers."""
    from workers.commands import webhooks

    run_for_operators(webhooks.show)


@webhooks.command()
def rotate(number: int) -> None:
    """Give a subscriber a new secret; the one before signs too until the next time."""
    from workers.commands import webhooks

    run_for_operators(lambda settings: webhooks.rotate(settings, number), noted_as="webhooks rotate")


@webhooks.command()
def remove(number: int, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask before.")] = False) -> None:
    """Send nothing more to a subscriber."""
    from workers.commands import webhooks

    if not yes:
        typer.confirm(
            f"送信先 {number} への通知をすべて止め、秘密鍵を消します。元に戻せません。よろしいですか", abort=True
        )
    run_for_operators(lambda settings: webhooks.remove(settings, number), noted_as="webhooks remove")


@webhooks.command()
def dead() -> None:
    """List what could not be delivered; fails if there is any."""
    from workers.commands import webhooks

    run_for_operators(webhooks.dead)


@webhooks.command()
def resend(message_id: str, *, as_: As = None, reason: Reason) -> None:
    """Send again what could not be delivered."""
    from workers.commands import webhooks
    from workers.commands.acting import command_actor

    run_for_operators(lambda settings: webhooks.resend(settings, message_id, command_actor(as_), reason))


@forms.command("list")
def list_forms() -> None:
    """List the forms that wait, with the reasons; fails if there are any."""
    from workers.commands import forms

    run_for_operators(forms.show_all)


@forms.command()
def show(number: int) -> None:
    """Print what the provider sent."""
    from workers.commands import forms

    run_for_operators(lambda settings: forms.show(settings, number))


@forms.command()
def retry(
    number: int,
    *,
    as_: As = None,
    reason: Reason,
    change: Annotated[list[str] | None, typer.Option("--set", help="FIELD=VALUE, by the provider's names.")] = None,
) -> None:
    """Take a form once more, with values corrected; fails with the reasons if it still cannot be taken."""
    from workers.commands import forms
    from workers.commands.acting import command_actor

    run_for_operators(lambda settings: forms.retry(settings, number, change or [], str(command_actor(as_)), reason))


@forms.command()
def discard(number: int, *, as_: As = None, reason: Reason) -> None:
    """End a form without an application; what it said is deleted."""
    from workers.commands import forms
    from workers.commands.acting import command_actor

    run_for_operators(lambda settings: forms.discard(settings, number, str(command_actor(as_)), reason))
