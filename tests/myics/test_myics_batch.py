"""M8: many clients, users or firms in one file; no row is lost or doubled, whatever dies meanwhile."""

import asyncio
import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from models.common.messages import ROW_CHANGED
from models.common.refusals import RefusedError
from models.common.waiting_for import WaitingFor
from models.myics.batch_operations import BatchOperation
from models.myics.batches import PAGE, WAITING_TO_START, BatchCase, BatchKind, BatchPage, BatchProgress
from models.myics.identifiers import BatchNo, CustomerNo, registration_workflow_id
from models.myics.store.permissions import NotPossibleError
from models.tables import AuditRow, CaseStageRow, MyicsBatchLineRow, MyicsBatchRow, MyicsClientRow, MyicsRegistrationRow
from tests.support.activity_environment import CrashError, CrashingSessions
from tests.support.environment import details_of
from tests.support.myics_cases import (
    REFUSAL,
    batch,
    continue_as_new_after,
    held_up,
    refused_for_good,
    shown,
    start_nothing_more,
    status_of,
    waits_for_operator,
)
from tests.support.myics_environment import FIRM, MyicsEnvironment, myics_with_worker
from tests.support.running import PATIENCE
from tests.support.running_commands import settings_of
from tests.support.settling import settled
from tests.support.signing import SATO
from tests.support.smtp_inbox import SmtpInbox
from workers.commands import myics as commands
from workers.commands.myics import invite_file
from workers.program import ClearError
from workers.wiring.root import build_activities, build_worker
from workflows.common.search_attributes import FAILING, WAITING_FOR
from workflows.myics.client_batch import LOOK_AGAIN_AFTER, ClientBatch

ROWS = 300


def clients(count: int, first: int = 0) -> str:
    return "顧問先ID下4桁,顧問先名称\n" + "".join(f"{n:04},顧問先{n}\n" for n in range(first, first + count))


async def finished(myics: MyicsEnvironment, number: BatchNo) -> BatchProgress:
    async with asyncio.timeout(PATIENCE):
        await myics.notify()
        waiting = asyncio.ensure_future(batch(myics, number).result())
        while not waiting.done():
            await myics.notify()  # as the web does: what the rows have stored is started
            await asyncio.sleep(0.1)
        return await waiting


async def client_ids(myics: MyicsEnvironment) -> list[str]:
    return await myics.rows(select(MyicsClientRow.client_id).order_by(MyicsClientRow.client_id))


async def stages(myics: MyicsEnvironment, number: BatchNo) -> list[CaseStageRow]:
    return await myics.rows(select(CaseStageRow).where(CaseStageRow.case_no == number).order_by(CaseStageRow.entered))


async def test_every_row_becomes_a_client_once_and_refused_ones_are_listed_with_line_and_reason(
    myics: MyicsEnvironment,
) -> None:
    manager = await myics.firm()
    text = clients(5) + "0001,二重\n12,短い\n0099,\n"
    number = await myics.send_file(manager, BatchKind.CLIENTS, text.encode("cp932"))
    progress = await finished(myics, number)
    assert (progress.rows, progress.done, progress.refused, progress.finished) == (8, 8, 3, True)
    assert [line.line for line in progress.first_refused] == [7, 8, 9]
    assert await client_ids(myics) == [f"{FIRM}{n:04}" for n in range(5)]
    refused = await myics.batches.refused(manager, number)
    assert "すでに登録されています" in refused[0].reason
    assert refused[1].reason.startswith("顧問先ID下4桁：")
    assert refused[2].reason == "顧問先名称：入力してください。"
    written = (await myics.batches.refused_csv(manager, number)).decode("utf-8-sig")
    assert [row["行"] for row in csv.DictReader(io.StringIO(written))] == ["7", "8", "9"]
    status = await myics.batches.status(manager, number)
    assert (status.done, status.refused, status.finished) == (8, 3, True)
    row = await status_of(myics, number)
    assert (row.stage, row.outcome, row.waiting_for) == ("終了", "終了", WaitingFor.SYSTEM)


async def test_the_corrected_file_of_refused_rows_can_be_sent_again(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    number = await myics.send_file(manager, BatchKind.CLIENTS, clients(2) + "12,短い\n")
    await finished(myics, number)
    corrected = (await myics.batches.refused_csv(manager, number)).decode("utf-8-sig").replace("12,短い", "0012,短い")
    assert (await finished(myics, await myics.send_file(manager, BatchKind.CLIENTS, corrected))).refused == 0
    assert len(await client_ids(myics)) == 3


@pytest.mark.long
async def test_no_row_is_lost_or_doubled_when_the_worker_dies_in_the_middle(
    sessions: async_sessionmaker[AsyncSession],
    database_url: str,
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
) -> None:
    """Each time the process dies around another commit, and another worker takes the page again."""
    async with myics_with_worker(sessions, temporal, smtp_inbox) as myics:
        manager = await myics.firm()
    number = await myics.batches.take(manager, BatchKind.CLIENTS, clients(ROWS).encode(), uuid4())
    engine = create_async_engine(database_url)
    settings, client = myics.environment.settings, myics.environment.client
    page = page_of(number, 1, PAGE)
    for commit, committed in ((1, False), (4, True), (3, False)):
        doomed = CrashingSessions(engine, commit=commit, committed=committed)
        process_batch = {each.__name__: each for each in build_activities(settings, doomed, client)}["process_page"]
        with pytest.raises(CrashError):
            await process_batch(page)
    await engine.dispose()
    half = len(await client_ids(myics))
    assert 0 < half < PAGE
    async with build_worker(client, settings, sessions, versioned=False):
        progress = await finished(myics, number)
    assert (progress.done, progress.refused) == (ROWS, 0)
    assert await client_ids(myics) == [f"{FIRM}{n:04}" for n in range(ROWS)]


def page_of(number: BatchNo, first: int, last: int) -> BatchPage:
    return BatchPage(
        case_no=number, kind=BatchKind.CLIENTS, customer_no=FIRM, first=first, last=last, at=datetime.now(UTC)
    )


@pytest.mark.long
async def test_two_workers_on_one_page_take_each_row_once(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    number = await myics.batches.take(manager, BatchKind.CLIENTS, clients(60).encode(), uuid4())
    activities = build_activities(myics.environment.settings, myics.environment.sessions, myics.environment.client)
    process_batch = {each.__name__: each for each in activities}["process_page"]
    done = await asyncio.gather(*(process_batch(page_of(number, 1, 60)) for _ in range(3)))
    assert [page.refused for page in done] == [()] * 3
    assert len(await client_ids(myics)) == 60


@pytest.mark.long
async def test_users_of_a_file_are_invited_each_once_and_not_all_at_once(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    await finished(myics, await myics.send_file(manager, BatchKind.CLIENTS, clients(1)))
    heads = "ユーザーアカウント,使用者,ユーザー種別,顧問先ID下4桁\n"
    lines = [f"user{n}@minato.example.jp,利用者{n},一般,{'0000' if n % 2 else ''}\n" for n in range(12)]
    lines += ["user1@minato.example.jp,二重,一般,0000\n", "user99@minato.example.jp,ない,一般,9999\n"]
    number = await myics.send_file(manager, BatchKind.USERS, heads + "".join(lines))
    progress = await finished(myics, number)
    assert (progress.accepted, progress.refused) == (12, 2)
    await myics.notify()
    invited = await myics.rows(select(MyicsRegistrationRow).where(MyicsRegistrationRow.batch_no == number))
    assert Counter(row.client_id for row in invited) == {None: 6, f"{FIRM}0000": 6}
    async with asyncio.timeout(PATIENCE):
        while len({mail["To"] for mail in myics.environment.inbox.mails if mail["To"].startswith("user")}) < 12:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    sent = Counter(mail["To"] for mail in myics.environment.inbox.mails if mail["To"].startswith("user"))
    assert set(sent.values()) == {1}


async def test_operators_invite_firms_by_a_file_and_read_what_was_refused(
    myics: MyicsEnvironment, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "お客様番号,事務所名,代表者,メールアドレス\n"
        "1000200301,青葉会計事務所,青葉 一郎,ichiro@aoba-kaikei.example.jp\n"
        "1000200301,二重,青葉 一郎,ichiro@aoba-kaikei.example.jp\n"
        "123,短い,青葉 一郎,ichiro@aoba-kaikei.example.jp\n"
    )
    file, settings = tmp_path / "firms.csv", settings_of(myics.environment)

    async def invited(content: str) -> int:
        file.write_text(content, encoding="utf-8")
        command = asyncio.create_task(invite_file(settings, file, SATO))
        while not command.done():
            await myics.notify()  # as the web does
            await asyncio.sleep(0.1)
        return await command

    assert await invited(text) == 1
    printed = capsys.readouterr()
    duplicate, short = printed.out.splitlines()
    assert duplicate.startswith("3 行目\t")
    assert short.startswith("4 行目\tお客様番号：")
    assert "招待 1 件、登録できなかった行 2 件" in printed.err
    assert await invited(text.splitlines()[0] + "\n1000200302,桜税理士法人,桜井 花子,hanako@sakura.example.jp\n") == 0
    assert capsys.readouterr().out == ""

    monkeypatch.setattr(commands, "_WITHIN", timedelta())  # no worker takes it in time
    with pytest.raises(ClearError, match="続いています（0 / 1 行）"):
        await invite_file(settings, file, SATO)


async def test_stopped_and_resumed_by_the_firm_and_by_an_operator(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    number = await myics.batches.take(manager, BatchKind.CLIENTS, clients(10).encode(), uuid4())
    await myics.batches.stop(manager, number, stopped=True)
    await myics.notify()
    handle = batch(myics, number)
    await settled(myics.environment.temporal, handle)
    progress = await handle.query("progress", result_type=BatchProgress)
    assert (progress.stopped, progress.done) == (True, 0)
    said = {"reason": "お電話"}
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await handle.execute_update("stop", said)
    assert "すでに止まっています" in str(failed.value.cause)
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await handle.execute_update("resume", {"by": "佐藤", "reason": "お電話"})
    assert "JSON を読み取れません" in str(failed.value.cause)
    await handle.execute_update("resume", said)
    assert (await finished(myics, number)).done == 10
    with pytest.raises(NotPossibleError, match="終了"):
        await myics.batches.stop(manager, number, stopped=True)


async def test_the_same_submission_again_is_the_same_batch(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    submission = uuid4()
    numbers = await asyncio.gather(
        *(myics.batches.take(manager, BatchKind.CLIENTS, clients(3).encode(), submission) for _ in range(3))
    )
    assert len(set(numbers)) == 1
    assert await myics.rows(select(func.count()).select_from(MyicsBatchLineRow)) == [3]


async def test_a_file_is_its_firms_own(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    number = await myics.batches.take(manager, BatchKind.CLIENTS, clients(3).encode(), uuid4())
    other = await myics.firm(CustomerNo("1000200302"))
    with pytest.raises(NotPossibleError, match="見つかりません"):
        await myics.batches.refused(other, number)
    with pytest.raises(NotPossibleError):
        await myics.batches.take(manager, BatchKind.FIRMS, b"", uuid4())
    with pytest.raises(RefusedError):
        await myics.batches.take(manager, BatchKind.CLIENTS, b"", uuid4())


@pytest.mark.long
async def test_a_page_costs_few_events(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    number = await myics.send_file(manager, BatchKind.CLIENTS, clients(PAGE + 1))
    assert (await finished(myics, number)).done == PAGE + 1
    per_page = ((await batch(myics, number).describe()).history_length - 10) / 2
    assert per_page * 25 < 1_000  # far below what Temporal warns of


@pytest.mark.long
async def test_many_pages_go_on_in_new_runs_where_the_last_one_was(
    myics: MyicsEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    continue_as_new_after(monkeypatch, events=15)
    manager = await myics.firm()
    number = await myics.batches.take(manager, BatchKind.CLIENTS, clients(2 * PAGE + 1).encode(), uuid4())
    await myics.batches.stop(manager, number, stopped=True)
    await myics.notify()
    handle = batch(myics, number)
    first_run = (await handle.describe()).run_id
    await settled(myics.environment.temporal, handle)
    await handle.execute_update("resume", {"reason": "お電話"})
    progress = await finished(myics, number)
    assert (progress.done, progress.refused) == (2 * PAGE + 1, 0)
    assert (await handle.describe()).run_id != first_run
    assert await client_ids(myics) == [f"{FIRM}{n:04}" for n in range(2 * PAGE + 1)]
    assert [row.stage for row in await stages(myics, number)] == ["登録中", "停止中", "登録中", "終了"]


async def test_a_new_run_goes_on_where_the_last_one_was(myics: MyicsEnvironment) -> None:
    manager = await myics.firm()
    number = await myics.batches.take(manager, BatchKind.CLIENTS, clients(30).encode(), uuid4())
    [row] = await myics.rows(select(MyicsBatchRow).where(MyicsBatchRow.batch_no == number))
    half = BatchProgress(rows=30, done=20, refused=1)
    case = BatchCase(
        case_no=number,
        kind=BatchKind.CLIENTS,
        customer_no=FIRM,
        rows=30,
        requested_at=row.requested_at,
        next_row=21,
        progress=half,
    )
    progress = await myics.environment.client.execute_workflow(
        ClientBatch.run,
        case,
        id=registration_workflow_id(number),
        task_queue=myics.environment.settings.temporal_task_queue,
    )
    assert (progress.done, progress.refused) == (30, 1)
    assert await client_ids(myics) == [f"{FIRM}{n:04}" for n in range(20, 30)]


@pytest.mark.long
async def test_a_wait_for_invitations_outlasts_days_is_shown_and_goes_on(
    myics: MyicsEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    continue_as_new_after(monkeypatch, events=200)
    handle = await held_up(myics)
    first_run = (await handle.describe()).run_id
    pass_time = myics.environment.temporal.fast_forward
    async with asyncio.timeout(PATIENCE):
        while (await handle.describe()).run_id == first_run:
            await pass_time(handle, timedelta(minutes=10))
    await settled(myics.environment.temporal, handle)
    described = await handle.describe()
    assert described.history_length < 500
    columns = described.typed_search_attributes
    assert (columns.get(FAILING), columns.get(WAITING_FOR)) == (True, WaitingFor.OPERATOR)
    assert f"{WAITING_TO_START + 1} 件の手続きが、始まらないまま" in await details_of(handle)
    await start_nothing_more(myics)
    await pass_time(handle, LOOK_AGAIN_AFTER[1])
    assert (await handle.result()).done == WAITING_TO_START + 1
    columns = (await handle.describe()).typed_search_attributes
    assert (bool(columns.get(FAILING)), columns.get(WAITING_FOR)) == (False, WaitingFor.SYSTEM)


@pytest.mark.long
async def test_request_cancellation_of_a_file_is_for_an_operator_to_decide(myics: MyicsEnvironment) -> None:
    handle = await held_up(myics)
    await handle.cancel()
    while "Request Cancellation" not in await details_of(handle):  # noqa: ASYNC110 the procedure is queried
        await asyncio.sleep(0.05)
    assert (await handle.describe()).typed_search_attributes.get(WAITING_FOR) == WaitingFor.OPERATOR
    await handle.execute_update("stop", {"reason": "お電話"})
    await shown(handle, lambda progress: progress.stopped)
    assert "止めています" in await details_of(handle)
    await handle.execute_update("resume", {"reason": "お電話"})
    operations = {operation.label for operation in BatchOperation}
    recorded = await myics.rows(select(AuditRow.by).where(AuditRow.action.in_(operations)).order_by(AuditRow.audit_id))
    assert recorded == [str(SATO), str(SATO)]
    await start_nothing_more(myics)
    assert (await handle.result()).finished


@pytest.mark.long
async def test_m8_what_an_operator_has_stopped_is_stopped_in_the_row_too(myics: MyicsEnvironment) -> None:
    handle = await held_up(myics)
    await handle.execute_update("stop", {"reason": "お電話"})
    [row] = await myics.rows(select(MyicsBatchRow))
    assert row.stopped
    assert (await status_of(myics, BatchNo(row.batch_no))).stage == "停止中"
    await handle.signal(ROW_CHANGED)
    await settled(myics.environment.temporal, handle)
    assert (await handle.query("progress", result_type=BatchProgress)).stopped


@pytest.mark.long
async def test_a_made_up_signal_neither_stops_nor_resumes_a_file(myics: MyicsEnvironment) -> None:
    handle = await held_up(myics)
    made_up = {"stopped": True, "changed_at": "2099-01-01T00:00:00Z"}
    await handle.signal(ROW_CHANGED, made_up)
    await settled(myics.environment.temporal, handle)
    assert not (await handle.query("progress", result_type=BatchProgress)).stopped
    await handle.execute_update("stop", {"reason": "お電話"})
    await handle.signal(ROW_CHANGED, made_up | {"stopped": False})
    await settled(myics.environment.temporal, handle)
    assert (await handle.query("progress", result_type=BatchProgress)).stopped


async def test_a_page_that_is_refused_for_good_waits_for_an_operator_who_has_it_tried_again(
    myics: MyicsEnvironment,
) -> None:
    manager = await myics.firm()
    number = await myics.batches.take(manager, BatchKind.CLIENTS, clients(3).encode(), uuid4())
    handle = batch(myics, number)
    with refused_for_good("activities.myics.batches._take"):
        await myics.notify()
        await waits_for_operator(handle)
    assert REFUSAL in await details_of(handle)
    assert (await status_of(myics, number)).waiting_for == WaitingFor.OPERATOR
    assert await client_ids(myics) == []
    await handle.execute_update("try_again", {"reason": "原因を取り除いた"})
    assert (await finished(myics, number)).done == 3
    assert await client_ids(myics) == [f"{FIRM}{n:04}" for n in range(3)]


@pytest.mark.long
async def test_a_file_comes_after_the_cases(myics: MyicsEnvironment) -> None:
    handle = await held_up(myics)
    assert (await handle.describe()).raw_description.workflow_execution_info.priority.priority_key == 4
