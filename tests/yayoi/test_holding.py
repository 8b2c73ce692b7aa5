"""What a pair holds (Y1): only what is right, from acceptance until it is closed, and its office is frozen (Y12)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from temporalio.exceptions import ApplicationError

from models.common.refusals import RefusedError
from models.tables import (
    ApplicationOfficeRow,
    BusinessGroupRow,
    GroupMemberRow,
    IssuedContractRow,
    LedgerRow,
    OfficeRow,
    YayoiIdRow,
)
from models.yayoi.application_form import ApplicationForm
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken, YayoiId
from models.yayoi.messages import (
    CheckResult,
    CloseOffice,
    CorrectedPair,
    CorrectPairStep,
    OfficeRef,
    OfficeStep,
    Outcome,
)
from models.yayoi.pair_rules import (
    IN_ANOTHER_GROUP,
    MANAGED_ALREADY,
    NOT_OF_THE_CONTRACT,
    NOT_REGISTERED,
    token_held,
    yayoi_id_held,
)
from tests.support.activity_environment import ActivityEnvironment, activity_environment
from tests.support.activity_trials import AT
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, form
from tests.support.smtp_inbox import SmtpInbox

HIRANO, OF_HIRANO = ContractId("6000037"), OfficeToken("b6000037-0000-4000-8000-000000000002")
"""Another customer, and the token of an office of theirs that is not managed yet."""
ID_OF_HIRANO = YayoiId("office-2@hirano.example.co.jp")
MANAGED = OfficeToken("a0000001-0000-4000-8000-000000000001")
IN_A_GROUP = YayoiId("office-a@yayoi-taro.example.jp")


@pytest_asyncio.fixture
async def environment(registry_url: str, smtp_inbox: SmtpInbox) -> AsyncIterator[ActivityEnvironment]:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        yield environment


async def held(environment: ActivityEnvironment, no: ApplicationNo, part: int = 1) -> tuple[bool, bool]:
    """Whether a pair holds its token, and its Yayoi ID."""
    row = ApplicationOfficeRow
    pair = select(row.holds_token, row.holds_id).filter_by(application_no=no, office_no=part)
    [(token, yayoi_id)] = await environment.rows(pair)
    return token, yayoi_id


async def frozen(environment: ActivityEnvironment) -> dict[str, str]:
    """Every office that is frozen, and the pair for which it is."""
    return dict(
        await environment.rows(
            select(OfficeRow.office_token, OfficeRow.frozen_by).where(OfficeRow.frozen_by.is_not(None))
        )
    )


async def refused(environment: ActivityEnvironment, application: ApplicationForm) -> dict[str, str]:
    with pytest.raises(RefusedError) as refusal:
        await environment.apply(application)
    return {error.field: error.message for error in refusal.value.errors}


def step(no: ApplicationNo, part: int = 1) -> OfficeStep:
    return OfficeStep.of(OfficeRef(case_no=no, part=part), AT)


async def check(environment: ActivityEnvironment, no: ApplicationNo, part: int = 1) -> CheckResult:
    result = await environment.activities()["check_pair"](step(no, part))
    assert isinstance(result, CheckResult)
    return result


async def correct(environment: ActivityEnvironment, no: ApplicationNo, **typed: Any) -> CorrectedPair:
    corrections = await environment.rows(select(LedgerRow.key).where(LedgerRow.key.contains(":correct.")))
    facts: dict[str, Any] = {"yayoi_id": None, "office_token": None, "by": "operator:sk", "reason": "お電話"} | typed
    asked = CorrectPairStep.of(OfficeRef(case_no=no, part=1), AT, occurrence=len(corrections) + 1, **facts)
    result = await environment.activities()["correct_pair"](asked)
    assert isinstance(result, CorrectedPair)
    return result


async def close(environment: ActivityEnvironment, no: ApplicationNo) -> None:
    closing = CloseOffice.of(OfficeRef(case_no=no, part=1), AT, outcome=Outcome.WITHDRAWN, open_points=())
    await environment.activities()["close_office"](closing)


# --- at acceptance ----------------------------------------------------------------------------------------------------


@pytest.mark.robustness("backlog")
async def test_y12_what_is_right_is_held_and_frozen_by_the_transaction_that_accepts_the_form(
    environment: ActivityEnvironment,
) -> None:
    no = await environment.apply(form([OFFICE_B, OFFICE_C]))
    assert [await held(environment, no, part) for part in (1, 2)] == [(True, True)] * 2
    assert await frozen(environment) == {OFFICE_B[1]: f"{no}:1", OFFICE_C[1]: f"{no}:2"}
    before = await environment.everything()
    for part in (1, 2):  # the procedure finds its own step taken
        found = await check(environment, no, part)
        assert found.model_copy(update={"recorded": None}) == CheckResult(problems=(), frozen=True)
    assert await environment.everything() == before
    assert (await environment.actions()).count("スマート取引取込を凍結した") == 2


@pytest.mark.robustness("backlog")
@pytest.mark.parametrize(
    ("pair", "holds", "problem"),
    [
        ((NOBODY, OFFICE_B[1]), (True, False), NOT_REGISTERED),
        ((IN_A_GROUP, OFFICE_B[1]), (True, False), IN_ANOTHER_GROUP),
        ((OFFICE_B[0], MANAGED), (False, True), MANAGED_ALREADY),
    ],
)
async def test_y12_a_right_token_is_frozen_whatever_is_wrong_with_the_yayoi_id_and_no_other_is(
    environment: ActivityEnvironment, pair: Any, holds: tuple[bool, bool], problem: Any
) -> None:
    no = await environment.apply(form([pair]))
    assert await held(environment, no) == holds
    assert await frozen(environment) == ({pair[1]: f"{no}:1"} if holds[0] else {})
    found = await check(environment, no)
    assert (found.problems, found.frozen) == ((problem,), holds[0])
    assert await held(environment, no) == holds


async def test_y5_the_token_of_another_customer_blocks_and_freezes_nothing_and_its_owner_applies(
    environment: ActivityEnvironment,
) -> None:
    mistaken = await environment.apply(form([(OFFICE_B[0], OF_HIRANO)]))
    assert await held(environment, mistaken) == (False, True)
    [problem] = (await check(environment, mistaken)).problems
    assert problem.message == NOT_OF_THE_CONTRACT.message
    assert "別のご契約" in problem.for_operators
    assert await frozen(environment) == {}
    owner = await environment.apply(form([(ID_OF_HIRANO, OF_HIRANO)], contract=HIRANO))
    assert await held(environment, owner) == (True, True)
    assert await frozen(environment) == {OF_HIRANO: f"{owner}:1"}
    # Nothing that is done for the other touches the owner's office.
    for name in ("thaw_smart_import", "restore_sharing"):
        await environment.activities()[name](step(mistaken))
    for name in ("remember_links", "sharing_state", "issue_contract_id"):
        with pytest.raises(ApplicationError) as not_right:
            await environment.activities()[name](step(mistaken))
        assert (not_right.value.type, not_right.value.non_retryable) == ("NotRight", True)
    assert await frozen(environment) == {OF_HIRANO: f"{owner}:1"}
    assert not any("解除" in action for action in await environment.actions())


async def test_y12_an_office_that_something_else_keeps_frozen_is_frozen_by_the_first_step_instead(
    environment: ActivityEnvironment,
) -> None:
    def stray(**changes: Any) -> Any:
        return update(OfficeRow).where(OfficeRow.office_token == OFFICE_B[1]).values(**changes)

    async with environment.sessions.begin() as session:
        await session.execute(stray(frozen_by="棚卸し", frozen_at=AT))
    no = await environment.apply(form([OFFICE_B, OFFICE_C]))
    assert await frozen(environment) == {OFFICE_B[1]: "棚卸し", OFFICE_C[1]: f"{no}:2"}
    async with environment.sessions.begin() as session:
        await session.execute(stray(frozen_by=None, frozen_at=None))
    assert (await check(environment, no)).frozen
    assert (await frozen(environment))[OFFICE_B[1]] == f"{no}:1"


async def test_y1_the_second_right_application_learns_which_the_first_is(environment: ActivityEnvironment) -> None:
    first = await environment.apply(form([OFFICE_B]))
    assert await refused(environment, form([OFFICE_B, OFFICE_C])) == {
        "offices.0.yayoi_id": yayoi_id_held(first).message,
        "offices.0.office_token": token_held(first).message,
    }
    assert first in token_held(first).message
    # Not so who shows no token of the contract's own office, nor another customer.
    assert await refused(environment, form([(OFFICE_B[0], None)], linked=False)) == {
        "offices.0.yayoi_id": yayoi_id_held(None).message
    }
    of_hirano = form([(OFFICE_B[0], OF_HIRANO)], contract=HIRANO)
    assert await refused(environment, of_hirano) == {"offices.0.yayoi_id": yayoi_id_held(None).message}
    await close(environment, first)
    assert await held(environment, first) == (False, False)
    assert await held(environment, await environment.apply(form([OFFICE_B]))) == (True, True)


@pytest.mark.parametrize("holding", [{"holds_token": True}, {"holds_id": True}], ids=str)
async def test_y1_the_indexes_count_what_is_held(environment: ActivityEnvironment, holding: dict[str, bool]) -> None:
    first = await environment.apply(form([OFFICE_B]))
    nothing = update(ApplicationOfficeRow).filter_by(application_no=first)
    async with environment.sessions.begin() as session:
        await session.execute(nothing.values(holds_token=False, holds_id=False))
    await environment.apply(form([OFFICE_B]))
    async with environment.sessions() as session:
        with pytest.raises(IntegrityError, match="one_holds_"):
            await session.execute(nothing.values(**holding))


# --- later ------------------------------------------------------------------------------------------------------------


async def test_y1_of_two_that_become_right_at_once_one_holds_and_the_other_learns_which(
    environment: ActivityEnvironment,
) -> None:
    """Both have typed the same address, which is registered only afterwards."""
    numbers = [await environment.apply(form([(NOBODY, token)])) for _, token in (OFFICE_B, OFFICE_C)]
    async with environment.sessions.begin() as session:
        session.add(YayoiIdRow(yayoi_id=NOBODY, family_name="弥生", given_name="太郎"))

    async def checked(no: ApplicationNo) -> CheckResult:
        while True:
            try:
                return await check(environment, no)
            except IntegrityError:  # the step is tried again
                await asyncio.sleep(0)

    found = await asyncio.gather(*map(checked, numbers))
    holding = [await held(environment, no) for no in numbers]
    assert sorted(holding) == [(True, False), (True, True)]
    winner = numbers[holding.index((True, True))]
    assert sorted([result.problems for result in found], key=len) == [(), (yayoi_id_held(winner),)]


async def test_y12_a_corrected_token_moves_hold_and_freeze(environment: ActivityEnvironment) -> None:
    no = await environment.apply(form([(NOBODY, OFFICE_B[1])]))
    moved = await correct(environment, no, office_token=OFFICE_C[1])
    assert (moved.office_name, moved.problems, moved.frozen) == ("事業所C", (NOT_REGISTERED,), True)
    assert await frozen(environment) == {OFFICE_C[1]: f"{no}:1"}
    wrong = await correct(environment, no, office_token=OF_HIRANO)
    assert [problem.rule for problem in wrong.problems] == ["Y2", "Y5"]
    assert (await frozen(environment), await held(environment, no)) == ({}, (False, False))
    back = await correct(environment, no, office_token=OFFICE_B[1], yayoi_id=OFFICE_B[0])
    assert (back.problems, await held(environment, no)) == ((), (True, True))
    assert await frozen(environment) == {OFFICE_B[1]: f"{no}:1"}


async def test_y12_the_first_right_token_is_frozen_by_the_correction(environment: ActivityEnvironment) -> None:
    no = await environment.apply(form([(OFFICE_B[0], OF_HIRANO)]))
    await check(environment, no)
    assert (await correct(environment, no, office_token=OFFICE_B[1])).problems == ()
    assert await frozen(environment) == {OFFICE_B[1]: f"{no}:1"}
    assert (await environment.actions()).count("スマート取引取込を凍結した") == 1


async def test_y1_what_another_application_holds_is_no_correction(environment: ActivityEnvironment) -> None:
    first = await environment.apply(form([OFFICE_B]))
    no = await environment.apply(form([(NOBODY, OFFICE_C[1])]))
    before = await environment.everything()
    for typed, problem in (
        ({"yayoi_id": OFFICE_B[0]}, yayoi_id_held(first)),
        ({"office_token": OFFICE_B[1]}, token_held(first)),
    ):
        with pytest.raises(ApplicationError) as refusal:
            await correct(environment, no, **typed)
        assert (refusal.value.message, refusal.value.non_retryable) == (problem.message, True)
    assert await environment.everything() == before


async def test_y1_what_turns_out_wrong_is_let_go_and_thawed(environment: ActivityEnvironment) -> None:
    no = await environment.apply(form([OFFICE_B]))
    async with environment.sessions.begin() as session:
        elsewhere = update(OfficeRow).where(OfficeRow.office_token == OFFICE_B[1])
        await session.execute(elsewhere.values(existing_contract_id=HIRANO))
        group = BusinessGroupRow(name="別の会社")
        session.add(group)
        await session.flush()
        person = YayoiIdRow.id_of(OFFICE_B[0])
        session.add(GroupMemberRow(person_id=person, group_id=group.group_id, administrator=False))
    assert [problem.rule for problem in (await check(environment, no)).problems] == ["Y3", "Y5"]
    assert (await held(environment, no), await frozen(environment)) == ((False, False), {})


async def test_y9_an_addition_names_the_id_of_an_open_application_and_a_second_one_is_refused(
    environment: ActivityEnvironment,
) -> None:
    def addition(token: OfficeToken) -> ApplicationForm:
        new = form([(OFFICE_B[0], token)]).model_copy(update={"link_addition": True, "network_product": None})
        pair = new.offices[0].model_copy(update={"issued_contract_id": issued})
        return new.model_copy(update={"offices": (pair,)})

    first = await environment.apply(form([(OFFICE_B[0], None)], linked=False))
    await environment.activities()["check_pair"](step(first))
    issued = (await environment.activities()["issue_contract_id"](step(first))).contract_id
    no = await environment.apply(addition(OFFICE_B[1]))
    assert await held(environment, no) == (True, True)
    assert (await check(environment, no)).problems == ()
    assert await refused(environment, addition(OFFICE_C[1])) == {"offices.0.yayoi_id": yayoi_id_held(no).message}
    await environment.activities()["attach_to_contract"](step(no))
    # The first goes on, too: its ID is its own.
    assert await held(environment, first) == (False, True)


async def test_y15_nothing_is_issued_for_what_is_not_right(environment: ActivityEnvironment) -> None:
    """However the procedure came to the step."""
    no = await environment.apply(form([(NOBODY, OFFICE_B[1])]))
    with pytest.raises(ApplicationError) as refusal:
        await environment.activities()["issue_contract_id"](step(no))
    assert (refusal.value.type, refusal.value.non_retryable) == ("NotRight", True)
    assert await environment.rows(select(IssuedContractRow)) == []


async def test_y12_an_application_without_a_freeze_in_the_ledger_gets_it_with_the_check(
    environment: ActivityEnvironment,
) -> None:
    """As where smart import is another system: the first step freezes before the Yayoi ID matters."""
    no = await environment.apply(form([(NOBODY, OFFICE_B[1])]))
    async with environment.sessions.begin() as session:
        await session.execute(update(OfficeRow).values(frozen_by=None, frozen_at=None))
        await session.execute(delete(LedgerRow))
    found = await check(environment, no)
    assert (found.problems, found.frozen) == ((NOT_REGISTERED,), True)
    assert await frozen(environment) == {OFFICE_B[1]: f"{no}:1"}
