"""Every endpoint that OpenAPI describes keeps to its description, whatever is sent: schemathesis tries."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from tests.support.running import PATIENCE
from tests.support.serving import served
from tests.support.web import Web, answering, end_cases, fill_registry, web_on
from tests.support.webhook_receiver import SECRET
from web.common import readiness

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
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phases: str, examples: str
) -> None:
    monkeypatch.setattr(readiness, "WITHIN", timedelta(seconds=PATIENCE))  # the machine is busy with other tests
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


async def test_what_is_not_ready_has_the_media_type_that_openapi_names(web: Web) -> None:
    operations = (await web.http.get("/openapi.json")).json()["paths"]
    assert list(operations["/readyz"]["get"]["responses"]["503"]["content"]) == ["application/json"]
    assert list(operations["/api/events"]["post"]["responses"]["503"]["content"]) == ["application/problem+json"]
