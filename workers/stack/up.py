"""`make up`: the whole stack until Ctrl-C."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from workers.commands.operators import printed_links
from workers.program import Say, say, until_cancelled
from workers.settings import Settings
from workers.stack import checks
from workers.stack.places import Places
from workers.stack.supervisor import Stack
from workers.temporal import address
from workers.wiring.derived import desk_url, public_url


async def up(settings: Settings) -> None:
    """Start, say where everything is, wait, stop in order."""
    async with Stack(settings, say=noting(Places(settings.state_dir).logs / "up.log")) as stack:
        say(addresses(settings, Places(settings.state_dir)))
        say(await printed_links(stack.settings))
        try:
            await until_cancelled()
        except asyncio.CancelledError:
            say("stopping: work in hand is finished first")
    say("stopped")


def noting(file: Path) -> Say:
    """Return what prints a text and adds it to a file with its time, so that restarts can be looked up later."""

    def note(text: str) -> None:
        say(text)
        # A disk that is full does not stop what is supervised, nor does a folder's name that is no UTF-8.
        with suppress(OSError), file.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {text}\n")

    return note


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
        lines.append(("Postgres", f"postgresql://postgres@/tetsuzuki?host={quote(bytes(places.socket_dir))}"))
    lines += [
        (f"metrics, {name}", f"http://{checks.metrics_host(settings, name)}:{port}/metrics")
        for name, port in checks.metrics_ports(settings).items()
    ]
    lines.append(("logs", f"{places.logs}/*.log"))
    return "\n".join(["ready; stop with Ctrl-C", *(f"  {what:<16} {where}" for what, where in lines)])
