"""`tetsuzuki replay`, before a deployment, distinguishes good builds from those that would break open cases."""

import asyncio
import os
import sys
from collections.abc import Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from tests.replay.changed_procedures import WithOneStepMore
from tests.support.encryption import MASTER_KEYS
from tests.support.environment import Environment, environment_with_worker
from tests.support.recorded_paths import waiting_for_sharing
from tests.support.smtp_inbox import SmtpInbox
from tests.support.switched_keys import switched_keys
from workers.commands.replay import replay_with_progress
from workflows.yayoi.multi_office_application import MultiOfficeApplication


async def command(environment: Environment) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", "replay"),
        env=os.environ
        | {
            "TETSUZUKI_TEMPORAL_ADDRESS": environment.client.service_client.config.target_host,
            "TETSUZUKI_TEMPORAL_TASK_QUEUE": environment.settings.temporal_task_queue,
            "TETSUZUKI_DATABASE_URL": environment.sessions.kw["bind"].url.render_as_string(hide_password=False),
            "TETSUZUKI_MASTER_KEYS": MASTER_KEYS.get_secret_value(),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode().splitlines()[-1]


@pytest.mark.long
async def test_open_cases_that_this_build_understands_end_with_0(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    async with (
        switched_keys(sessions) as keys,
        environment_with_worker(sessions, keys.on(temporal), smtp_inbox) as environment,
    ):
        assert await command(environment) == (0, "0 open workflows replayed, 0 would break with this build")
        await waiting_for_sharing(environment)
        assert await command(environment) == (0, "2 open workflows replayed, 0 would break with this build")


@pytest.mark.usefixtures("commands_on_the_tests_server")
@pytest.mark.parametrize(
    ("build", "reason"),
    [
        ((MultiOfficeApplication, WithOneStepMore), "Failed decoding arguments: 1 validation error for "),
        ((MultiOfficeApplication,), "OfficeDataProcedure"),
    ],
    ids=["a procedure with one step more", "a procedure that is gone"],
)
async def test_a_build_that_would_break_a_case_ends_with_1_and_says_which_and_why(
    build: Sequence[type],
    reason: str,
    *,
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with environment_with_worker(sessions, temporal, smtp_inbox) as environment:
        case = await waiting_for_sharing(environment)
        settings = environment.settings.model_copy(
            update={"temporal_address": environment.client.service_client.config.target_host}
        )
        assert await replay_with_progress(settings, build) == 1
    *_, line, summary = (line for line in capsys.readouterr().err.splitlines() if "━" not in line)
    assert line.startswith(f"application/{case.application_no}/office/1: ")
    assert reason in line
    assert summary == "2 open workflows replayed, 1 would break with this build"
