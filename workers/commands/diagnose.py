"""`tetsuzuki diagnose`: one JSON file for a report of a problem. It holds numbers, states and versions only.

No value of free text gets in: a setting that is one is `set`, an error is its class and its code. What could be read
from a person, a secret or an address of the house never reaches the file, so that nothing has to be removed from it.
"""

import asyncio
import json
import platform
import re
import ssl
import sys
from collections import Counter
from collections.abc import Awaitable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError
from temporalio.api.workflowservice.v1 import GetClusterInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.backoffice.broken_cases import BrokenCases
from models.backoffice.store.diagnosis import read_cases, read_database
from workers import database, schema, temporal
from workers.build_id import build_id, installed_code
from workers.namespace_set_up import describe
from workers.program import ClearError, say
from workers.settings import Settings
from workers.task_queue_backlog import read_backlogs
from workflows.common import search_attributes

_ANSWER_WITHIN = 30.0  # seconds, for each part


async def diagnose(settings: Settings, into: Path | None) -> None:
    """Write the file, or print it. A part that cannot be asked says so, and all others are there.

    Raises:
        ClearError: the file cannot be written.

    """
    text = json.dumps(await diagnosis(settings), ensure_ascii=False, indent=1, default=str) + "\n"
    if into is None:
        sys.stdout.write(text)
        return
    try:
        await asyncio.to_thread(into.write_text, text, encoding="utf-8")
    except OSError as error:
        raise ClearError(f"{into}: {error.strerror}: name a file that can be written") from None
    say(f"written: {into}")


async def print_backlogs(settings: Settings) -> None:
    """Print one line of JSON for each task queue. Raises `TemporalUnreachableError`."""
    for each in await read_backlogs(await temporal.connect(settings), settings.temporal_task_queue):
        line = asdict(each) | {"age_s": round(each.age.total_seconds(), 3)}
        line.pop("age")
        say(json.dumps(line))


async def diagnosis(settings: Settings) -> dict[str, Any]:
    """Return everything that the file holds."""
    return {
        "program": _program(settings),
        "settings": {name: _shown(settings, name) for name in Settings.model_fields},
        "database": await _asked(_database(settings)),
        "temporal": await _asked(_temporal(settings)),
        "broken_cases": await _asked(_broken(settings)),
    }


def _program(settings: Settings) -> dict[str, Any]:
    return {
        "version": version("tetsuzuki"),
        "build_id": "set" if settings.build_id else build_id(settings),
        "code": installed_code(),
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "system": f"{platform.system()} {platform.machine()}",
        "clock": datetime.now(UTC).isoformat(timespec="seconds"),
        "time_zone": datetime.now().astimezone().strftime("%z"),
        "libraries": _libraries(),
    }


def _libraries() -> dict[str, str]:
    names = {re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in requires("tetsuzuki") or ()}
    found = {}
    for name in sorted(names):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # of an extra that is not installed
            continue
    return found


def _shown(settings: Settings, name: str) -> Any:
    """Return the value of a switch, a number or one of a few words; of everything else only whether it is set."""
    if name not in settings.model_fields_set:
        return "default"
    value = getattr(settings, name)
    one_of_a_few = "Literal" in str(Settings.model_fields[name].annotation)
    return value if one_of_a_few or isinstance(value, bool | int | timedelta) else "set"


async def _asked(part: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    """Return what a part says, or which kind of error came; its text could name anything."""
    try:
        async with asyncio.timeout(_ANSWER_WITHIN):
            return await part
    except Exception as error:  # noqa: BLE001 whatever is wrong with one part, the file has the others
        return {"error": _kind(error)}


def _kind(error: BaseException) -> str:
    match error:
        case DBAPIError(orig=cause):
            return f"{type(error).__name__} {getattr(cause, 'sqlstate', '')}".strip()
        case RPCError(status=status):
            return f"RPCError {status.name}"
        case _:
            return type(error).__name__


async def _database(settings: Settings) -> dict[str, Any]:
    async with database.opened(settings) as sessions, sessions() as session:
        found = await read_database(session)
        clock = found["server"].pop("clock")
        return {
            **found,
            "revision_of_this_build": schema.newest_revision(),
            "clock_ahead_s": round(clock - datetime.now(UTC).timestamp(), 1),
            "cases": await read_cases(session),
        }


async def _temporal(settings: Settings) -> dict[str, Any]:
    client = await temporal.connect(settings)
    server = await client.workflow_service.get_cluster_info(GetClusterInfoRequest())
    current = await temporal.current_build(client, settings)
    backlogs = await read_backlogs(client, settings.temporal_task_queue)
    return {
        "server": server.server_version,
        "history_shards": server.history_shard_count,
        "persistence_store": server.persistence_store,
        "visibility_store": server.visibility_store,
        "retention_days": await _retention(client),
        "this_build_is_current": current == build_id(settings),
        "has_current_build": current is not None,
        "search_attributes_wanted": [key.name for key in search_attributes.ALL],
        "open_workflows": await _open_workflows(client),
        "task_queues": [
            # The queue's own name is a setting.
            asdict(each) | {"queue": each.queue.removeprefix(settings.temporal_task_queue) or "cases"}
            for each in backlogs
        ],
    }


async def _retention(client: Client) -> int:
    namespace = await describe(client)
    return int(namespace.config.workflow_execution_retention_ttl.ToTimedelta().days)


async def _open_workflows(client: Client) -> int:
    return (await client.count_workflows("ExecutionStatus = 'Running'")).count


async def _broken(settings: Settings) -> dict[str, Any]:
    client = await temporal.connect(settings)
    async with database.opened(settings) as sessions:
        found = await BrokenCases(sessions, client, settings.temporal_task_queue).find()
    return dict(Counter(each.why.name for each in found))
