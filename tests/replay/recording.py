"""`make histories`: walk every path and keep its histories. Not a test: run it when a procedure has a new version."""

import json
import socket
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from tests.replay.address_check_paths import CHECK_PATHS
from tests.replay.address_check_paths import Path as CheckPath
from tests.replay.myics_paths import MYICS_PATHS
from tests.replay.myics_paths import Path as MyicsPath
from tests.replay.short_procedure_paths import SHORT_PATHS
from tests.replay.short_procedure_paths import Path as ShortPath
from tests.support.browser_user import browser_user_on
from tests.support.environment import Environment, environment_with_worker
from tests.support.myics_environment import myics_with_worker
from tests.support.recorded_histories import HISTORY_FILES
from tests.support.recorded_paths import ENDED, IN_THE_MIDDLE, Path, parts
from tests.support.settling import settled
from tests.support.smtp_inbox import SmtpInbox

_REPLACED = {"identity": "recorder", "workerInstanceKey": "recorder", "stackTrace": ""}


@pytest.mark.parametrize("path", [*ENDED, *IN_THE_MIDDLE], ids=lambda path: path.__name__)
async def test_record(
    path: Path,
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
) -> None:
    async with environment_with_worker(sessions, temporal, smtp_inbox) as environment:
        case = await path(environment)
        if path in ENDED:
            await case.application.result()
        for part, procedure in (await parts(case)).items():
            await settled(temporal, procedure)
            await keep(procedure, f"{path.__name__}.{part}")


@pytest.mark.parametrize("path", MYICS_PATHS, ids=lambda path: path.__name__)
async def test_record_myics(
    path: MyicsPath,
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
) -> None:
    async with myics_with_worker(sessions, temporal, smtp_inbox) as myics:
        handle = await path(myics)
        await handle.result()
        await keep(handle, f"myics_{path.__name__}")


@pytest.mark.parametrize("path", CHECK_PATHS, ids=lambda path: path.__name__)
async def test_record_checks(
    path: CheckPath,
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
) -> None:
    async with browser_user_on(sessions, temporal, smtp_inbox) as browser_user:
        handle = await path(browser_user)
        await handle.result()
        await keep(handle, f"check_{path.__name__}")


@pytest.mark.parametrize("path", SHORT_PATHS, ids=lambda path: path.__name__)
async def test_record_short(path: ShortPath, environment: Environment) -> None:
    handle = await path(environment)
    await handle.result()
    await keep(handle, f"short_{path.__name__}")


async def keep(handle: WorkflowHandle[Any, Any], name: str) -> None:
    history = json.loads((await handle.fetch_history()).to_json())
    text = json.dumps(_without_names(history), ensure_ascii=False, indent=1)
    (HISTORY_FILES / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _without_names(value: Any) -> Any:
    """Leave out who ran it, and where: names of processes, hosts and folders say nothing about the procedure."""
    if isinstance(value, dict):
        return {key: _REPLACED[key] if key in _REPLACED else _without_names(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_names(part) for part in value]
    if isinstance(value, str):  # the names of sticky task queues
        return value.replace(f"@{socket.gethostname()}", "@recorder")
    return value
