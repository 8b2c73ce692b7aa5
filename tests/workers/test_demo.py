"""The demo (`make demo`) sees what differs, and says so by its exit code."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import async_sessionmaker
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from typer.testing import CliRunner

from tests.support.ending import end
from tests.support.namespaces import new_namespace
from workers.cli import app
from workers.demo import demo
from workers.demo import run as run_module
from workers.demo.operators_desk import OperatorsDesk
from workers.demo.run import DemoRun, DifferenceError
from workers.settings import Settings

TARO = "taro@yayoi-taro.example.jp"


@asynccontextmanager
async def running(mail_folder: Path, client: Client | None = None) -> AsyncIterator[DemoRun]:
    """A demo without a stack: only what arrives in the folder is there."""
    async with httpx.AsyncClient() as http:
        client = client or await Client.connect("127.0.0.1:1", lazy=True)
        yield DemoRun(
            http,
            client,
            OperatorsDesk(Settings(), async_sessionmaker()),
            async_sessionmaker(),
            mail_folder,
        )


def arrives(folder: Path, subject: str) -> None:
    mail = EmailMessage()
    mail["To"], mail["Subject"] = TARO, subject
    mail.set_content("本文")
    (folder / f"{len(list(folder.iterdir())):03}.eml").write_bytes(bytes(mail))


async def test_a_result_that_differs_is_named_with_what_was_expected(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        run.expect("the office", "完了", "完了")
        with pytest.raises(DifferenceError, match="the office: expected '完了', found '取消'"):
            run.expect("the office", "取消", "完了")


async def test_a_mail_that_is_missing_another_or_one_too_many_is_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "PATIENCE", 0.2)
    async with running(tmp_path) as run:
        assert await run.mails() == []
        arrives(tmp_path, "受付")
        [mail] = await run.mails((TARO, "受付"))
        assert mail["Subject"] == "受付"
        with pytest.raises(DifferenceError, match=r"expected \[.*'完了'\)\], found \[\]"):
            await run.mails((TARO, "完了"))
        arrives(tmp_path, "完了")
        arrives(tmp_path, "完了")
        with pytest.raises(DifferenceError, match="mails: expected"):
            await run.mails((TARO, "完了"))


async def test_a_mail_that_comes_after_the_last_one_is_a_difference(tmp_path: Path) -> None:
    async with running(tmp_path) as run:
        arrives(tmp_path, "受付")
        with pytest.raises(DifferenceError, match=r"expected \[\], found \[.*'受付'\)\]"):
            await run.mails()


async def test_a_procedure_that_is_left_running_is_a_difference(
    temporal: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await new_namespace(temporal)
    async with running(tmp_path, client) as run:
        await run.all_ended()
        left = await client.start_workflow("Unattended", id=f"left/{uuid4()}", task_queue="nobody")
        while not [each async for each in client.list_workflows()]:  # noqa: ASYNC110 lists follow a little later
            await asyncio.sleep(0.05)
        monkeypatch.setattr(run_module, "PATIENCE", 1.0)
        with pytest.raises(DifferenceError, match=f"still run: {left.id}"):
            await run.all_ended()
        await end(left)


def test_a_difference_ends_the_program_with_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def differs(run: DemoRun, *_others: object) -> None:
        run.expect("the office", "取消", "完了")

    monkeypatch.setattr(demo, "_opened", lambda: running(tmp_path))
    monkeypatch.setattr(demo, "two_offices", differs)
    shown = CliRunner().invoke(app, ["demo"])
    assert shown.exit_code == 1
    assert shown.stderr == "error: the office: expected '完了', found '取消'\n"
    assert "everything was as expected" not in shown.stdout
