"""Contract IDs: unique for ever, numbered per contract without gaps, from a pool that can run out (Y15)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import delete, event, select, update
from sqlalchemy.exc import IntegrityError
from temporalio.exceptions import ApplicationError

from activities.yayoi.contract_ids import ContractIdPoolExhaustedError
from models.common.waiting_for import WaitingFor
from models.tables import (
    ApplicationOfficeRow,
    CaseStatusRow,
    ContractIdPoolRow,
    ExistingContractRow,
    IssuedContractRow,
    LedgerRow,
    OfficeRow,
    YayoiIdRow,
)
from models.yayoi.application_form import MAX_OFFICES
from models.yayoi.identifiers import ApplicationNo, ContractId, YayoiId
from models.yayoi.messages import IssuedContract, IssueStep, OfficeRef
from tests.support.activity_environment import ActivityEnvironment, activity_environment
from tests.support.activity_trials import AT
from tests.support.environment import OFFICE_B, OFFICE_C, YAYOI, form
from tests.support.smtp_inbox import SmtpInbox

AOBA = ContractId("6000001")
"""Another customer's contract."""

_COUNTS = select(ExistingContractRow.contract_id, ExistingContractRow.issued_count)


@pytest_asyncio.fixture
async def environment(registry_url: str, smtp_inbox: SmtpInbox) -> AsyncIterator[ActivityEnvironment]:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        yield environment


async def apply(environment: ActivityEnvironment, contract: ContractId, offices: int) -> list[IssueStep]:
    """Apply for so many offices on one contract; the steps that issue their IDs."""
    steps = []
    while offices:
        some = min(offices, MAX_OFFICES)
        addresses = [YayoiId(f"office-{contract}-{offices - number}@example.co.jp") for number in range(some)]
        async with environment.sessions.begin() as session:
            session.add_all(YayoiIdRow(yayoi_id=each, family_name="弥生", given_name="太郎") for each in addresses)
        no = await environment.apply(form([(address, None) for address in addresses], contract=contract, linked=False))
        steps += [step(no, number) for number in range(1, some + 1)]
        offices -= some
    return steps


def step(no: ApplicationNo, number: int, *, in_any_order: bool = True) -> IssueStep:
    return IssueStep.of(OfficeRef(case_no=no, part=number), AT, in_any_order=in_any_order)


async def issue(environment: ActivityEnvironment, asked: IssueStep, **settings: Any) -> IssuedContract:
    answer = await environment.activities(**settings)["issue_contract_id"](asked)
    assert isinstance(answer, IssuedContract)
    return answer


@pytest.mark.long
async def test_y15_fifty_at_once_are_all_different_and_numbered_without_gaps(environment: ActivityEnvironment) -> None:
    steps = [*await apply(environment, YAYOI, 30), *await apply(environment, AOBA, 20)]
    # Each is asked for twice, as after a lost answer.
    answers = await asyncio.gather(*(issue(environment, asked) for asked in steps + steps))
    assert answers[:50] == answers[50:]
    issued = await environment.rows(
        select(IssuedContractRow.existing_contract_id, IssuedContractRow.number, IssuedContractRow.contract_id)
    )
    assert sorted((contract, number) for contract, number, _ in issued) == [
        *((AOBA, number) for number in range(1, 21)),
        *((YAYOI, number) for number in range(1, 31)),
    ]
    assert len({contract_id for _, _, contract_id in issued}) == 50
    assert {contract_id for _, _, contract_id in issued} == {answer.contract_id for answer in answers}
    assert dict(await environment.rows(_COUNTS))[YAYOI] == 30


async def test_y15_ids_that_a_customer_already_has_are_skipped(environment: ActivityEnvironment) -> None:
    steps = await apply(environment, YAYOI, 3)
    first = int(YAYOI) - 1
    issued = [(await issue(environment, asked, contract_id_first=first, contract_id_last=first + 9)) for asked in steps]
    assert [answer.contract_id for answer in issued] == ["8871303", "8871305", "8871306"]
    assert [answer.number for answer in issued] == [1, 2, 3]


async def test_y15_an_id_that_an_office_has_had_all_along_is_skipped(environment: ActivityEnvironment) -> None:
    [asked] = await apply(environment, YAYOI, 1)
    async with environment.sessions.begin() as session:
        await session.execute(
            update(OfficeRow).where(OfficeRow.office_token == OFFICE_C[1]).values(contract_id="7500000")
        )
    assert (await issue(environment, asked)).contract_id == "7500001"


async def test_y1_no_two_offices_have_one_contract_id(environment: ActivityEnvironment) -> None:
    async with environment.sessions() as session:
        both = OfficeRow.office_token.in_([OFFICE_B[1], OFFICE_C[1]])
        await session.execute(update(OfficeRow).where(both).values(contract_id="7500000"))
        with pytest.raises(IntegrityError, match="offices_contract_id_key"):
            await session.commit()


async def test_y15_many_customers_in_a_row_are_stepped_over(environment: ActivityEnvironment) -> None:
    [asked] = await apply(environment, YAYOI, 1)
    statements: list[str] = []
    async with environment.sessions.begin() as session:
        session.add_all(
            ExistingContractRow(
                contract_id=str(number),
                customer_name="弥生 花子",
                mail_address="hanako@example.jp",
                product_name="弥生会計 24",
                network_product=False,
            )
            for number in range(7_500_000, 7_502_500)
        )
    event.listen(environment.engine.sync_engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    assert (await issue(environment, asked)).contract_id == "7502500"
    assert len(statements) < 30  # not one for each customer


async def test_y15_the_pool_running_out_is_a_clear_error_and_goes_on_when_it_is_larger(
    environment: ActivityEnvironment,
) -> None:
    one, two = await apply(environment, YAYOI, 2)
    await issue(environment, one, contract_id_first=7_500_000, contract_id_last=7_500_000)
    before = await environment.everything()
    with pytest.raises(ContractIdPoolExhaustedError) as exhausted:
        await issue(environment, two, contract_id_first=7_500_000, contract_id_last=7_500_000)
    assert exhausted.value.type == "ContractIdPoolExhausted"
    assert not exhausted.value.non_retryable
    assert exhausted.value.next_retry_delay == timedelta(minutes=15)
    assert "発行できるサービス契約ID がありません（7500000 まで使い切りました）" in exhausted.value.message
    assert "TETSUZUKI_CONTRACT_ID_LAST" in exhausted.value.message
    assert await environment.everything() == before
    answer = await issue(environment, two, contract_id_first=7_500_000, contract_id_last=7_500_001)
    assert (answer.contract_id, answer.number) == ("7500001", 2)


async def test_y15_a_revoked_id_is_never_issued_again_nor_its_number(environment: ActivityEnvironment) -> None:
    one, two = await apply(environment, YAYOI, 2)
    revoked = await issue(environment, one)
    async with environment.sessions.begin() as session:
        await session.execute(update(IssuedContractRow).values(revoked_at=AT))
        await session.execute(delete(ContractIdPoolRow))  # even if the pool began anew
    answer = await issue(environment, two)
    assert answer.contract_id != revoked.contract_id
    assert answer.number == 2
    names = await environment.rows(select(IssuedContractRow.registered_name).order_by(IssuedContractRow.number))
    assert names == [("弥生 太郎 - 1 (8871304)",), ("弥生 太郎 - 2 (8871304)",)]


async def test_y15_numbers_follow_the_form_and_who_waits_for_a_person_holds_up_no_other(
    environment: ActivityEnvironment,
) -> None:
    """Pair 1 waits for its applicant, 2 and 3 are on their way."""
    no = (await apply(environment, YAYOI, 3))[0].case_no
    async with environment.sessions.begin() as session:
        waits = update(CaseStatusRow).filter_by(case_no=no, part=1)
        await session.execute(waits.values(waiting_for=WaitingFor.APPLICANT))
    third, second = (step(no, number, in_any_order=False) for number in (3, 2))
    before = await environment.everything()
    assert await environment.activities()["issue_contract_id"](third) is None
    assert await environment.everything() == before
    assert [(await issue(environment, asked)).number for asked in (second, third)] == [1, 2]
    async with environment.sessions.begin() as session:
        await session.execute(update(CaseStatusRow).filter_by(case_no=no).values(waiting_for=WaitingFor.SYSTEM))
    assert (await issue(environment, step(no, 1, in_any_order=False))).number == 3


@pytest.mark.parametrize(
    "facts", [{"outcome": "取り下げ"}, {"ending": "取り下げ"}, {"waiting_for": WaitingFor.OPERATOR}], ids=str
)
async def test_y15_who_ends_or_needs_an_operator_is_not_waited_for(
    environment: ActivityEnvironment, facts: dict[str, str]
) -> None:
    no = (await apply(environment, YAYOI, 2))[0].case_no
    async with environment.sessions.begin() as session:
        await session.execute(update(CaseStatusRow).filter_by(case_no=no, part=1).values(**facts))
    assert (await issue(environment, step(no, 2, in_any_order=False))).number == 1


async def test_y27_nothing_is_issued_for_a_case_that_was_closed(environment: ActivityEnvironment) -> None:
    """As after the Reset of a workflow whose case the daily reconciliation had undone."""
    [asked] = await apply(environment, YAYOI, 1)
    async with environment.sessions.begin() as session:
        await session.execute(update(ApplicationOfficeRow).values(closed_at=AT))
    with pytest.raises(ApplicationError, match="すでに終了しています") as closed:
        await issue(environment, asked)
    assert (closed.value.type, closed.value.non_retryable) == ("CaseClosed", True)
    assert await environment.rows(select(IssuedContractRow.contract_id)) == []


async def test_y15_a_step_that_fails_gives_its_number_back(environment: ActivityEnvironment) -> None:
    one, two = await apply(environment, YAYOI, 2)
    async with environment.sessions.begin() as session:
        # The pair's ID exists without its ledger row: the database refuses a second one for the same pair.
        session.add(
            IssuedContractRow(
                contract_id="7999999",
                existing_contract_id=YAYOI,
                number=99,
                registered_name="弥生 太郎 - 99 (8871304)",
                application_no=one.case_no,
                office_no=one.part,
                yayoi_id="office@example.co.jp",
                issued_at=AT,
            )
        )
    with pytest.raises(Exception, match="issued_contracts_application_no_office_no_key"):
        await issue(environment, one)
    assert await environment.rows(select(LedgerRow.key)) == []
    answer = await issue(environment, two)
    assert (answer.contract_id, answer.number) == ("7500000", 1)
