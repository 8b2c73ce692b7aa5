"""`make up`: the whole stack until Ctrl-C."""

import asyncio

from workers.commands.operators import printed_links
from workers.program import say, until_cancelled
from workers.settings import Settings
from workers.stack import checks
from workers.stack.places import Places
from workers.stack.supervisor import Stack
from workers.temporal import address
from workers.wiring.derived import desk_url, public_url


async def up(settings: Settings) -> None:
    """Start, say where everything is, wait, stop in order."""
    async with Stack(settings, say=say) as stack:
        say(addresses(settings, Places(settings.state_dir)))
        say(await printed_links(stack.settings))
        try:
            await until_cancelled()
        except asyncio.CancelledError:
            say("stopping: work in hand is finished first")
    say("stopped")


def addresses(settings: Settings, places: Places) -> str:
    """Where everything can be reached."""
    lines = [("customers", public_url(settings)), ("operators", desk_url(settings))]
    if checks.embeds_temporal(settings):
        lines.append(("Temporal", f"127.0.0.1:{settings.temporal_port}"))
    else:
        lines.append(("Temporal", address(settings) or ""))
    lines.append(("SMTP", f"{settings.smtp_host}:{settings.smtp_port}"))
    if checks.embeds_inbox(settings):
        lines.append(("mails", f"{places.mail}/*.eml"))
    if checks.embeds_postgres(settings):
        lines.append(("Postgres", f"postgresql://postgres@/tetsuzuki?host={places.socket_dir}"))
    lines += [
        (f"metrics, {name}", f"http://{settings.metrics_host}:{port}/metrics")
        for name, port in checks.metrics_ports(settings).items()
    ]
    lines.append(("logs", f"{places.logs}/*.log"))
    return "\n".join(["ready; stop with Ctrl-C", *(f"  {what:<16} {where}" for what, where in lines)])
