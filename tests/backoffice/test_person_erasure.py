"""A person is shown and erased: what is theirs is gone everywhere, what is others' is whole, and two people decide."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.backoffice.erasures import ERASED
from models.backoffice.erasing_persons import ErasureStep
from models.backoffice.store.erasures import ErasureRefusedError, ErasureRequests
from models.backoffice.store.persons import find_person
from models.common.audit_export import verify_export
from models.common.calendar import day_in_japan, utc_now
from models.common.journal import Erasure
from models.common.signing_keys import KeyPurpose, PrivateKey
from models.common.store.public_keys import known_keys
from models.common.task_queues import erasing_queue
from models.tables import (
    ApplicationOfficeRow,
    AuditRow,
    ErasureRequestRow,
    ExistingContractRow,
    IssuedContractRow,
    NoticeRow,
    OfficeRow,
    YayoiIdRow,
)
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Cancel, CorrectPair
from models.yayoi.procedures import Stage
from tests.support.databases import as_role
from tests.support.desk import desk_on, fill_operators
from tests.support.ending import end
from tests.support.environment import OFFICE_B, OFFICE_C, Case, Environment, at_rest, form
from tests.support.sandbox import RESTRICTED
from web.backoffice.audit_exports import AuditExports
from web.backoffice.erasure_starter import ErasureWorkflows, begin_what_is_asked_for
from workers.commands.person import ask_erasure, show
from workers.database_roles import DatabaseRole
from workers.histories import Histories
from workers.journal import JournalFile
from workers.known_keys import private_key_for
from workers.program import ClearError
from workers.settings import Settings
from workers.wiring.eraser import build_eraser

HER, HIS = OFFICE_C[0], OFFICE_B[0]


@pytest_asyncio.fixture
async def settings(environment: Environment, tmp_path: Path) -> AsyncIterator[Settings]:
    """With the worker that may delete, as its own role."""
    own = environment.settings.model_copy(update={"journal_file": tmp_path / "journal" / "journal.jsonl"})
    async with (
        as_role(environment.sessions, DatabaseRole.ERASE) as sessions,
        build_eraser(environment.client, own, sessions, versioned=False, runner=RESTRICTED),
    ):
        yield own


async def cancelled(environment: Environment) -> Case:
    """A case with two people's Yayoi IDs, ended before anything was issued that is still in use."""
    case = await environment.apply(form([OFFICE_C, OFFICE_B]))
    await at_rest(case, Stage.SHARING, 1)
    await at_rest(case, Stage.SET_UP, 2)
    for number in (1, 2):
        await case.act(Cancel(reason=f"{HER} からのお電話"), number)
    await case.application.result()
    return case


async def erased(environment: Environment, settings: Settings, *addresses: str) -> ErasureRequestRow:
    """Ask, look, approve and erase, as two supervisors do at the desk."""
    requests = ErasureRequests(environment.sessions, lambda: None)
    workflows = ErasureWorkflows(environment.client, erasing_queue(settings.temporal_task_queue))
    step = ErasureStep(request_id=uuid4())
    await requests.ask(step.request_id, addresses, "tn")
    await begin_what_is_asked_for(requests, workflows)
    await environment.client.get_workflow_handle(step.looking_id).result()
    with pytest.raises(ErasureRefusedError, match="自分が依頼した消去"):
        await requests.approve(step.request_id, "tn")
    await requests.approve(step.request_id, "ab")
    await begin_what_is_asked_for(requests, workflows)
    await environment.client.get_workflow_handle(step.erasing_id).result()
    [row] = await environment.rows(select(ErasureRequestRow).filter_by(request_id=step.request_id))
    assert isinstance(row, ErasureRequestRow)
    return row


async def gone(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait until Temporal has deleted it, which it does a moment later."""
    while True:
        try:
            await handle.describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return
        await asyncio.sleep(0.1)


async def test_what_is_hers_is_gone_everywhere_and_his_is_whole(environment: Environment, settings: Settings) -> None:
    case = await cancelled(environment)
    number = case.application_no
    [his_before] = await environment.rows(select(ApplicationOfficeRow).filter_by(yayoi_id=HIS))
    row = await erased(environment, settings, HER)
    assert row.report
    assert row.done_at
    assert (row.whom, row.found, row.report["cases"]) == ([], None, [number])
    assert row.report["last_backup_ends"] > day_in_japan(row.done_at).isoformat()
    async with environment.sessions() as session:
        assert (await find_person(session, [HER])).hits == ()
    [hers, his] = await environment.rows(select(ApplicationOfficeRow).order_by(ApplicationOfficeRow.office_no))
    assert (hers.yayoi_id, hers.outcome) == ("", Outcome.CANCELLED)
    assert (his.yayoi_id, his.office_token, his.office_name) == (HIS, his_before.office_token, his_before.office_name)
    assert HER not in {each.recipient for each in await environment.rows(select(NoticeRow))}
    assert HIS in {each.recipient for each in await environment.rows(select(NoticeRow))}
    known = {each.yayoi_id for each in await environment.rows(select(YayoiIdRow))}
    assert HIS in known
    assert HER not in known
    await gone(case.office(1))
    await gone(case.application)
    with pytest.raises(RPCError, match="not found"):
        await case.office(1).query("progress")
    with pytest.raises(RPCError, match="not found"):
        await case.act(CorrectPair(reason="遅れて届いた"), 1)
    entries = await JournalFile(settings.journal_file or Path()).entries()
    [said] = [entry.said for entry in entries if isinstance(entry.said, Erasure)]
    assert said.names(HER)
    assert not said.names(HIS)
    assert said.cases == [number]


async def test_the_export_verifies_afterwards_and_says_what_was_erased(
    environment: Environment, settings: Settings
) -> None:
    case = await cancelled(environment)

    async def document() -> bytes:
        async def key() -> PrivateKey:
            return await private_key_for(environment.settings, environment.sessions, KeyPurpose.AUDIT)

        found = await AuditExports(environment.sessions, key, Histories(environment.client)).export(case.application_no)
        assert found
        return found.encode()

    async with environment.sessions() as session:
        keys = await known_keys(session)
    before = await document()
    found = verify_export(before, keys)
    assert (found.wrong, found.erased) == ([], [])
    signed = [each["entry"] for each in json.loads(before)["entries"] if each["entry"]["signed"]]
    assert {(each["part"], each["signed"]["operation"]) for each in signed} == {(1, "cancel"), (2, "cancel")}
    runs = json.loads(before)["records"]["history"]["in_temporal"]
    assert len(runs) == 3
    assert {each["events"][0]["type"] for each in runs} == {"WORKFLOW_EXECUTION_STARTED"}
    await erased(environment, settings, HER)
    after = await document()
    found = verify_export(after, keys)
    assert found.wrong == []
    assert {"part 1", "part 2"} == {each.partition(",")[0] for each in found.erased}  # both ends name her
    assert HER not in after.decode()
    assert ERASED in after.decode()
    assert HIS in after.decode()


async def test_who_is_in_an_open_case_or_whose_id_is_in_use_is_named_and_not_erased(
    environment: Environment, settings: Settings
) -> None:
    case = await environment.apply(form([OFFICE_C, OFFICE_B]))
    await at_rest(case, Stage.SHARING, 1)
    await at_rest(case, Stage.SET_UP, 2)
    async with environment.sessions() as session:
        hers, his = [(await find_person(session, [each])).obstacles for each in (HER, HIS)]
        [contract] = await session.scalars(select(IssuedContractRow))
        [holder] = await session.scalars(
            select(ExistingContractRow.mail_address).filter_by(contract_id=contract.existing_contract_id)
        )
        holders = (await find_person(session, [holder])).obstacles
    assert f"{case.application_no} の 1 件目：手続きが続いています" in hers
    assert not any("サービス契約ID" in each for each in hers)
    assert f"{case.application_no}：発行されたサービス契約ID が使われています" in his
    assert f"{case.application_no}：契約に発行されたサービス契約ID が使われています" in holders
    requests = ErasureRequests(environment.sessions, lambda: None)
    workflows = ErasureWorkflows(environment.client, erasing_queue(settings.temporal_task_queue))
    step = ErasureStep(request_id=uuid4())
    await requests.ask(step.request_id, [HER], "tn")
    with pytest.raises(ErasureRefusedError, match="まだ調べています"):
        await requests.approve(step.request_id, "ab")
    await begin_what_is_asked_for(requests, workflows)
    await environment.client.get_workflow_handle(step.looking_id).result()
    with pytest.raises(ErasureRefusedError, match="手続きが続いています"):
        await requests.approve(step.request_id, "ab")
    # Approved all the same, as if the case had begun in that moment: the worker refuses, and nothing is journalled.
    async with environment.sessions.begin() as session:
        await session.execute(update(ErasureRequestRow).values(approved_at=utc_now(), answered_by="ab"))
    await workflows.erase(step)
    await environment.client.get_workflow_handle(step.erasing_id).result()
    [row] = await environment.rows(select(ErasureRequestRow))
    assert (row.done_at, row.approved_at) == (None, None)
    assert row.whom == [HER]
    assert await JournalFile(settings.journal_file or Path()).entries() == []
    await end(case.application, case.office(1), case.office(2))


@pytest.mark.long
async def test_the_holder_of_a_contract_is_erased_with_what_was_applied_for_on_it(
    environment: Environment, settings: Settings
) -> None:
    case = await cancelled(environment)
    async with environment.sessions() as session:
        own_office = select(OfficeRow.existing_contract_id).filter_by(office_token=OFFICE_C[1])
        contract_id = (await session.scalars(own_office)).one()
        contract = await session.get_one(ExistingContractRow, contract_id)
    await erased(environment, settings, contract.mail_address)
    rows = await environment.rows(select(ApplicationOfficeRow).order_by(ApplicationOfficeRow.office_no))
    assert [(each.yayoi_id, each.office_token, each.office_name) for each in rows] == [(HER, None, ""), (HIS, None, "")]
    [kept] = await environment.rows(select(ExistingContractRow).filter_by(contract_id=contract_id))
    assert (kept.customer_name, kept.mail_address, kept.product_name) == ("", "", contract.product_name)
    entries = await environment.rows(select(AuditRow).filter_by(case_no=case.application_no, action=ERASED))
    assert [each.facts["asked_by"] for each in entries] == ["tn"]


@pytest.mark.long
async def test_everything_held_is_shown_as_one_file_and_a_command_only_asks(
    environment: Environment, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = await cancelled(environment)
    reached = settings.model_copy(
        update={"database_url": environment.sessions.kw["bind"].url.render_as_string(hide_password=False)}
    )
    await show(reached, [HER.upper()], tmp_path / "held.json")
    held = json.loads((tmp_path / "held.json").read_text(encoding="utf-8"))
    assert held["addresses"] == [HER]
    assert held["cases"] == [case.application_no]
    assert held["rows"]["application_offices"][0]["yayoi_id"] == HER
    assert {"yayoi_ids", "audit_contents"} <= held["rows"].keys()
    assert "password_hash" not in json.dumps(held)
    await ask_erasure(reached, [HER], "tn")
    assert "責任者が /desk/persons で承認すると" in capsys.readouterr().out
    requests = ErasureRequests(environment.sessions, lambda: None)
    [asked] = await requests.listed()
    async with environment.sessions.begin() as session:
        await session.execute(update(ErasureRequestRow).values(found={"hits": ["a"], "cases": [], "obstacles": []}))
    with pytest.raises(ErasureRefusedError, match="自分が依頼した消去"):
        await requests.approve(asked.request_id, "tn")
    with pytest.raises(ClearError, match="このメールアドレスの情報はありません"):
        await ask_erasure(reached, ["nobody@example.jp"], "tn")


async def test_two_supervisors_decide_at_the_desk(sessions: async_sessionmaker[AsyncSession]) -> None:
    async def the_request() -> ErasureRequestRow:
        async with sessions() as session:
            return (await session.scalars(select(ErasureRequestRow))).one()

    await fill_operators(sessions)
    async with desk_on(sessions) as site:
        await site.sign_in("sk")
        assert (await site.http.get("/desk/persons")).status_code == 403
        async with site.browser() as supervisor:
            await site.sign_in("tn", supervisor)
            page = await supervisor.get("/desk/persons")
            form_id = page.text.partition('name="form_id" value="')[2].partition('"')[0]
            for typed, said in (("", "消去する方のメールアドレス"), ("taro", "メールアドレスの形式")):
                sent = {"form_id": form_id, "addresses": typed}
                refused = await supervisor.post("/desk/persons", data=sent, follow_redirects=True)
                assert said in refused.text
            asked = {"form_id": str(uuid4()), "addresses": f"{HER}\n{HIS}"}
            answer = await supervisor.post("/desk/persons", data=asked, follow_redirects=True)
            assert HER in answer.text
            assert "対象の情報を調べています" in answer.text
            async with sessions.begin() as session:
                found = {"hits": ["弥生ID の方（yayoi_ids）：1 件"], "cases": [], "obstacles": []}
                await session.execute(update(ErasureRequestRow).values(found=found))
            request = await the_request()
            own = await supervisor.get("/desk/persons")
            assert "承認して消去する" not in own.text
            path = f"/desk/persons/{request.request_id}"
            refused = await supervisor.post(f"{path}/approve", data={"form_id": str(uuid4())}, follow_redirects=True)
            assert "自分が依頼した消去" in refused.text
            await supervisor.post(f"{path}/decline", data={"form_id": str(uuid4())}, follow_redirects=True)
        request = await the_request()
        assert (request.answered_by, request.whom, request.found) == ("tn", [], None)
