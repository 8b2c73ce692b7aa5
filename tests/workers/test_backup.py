"""A stack is backed up while it runs, loses what came after it, and is restored."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from models.backoffice.restored_cases import Verdict
from models.backoffice.store.erasures import ErasureRequests
from models.backoffice.store.persons import find_person
from models.common.calendar import utc_now
from models.common.operators import Role
from models.common.signing_keys import KeyPurpose
from models.common.store.held_cases import HeldCases
from models.common.store.operators import Operators
from models.tables import (
    ApplicationRow,
    ErasureRequestRow,
    IssuedContractRow,
    NoticeRow,
    OperatorAuditRow,
    OperatorRow,
    OperatorSessionRow,
    PublicKeyRow,
    WebhookMessageRow,
    WebhookSubscriberRow,
)
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.procedures import Stage
from models.yayoi.store.ended_links import next_link
from tests.support.encryption import MASTER_KEYS
from tests.support.environment import OFFICE_B, OFFICE_C
from tests.support.running_stack import quiet
from tests.support.stack_cases import Case, Outside, load_examples
from tests.support.stack_customers import Customer, load_many
from tests.support.webhook_receiver import SECRET, Receiver, receiving
from workers import database, temporal
from workers.backup.checking import check_backup
from workers.backup.copies import back_up
from workers.backup.manifest import POSTGRES, BackupError
from workers.backup.restoring import Copies, restore
from workers.codec import key_id_of
from workers.commands import keys, webhooks
from workers.commands.act import act
from workers.commands.acting import command_actor
from workers.journal import JournalFile
from workers.registry.file import load
from workers.settings import Settings
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

pytestmark = [pytest.mark.stack, pytest.mark.long]

BLOCK, MANY = 10, 3000
APPLICANTS = 10
AGAIN = "sk"
"""Who was an operator when the backup was made."""
OURS, A_PARTNERS = "a-key-of-our-own-0123456789-abcdefghij", "a-key-of-a-partner-0123456789-abcdefghij"
HER_ID = {"record": "yayoi_id", "yayoi_id": OFFICE_C[0], "family_name": "弥生", "given_name": "花子"}


async def all_of(settings: Settings, query: Any) -> list[Any]:
    async with database.opened(settings) as sessions, sessions() as session:
        return list(await session.scalars(query))


def contracts(numbers: Sequence[int]) -> str:
    """Return a registry file with customers' own IDs."""
    facts = {"record": "contract", "customer_name": "青葉商店", "product_name": "弥生会計 24 ネットワーク"}
    each = ({"contract_id": str(number), "mail_address": f"own-{number}@aoba.example.jp"} for number in numbers)
    return "\n".join(json.dumps(facts | own | {"network_product": True}) for own in each)


async def subscribe(settings: Settings, *receivers: Receiver) -> list[int]:
    """Have these be notified of every change; return their numbers."""
    async with database.opened(settings) as sessions, sessions.begin() as session:
        rows = [WebhookSubscriberRow(url=each.url, secrets=[SECRET], kinds=[]) for each in receivers]
        session.add_all(rows)
        await session.flush()
        return [row.subscriber_id for row in rows]


async def apply_all(settings: Settings, customers: Sequence[Customer]) -> tuple[set[str], set[str]]:
    """Have them apply and wait for their notices; return the numbers of the applications, and the contract IDs."""
    for customer in customers:
        await customer.apply()
    numbers = {customer.case_no for customer in customers}
    issued = select(IssuedContractRow.contract_id).where(IssuedContractRow.application_no.in_(numbers))
    while len(ids := set(await all_of(settings, issued))) < len(customers):  # noqa: ASYNC110 as below
        await asyncio.sleep(0.5)
    return numbers, ids


@dataclass(frozen=True)
class Ended:
    """What was ended after the backup."""

    application_no: ApplicationNo
    """Whose link was."""
    key_id: str
    subscriber: int


async def end_what_there_is(settings: Settings, application_no: ApplicationNo, subscriber: int) -> Ended:
    """End a key, an operator, a role, a link and a subscriber."""
    async with database.opened(settings) as sessions:
        operators = Operators(sessions)
        await operators.set_roles("tn", [Role.ADMINISTRATOR], by="ab", at=utc_now())
        await operators.remove(AGAIN, by="ab", at=utc_now())
        async with sessions.begin() as session:
            await next_link(session, application_no, None)
    [key_id] = await all_of(settings, select(PublicKeyRow.key_id).filter_by(purpose=KeyPurpose.CUSTOMERS))
    await keys.revoke_key(settings, key_id)
    await webhooks.remove(settings, subscriber)
    return Ended(application_no, str(key_id), subscriber)


async def has_ended(settings: Settings, ended: Ended) -> None:
    [roles] = await all_of(settings, select(OperatorRow.roles).filter_by(handle="tn"))
    [removed_at] = await all_of(settings, select(OperatorRow.removed_at).filter_by(handle=AGAIN))
    of_link = select(ApplicationRow.link_no).filter_by(application_no=ended.application_no)
    [state] = await all_of(settings, select(PublicKeyRow.state).filter_by(key_id=ended.key_id))
    assert (roles, removed_at is not None, state) == ([Role.ADMINISTRATOR], True, "revoked")
    assert await all_of(settings, of_link) == [2]
    assert await all_of(settings, select(OperatorAuditRow.by).filter_by(action="restored")) == [str(command_actor())]
    assert await all_of(settings, select(OperatorSessionRow)) == []
    subscribers = select(WebhookSubscriberRow.active).filter_by(subscriber_id=ended.subscriber)
    assert await all_of(settings, subscribers) == [False]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.web_port}") as http:
        for key, status in ((A_PARTNERS, HTTPStatus.UNAUTHORIZED), (OURS, HTTPStatus.UNPROCESSABLE_ENTITY)):
            answer = await http.post("/api/events", json={}, headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == status


async def waits(settings: Settings, application_no: ApplicationNo) -> list[str]:
    """Wait until a mail and a webhook of this case are written and not sent; return the ids of the webhooks."""
    unsent = select(NoticeRow.key).where(NoticeRow.case_no == application_no, NoticeRow.sent_at.is_(None))
    unposted = select(WebhookMessageRow.message_id).where(
        WebhookMessageRow.application_no == application_no,
        WebhookMessageRow.started_at.is_not(None),
        WebhookMessageRow.settled_at.is_(None),
    )
    while not (await all_of(settings, unsent) and (messages := await all_of(settings, unposted))):  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    return messages


async def test_what_came_after_a_backup_is_never_given_out_or_allowed_again_and_cases_go_on(
    state_dir: Path, tmp_path: Path
) -> None:
    settings = alone(
        state_dir, contract_id_block=BLOCK, log_level="WARNING", api_open=False, api_keys=(SecretStr(OURS),)
    )
    folder, outside = tmp_path / "backup", Outside(settings, OURS)
    customers = [Customer(number, outside) for number in range(APPLICANTS)]
    async with receiving() as subscriber, receiving() as partner:
        both = settings.model_copy(update={"api_keys": (SecretStr(OURS), SecretStr(f"partner:{A_PARTNERS}"))})
        async with Stack(both, say=quiet) as stack:
            await load_many(stack.settings, tmp_path, APPLICANTS)
            _, partners = await subscribe(stack.settings, subscriber, partner)
            number = await outside.apply(OFFICE_C)
            case = Case(stack.settings, outside, number)
            await case.rests_at(1, Stage.SHARING)
            await back_up(settings, folder)
            with pytest.raises(BackupError, match="is there already"):
                await back_up(settings, folder)
            # What only the time after the backup knows of.
            lost = await apply_all(stack.settings, customers)
            first = max(map(int, lost[1])) + 1
            own = range(first, first + MANY)
            (tmp_path / "own.jsonl").write_text(contracts(own))
            async with database.opened(stack.settings) as sessions:
                assert (await load(sessions, tmp_path / "own.jsonl")).loaded == len(own)
            ended = await end_what_there_is(stack.settings, number, partners)

        report = await restore(settings, Copies(folder, folder), quiet)
        of_the_case = {f"application/{number}", f"application/{number}/office/1"}
        said = {each.workflow_id: each.verdict for each in report.cases}
        assert {each: said.get(each) for each in of_the_case} == dict.fromkeys(of_the_case, Verdict.CONTINUED)
        assert {each for each in said if each.startswith("application/")} == of_the_case
        posted_before, partners_had = {each.webhook_id for each in subscriber.got}, len(partner.got)
        async with Stack(settings, say=quiet) as stack:
            await has_ended(stack.settings, ended)
            assert await all_of(stack.settings, select(func.count()).select_from(IssuedContractRow)) == [0]
            # The same pairs apply again: each with another number, and it gets another ID.
            numbers, ids = await apply_all(stack.settings, customers)
            assert not numbers & {*lost[0], number}
            assert not ids & {*lost[1], *map(str, own)}
            # The mails and webhooks of the case that goes on wait until they are released.
            await outside.report("sharing_released", office_token=OFFICE_C[1])
            messages = set(await waits(stack.settings, number))
            async with database.opened(stack.settings) as sessions:
                held = HeldCases(sessions)
                assert [each.case_no for each in await held.listed()] == [number]
                assert outside.notices(OFFICE_C[0]) == []
                assert not messages & ({each.webhook_id for each in subscriber.got} - posted_before)
                assert await held.release(None, by="ab", at=utc_now()) == [number]
            await outside.notice(OFFICE_C[0])
            await case.rests_at(1, Stage.SET_UP)
            await is_posted(subscriber, messages)
        assert len(partner.got) == partners_had


async def is_posted(receiver: Receiver, messages: set[str]) -> None:
    """Wait until these have come, each with its old id."""
    while not messages <= {each.webhook_id for each in receiver.got}:  # noqa: ASYNC110 another process posts them
        await asyncio.sleep(0.2)


async def test_a_backup_that_is_not_whole_or_whose_keys_or_journal_are_missing_changes_nothing(
    state_dir: Path, tmp_path: Path
) -> None:
    settings = alone(state_dir, log_level="WARNING")
    folder = tmp_path / "backup"
    async with Stack(settings, say=quiet) as stack:
        await load_examples(stack.settings)
        outside = Outside(settings)
        case = Case(stack.settings, outside, await outside.apply(OFFICE_B))
        await case.rests_at(1, Stage.SET_UP)
        await back_up(settings, folder)
        assert (await check_backup(settings, folder, quiet)).cases == 2
    journal = JournalFile.of(settings).path
    journal.rename(tmp_path / "journal")
    with pytest.raises(BackupError, match="the journal is not at"):
        await restore(settings, Copies(folder, folder), quiet)
    (tmp_path / "journal").rename(journal)
    masters = state_dir / "master_keys"
    lines = masters.read_text()
    masters.write_text(f"{MASTER_KEYS.get_secret_value()}\n")  # of another house
    with pytest.raises(BackupError, match="are not here"):
        await restore(settings, Copies(folder, folder), quiet)
    masters.write_text(lines)
    [page] = [each for each in (folder / POSTGRES / "base").rglob("1259") if each.is_file()][:1]
    page.write_bytes(b"?" + page.read_bytes()[1:])
    with pytest.raises(BackupError, match="pg_verifybackup"):
        await restore(settings, Copies(folder, folder), quiet)
    async with Stack(settings, say=quiet):
        await case.rests_at(1, Stage.SET_UP)


async def test_who_was_erased_stays_unreadable_when_the_backup_of_the_day_before_is_restored(
    state_dir: Path, tmp_path: Path
) -> None:
    settings = alone(state_dir, log_level="WARNING")
    folder, outside = tmp_path / "backup", Outside(settings)
    async with Stack(settings, say=quiet) as stack:
        await load_examples(stack.settings)
        number = await outside.apply(OFFICE_C)
        case = Case(stack.settings, outside, number)
        await case.rests_at(1, Stage.SHARING)
        await back_up(settings, folder)
        await act(stack.settings, f"{number}/1", "withdraw", "{}", "お電話")
        await case.result()
        await erase(stack.settings, OFFICE_C[0])
    report = await restore(settings, Copies(folder, folder), quiet)
    assert report.erased == 1
    async with Stack(settings, say=quiet) as stack, database.opened(stack.settings) as sessions:
        async with sessions() as session:
            assert (await find_person(session, [OFFICE_C[0]])).hits == ()
        async with temporal.opened(stack.settings) as client:
            left = [each.id async for each in client.list_workflows(f"WorkflowId STARTS_WITH 'application/{number}'")]
            for workflow_id in left:  # deleting takes a moment; until then nobody can read it
                [first] = (await client.get_workflow_handle(workflow_id).fetch_history()).events[:1]
                payloads = list(first.workflow_execution_started_event_attributes.input.payloads)
                assert client.data_converter.payload_codec
                assert all(key_id_of(each) for each in await client.data_converter.payload_codec.decode(payloads))
        assert await all_of(stack.settings, select(ApplicationRow.closed_at).filter_by(application_no=number)) != [None]
        # Who applies again afterwards is a new case, and stays whole through the next restore.
        (tmp_path / "again.jsonl").write_text(json.dumps(HER_ID))
        await load(sessions, tmp_path / "again.jsonl")
        again = await outside.apply(OFFICE_C)
        case = Case(stack.settings, outside, again)
        await case.rests_at(1, Stage.SHARING)
        await back_up(settings, tmp_path / "again")
    report = await restore(settings, Copies(tmp_path / "again", tmp_path / "again"), quiet)
    assert report.erased == 0
    async with Stack(settings, say=quiet) as stack, database.opened(stack.settings) as sessions:
        async with sessions() as session:
            assert (await find_person(session, [OFFICE_C[0]])).cases == (again,)
        await HeldCases(sessions).release(None, by="ab", at=utc_now())
        await outside.report("sharing_released", office_token=OFFICE_C[1])
        await case.rests_at(1, Stage.SET_UP)
        await outside.notice(OFFICE_C[0])


async def erase(settings: Settings, address: str) -> None:
    """Ask for it and approve it, as two supervisors do; wait until it is done."""
    async with database.opened(settings) as sessions:
        requests = ErasureRequests(sessions, lambda: None)
        request_id = uuid4()
        await requests.ask(request_id, [address], "tn")

        async def row() -> ErasureRequestRow:
            async with sessions() as session:
                return await session.get_one(ErasureRequestRow, request_id)

        while not (await row()).found:  # noqa: ASYNC110 rows of other processes, as below
            await asyncio.sleep(0.5)
        assert not ((await row()).found or {})["obstacles"]
        await requests.approve(request_id, "ab")
        while not (await row()).done_at:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
