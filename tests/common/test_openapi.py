"""Every endpoint that OpenAPI describes keeps to its description, whatever is sent: schemathesis tries."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from tests.support.serving import served
from tests.support.web import Web, answering, end_cases, fill_registry, web_on
from tests.support.webhook_receiver import SECRET

HOW_MUCH = [("examples,fuzzing", "5"), pytest.param("all", "40", marks=pytest.mark.long)]
"""Which phases, and how many examples per endpoint and kind of input; always the same ones."""


@pytest_asyncio.fixture
async def web(sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> AsyncIterator[Web]:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client, form_secrets=(SECRET,)) as web, answering(web):
        yield web
        await end_cases(web, temporal.client)


@pytest.mark.parametrize(("phases", "examples"), HOW_MUCH)
async def test_every_endpoint_answers_as_openapi_describes_it(
    web: Web, tmp_path: Path, phases: str, examples: str
) -> None:
    async with served(web.app) as address:
        trying = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "schemathesis.cli",
            "run",
            f"{address}/openapi.json",
            "--checks",
            "all",
            "--exclude-checks",
            "positive_data_acceptance",  # no schema says that a pair's two addresses agree (Y7), or that a case is open
            *([] if phases == "all" else ["--phases", phases]),
            "--max-examples",
            examples,
            "--generation-deterministic",
            "--no-color",
            stdout=PIPE,
            stderr=STDOUT,
            cwd=tmp_path,  # it keeps notes
        )
        output, _ = await trying.communicate()
    assert trying.returncode == 0, output.decode()
