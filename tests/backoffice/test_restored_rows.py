"""What a restore changes in Postgres: numbers go on above what was promised, what was ended or erased is so again."""

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from activities.backoffice.restored_findings import RestoredFindings
from activities.yayoi.contract_ids import ContractIdPool
from models.backoffice.reconciliation import ReconciliationReport
from models.backoffice.restored_cases import SAME, Verdict
from models.backoffice.store.ended_again import end_again
from models.backoffice.store.restored_rows import end_log_ins, hold, hold_mails, move_numbers, promise_numbers
from models.common.calendar import utc_now
from models.common.journal import EndedKind, JournalEntry, Promise, Revocation, Said, Taken, as_ranges, next_entry
from models.common.operators import Role
from models.common.store.audit import audit
from models.common.store.held_cases import HeldCases, is_held
from models.common.store.operators import Operators
from models.myics.accounts import AccountKind, AccountState
from models.tables import (
    CaseStatusRow,
    HeldCaseRow,
    HolderMailRow,
    MyicsAccountRow,
    MyicsFirmRow,
    OperatorRow,
    OperatorSessionRow,
    ReservedContractIdsRow,
    RestoredCaseRow,
    WebhookSubscriberRow,
    application_count,
    enquiry_count,
)
from models.webhooks.messages import DELIVERY_WORKFLOW, WebhookStage
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Stage
from models.yayoi.store.confirmations import links_are_ended
from tests.support.desk import fill_operators
from tests.support.environment import YAYOI
from tests.support.example_registry import fill_with_examples

Sessions = async_sessionmaker[AsyncSession]
FIRST, LAST = 7_000_000, 7_999_999
AT = "2026-11-04T01:00:00.000000+00:00"


def journalled(*said: Said, at: str = AT) -> list[JournalEntry]:
    entries: list[JournalEntry] = []
    for each in said:
        entries.append(next_entry(entries, each, at))
    return entries


async def test_contract_ids_go_on_above_the_last_promise_and_past_what_customers_turned_out_to_have(
    sessions: Sessions,
) -> None:
    pool = ContractIdPool(FIRST, LAST)
    own = [*range(FIRST + 200, FIRST + 3200), FIRST + 3201]
    entries = journalled(
        Promise(request="one", last=FIRST + 99),
        Promise(request="two", last=FIRST + 199),
        Taken(request="three", ranges=as_ranges(own)),
    )
    async with sessions.begin() as session:
        await promise_numbers(session, entries)
        await promise_numbers(session, entries[:1])  # an older one changes nothing
    async with sessions.begin() as session:
        assert [int(await pool.take(session)) for _ in range(2)] == [FIRST + 3200, FIRST + 3202]
        reserved = await session.execute(select(ReservedContractIdsRow.first_id, ReservedContractIdsRow.last_id))
        assert sorted(map(tuple, reserved)) == as_ranges(own)


async def test_every_count_moves_on_by_the_gap(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        for count in (application_count, enquiry_count):
            await session.execute(select(func.setval(count.name, 7)))
    async with sessions.begin() as session:
        await move_numbers(session, 1000)
    async with sessions.begin() as session:
        for count in (application_count, enquiry_count):
            assert await session.scalar(select(func.nextval(count.name))) == 1008


async def test_what_was_ended_is_ended_again_unless_something_later_is_known(sessions: Sessions) -> None:
    await fill_operators(sessions)
    now = utc_now()
    earlier = (now - timedelta(days=1)).isoformat()
    await Operators(sessions).set_roles("sk", [Role.CASEWORKER, Role.AUDITOR], by="ab", at=now)
    of_tanaka = Revocation(request="1", what=EndedKind.OPERATOR_ROLES, about="tn", left=[Role.CASEWORKER])
    of_sato = Revocation(request="2", what=EndedKind.OPERATOR_ROLES, about="sk", left=[])
    gone = Revocation(request="3", what=EndedKind.OPERATOR, about="kn")
    nobody = Revocation(request="4", what=EndedKind.OPERATOR, about="zz")
    async with sessions.begin() as session:
        assert await end_again(session, journalled(of_tanaka, of_sato, gone, nobody, at=earlier)) == 2
    async with sessions() as session:
        rows = {row.handle: row for row in await session.scalars(select(OperatorRow))}
    assert set(rows["tn"].roles) <= {Role.CASEWORKER}
    assert Role.AUDITOR in rows["sk"].roles
    assert rows["kn"].removed_at is not None
    async with sessions.begin() as session:
        assert await end_again(session, journalled(of_tanaka, gone, at=earlier)) == 0
        await end_log_ins(session, now)
        assert await session.scalar(select(func.count()).select_from(OperatorSessionRow)) == 0


async def test_who_got_webhooks_and_who_was_stopped_is_ended_again_unless_they_came_back_since(
    sessions: Sessions,
) -> None:
    def firm(number: int, state: AccountState) -> list[Any]:
        holder = f"10003000{number:02}"
        account = {"holder_no": holder, "customer_no": holder, "registration_no": f"MR-{number}", "state": state}
        who = {"address": f"owner-{number}@firms.example.jp", "name": "多数 一郎", "kind": AccountKind.GENERAL}
        return [MyicsFirmRow(customer_no=holder, name="多数会計"), MyicsAccountRow(**account | who)]

    async with sessions.begin() as session:
        session.add(WebhookSubscriberRow(url="https://books.example.jp/hook", secrets=["whsec_x"], kinds=[]))
        for number in (1, 2):
            firm_row, account = firm(number, AccountState.REGISTERED)
            session.add(firm_row)
            await session.flush()
            session.add(account)
        await session.flush()
        stopped, restarted = list(await session.scalars(select(MyicsAccountRow).order_by(MyicsAccountRow.account_id)))
        [subscriber] = await session.scalars(select(WebhookSubscriberRow.subscriber_id))
        ids = str(stopped.account_id), str(restarted.account_id), str(subscriber)
        # What these records know of was later than that.
        audit(session, restarted.registration_no, "アカウントの停止を解いた", by="system", at=utc_now())
    at = (utc_now() - timedelta(hours=1)).isoformat()
    entries = journalled(
        Revocation(request="1", what=EndedKind.ACCOUNT, about=ids[0]),
        Revocation(request="2", what=EndedKind.ACCOUNT, about=ids[1]),
        Revocation(request="3", what=EndedKind.WEBHOOK_SUBSCRIBER, about=ids[2]),
        Revocation(request="4", what=EndedKind.WEBHOOK_SUBSCRIBER, about="999"),
        at=at,
    )
    for ended in (2, 0):
        async with sessions.begin() as session:
            assert await end_again(session, entries) == ended
    async with sessions() as session:
        states = await session.scalars(select(MyicsAccountRow.state).order_by(MyicsAccountRow.account_id))
        assert list(states) == [AccountState.STOPPED, AccountState.REGISTERED]
        [row] = await session.scalars(select(WebhookSubscriberRow))
        assert (row.active, row.secrets) == (False, [])


async def test_links_of_a_contracts_holder_are_ended_again_also_of_mails_that_the_records_do_not_know(
    sessions: Sessions,
) -> None:
    """Else the next mail would have the number of one whose links were ended, and open them again."""
    await fill_with_examples(sessions)
    async with sessions.begin() as session:
        session.add(HolderMailRow(existing_contract_id=YAYOI, number=1, planned_at=utc_now()))
    ends = [
        Revocation(request=about, what=EndedKind.HOLDER_LINKS, about=about, left=["2"]) for about in (YAYOI, "9999999")
    ]
    entries = journalled(*ends, at=(utc_now() - timedelta(hours=1)).isoformat())
    for ended in (1, 0):
        async with sessions.begin() as session:
            assert await end_again(session, entries) == ended
    async with sessions.begin() as session:
        known = [await links_are_ended(session, YAYOI, number) for number in (1, 2, 3)]
    assert known == [True, True, False]


def status(number: int, **facts: Any) -> CaseStatusRow:
    begun = {"case_no": f"YS-{number:06}", "part": 1, "procedure": "OfficeDataProcedure", "workflow_id": f"w/{number}"}
    fresh = {"version": 1, "changed_at": utc_now(), "since": utc_now(), "waiting_for": "x", "outcome": None}
    return CaseStatusRow(**begun | fresh | facts)


async def test_what_goes_on_is_held_also_after_its_closing_and_no_message_by_itself(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        session.add_all(
            (
                status(1, stage=Stage.SHARING),
                status(2, stage=Stage.AFTER_CLOSING, outcome=Outcome.INCOMPLETE),
                status(3, stage=Stage.CLOSED, outcome=Outcome.COMPLETED),
                status(4, stage=WebhookStage.SENDING, procedure=DELIVERY_WORKFLOW, case_no="a-message"),
            )
        )
    async with sessions.begin() as session:
        await hold_mails(session, utc_now())
        await hold(session, ["YS-000001", "YS-000009"], utc_now())
        held = await session.scalars(select(HeldCaseRow.case_no).order_by(HeldCaseRow.case_no))
        assert list(held) == ["YS-000001", "YS-000002", "YS-000009"]


async def test_nothing_is_held_where_nothing_is_open(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await hold_mails(session, utc_now())
        assert not await is_held(session, ["YS-000001"])
        assert not await is_held(session, [])
    assert await HeldCases(sessions).listed() == []
    assert await HeldCases(sessions).release(None, by="ab", at=utc_now()) == []


async def test_the_reconciliation_names_each_case_once_and_what_is_to_be_decided_until_its_mails_go(
    sessions: Sessions,
) -> None:
    verdicts = {"application/YS-000001": Verdict.CONTINUED, "application/YS-000002": Verdict.TO_DECIDE}
    verdicts |= {"application/YS-000003": Verdict.UNDONE}
    async with sessions.begin() as session:
        for workflow_id, verdict in verdicts.items():
            case_no = workflow_id.partition("/")[2]
            facts = {"case_no": case_no, "part": None, "verdict": verdict, "detail": SAME}
            session.add(RestoredCaseRow(workflow_id=workflow_id, **facts))
        session.add(HeldCaseRow(case_no="YS-000002", held_since=utc_now()))
    named = RestoredFindings(sessions)
    found = await named.find()
    assert [(each.procedure, each.repaired) for each in found] == [
        ("application/YS-000002", False),  # what needs somebody comes first
        ("application/YS-000001", True),
        ("application/YS-000003", True),
    ]
    await named.mark_reported(ReconciliationReport(at=utc_now(), findings=tuple(found)))
    assert [each.procedure for each in await named.find()] == ["application/YS-000002"]
    await HeldCases(sessions).release(["YS-000002"], by="ab", at=utc_now())
    assert await named.find() == []
