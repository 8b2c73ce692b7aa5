"""Random customers, strangers, holders and operators on two contracts: whose office is touched, and what is said of it.

Hypothesis draws who applies for what, and what they and the others do then (Y1, Y5, Y5a, Y12).
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import day_in_japan
from models.common.refusals import RefusedError
from models.yayoi.application_form import ApplicationForm
from models.yayoi.holder_confirmation import ConfirmationOutcome, TooManyUnconfirmedError
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId
from models.yayoi.operator_actions import CorrectPair
from models.yayoi.procedures import Stage
from models.yayoi.store.confirmations import HolderConfirmations
from tests.support.claims_invariants import Applied, Records, Seen, invariants
from tests.support.ending import end
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, YAYOI, Case, form
from tests.support.holder import pages_of
from tests.support.operator_actions import filled_in, shown_actions
from tests.support.signing import SATO, acting_as, applicant
from tests.support.smtp_inbox import SmtpInbox
from tests.support.state_machines import BOUNDED, Place
from tests.support.web import Web

OTHER = ContractId("6000011")
CONTRACTS = st.sampled_from((YAYOI, OTHER))
IDS = st.sampled_from((OFFICE_B[0], OFFICE_C[0], YayoiId("office-2@shido.example.co.jp"), NOBODY))
NOBODYS = OfficeToken("ffffffff-0000-4000-8000-00000000ffff")
OF_OTHER = OfficeToken("b6000011-0000-4000-8000-000000000002")
OWNER_OF: Mapping[str, ContractId] = {OFFICE_B[1]: YAYOI, OFFICE_C[1]: YAYOI, OF_OTHER: OTHER}
TOKENS = st.sampled_from((OFFICE_B[1], OFFICE_C[1], OF_OTHER, NOBODYS))
"""Of either contract, and one that is nobody's."""
PAIRS = st.lists(st.tuples(IDS, TOKENS), min_size=1, max_size=2, unique_by=(lambda pair: pair[0], lambda pair: pair[1]))
CHOICES = st.integers(0, 99)


class Claims(RuleBasedStateMachine):
    """Each example has a database and a worker of its own; Temporal and the inbox are everybody's."""

    here: ClassVar[Place]

    def __init__(self) -> None:
        super().__init__()
        self.exit = AsyncExitStack()
        self.environment = self.here.wait(self.exit.enter_async_context(self.here.environment()))
        self.pages = self.here.wait(self.exit.enter_async_context(pages_of(self.environment)))
        self.cases: list[Applied] = []
        self.seen = Seen(len(self.environment.inbox.mails))

    @rule(contract=CONTRACTS, pairs=PAIRS, linked=st.booleans(), by_holder=st.booleans())
    def somebody_applies(
        self, contract: ContractId, pairs: list[tuple[YayoiId, OfficeToken]], linked: bool, by_holder: bool
    ) -> None:
        named = [(yayoi_id, token if linked else None) for yayoi_id, token in pairs]
        self.apply(form(named, contract=contract, linked=linked), by_holder=by_holder)

    @rule(choice=CHOICES, yayoi_id=IDS, token=TOKENS, own=st.booleans())
    def somebody_adds_the_link(self, choice: int, yayoi_id: YayoiId, token: OfficeToken, own: bool) -> None:
        """With an ID that was issued before, as its own Yayoi ID or as another."""
        known = self.here.wait(Records.read(self.environment))
        if known.issued:
            issued = known.issued[choice % len(known.issued)]
            named = YayoiId(issued.yayoi_id) if own else yayoi_id
            first = form([(named, token)], contract=ContractId(issued.existing_contract_id))
            pair = first.offices[0].model_copy(update={"issued_contract_id": ContractId(issued.contract_id)})
            self.apply(first.model_copy(update={"link_addition": True, "offices": (pair,)}), by_holder=False)

    def apply(self, application: ApplicationForm, *, by_holder: bool) -> None:
        with suppress(RefusedError, TooManyUnconfirmedError):
            case = self.here.wait(self.environment.apply(application, by_holder=by_holder))
            shown = {OWNER_OF.get(str(pair.office_token)) for pair in application.offices}
            proven = by_holder or application.existing_contract_id in shown
            self.cases.append(Applied(case, len(application.offices), proven))

    @rule(choice=CHOICES, confirms=st.booleans())
    def the_holder_answers(self, choice: int, confirms: bool) -> None:
        if self.cases:
            self.here.wait(answer(self.pages, self.cases[choice % len(self.cases)].case, confirms=confirms))

    @rule(choice=CHOICES, yayoi_id=IDS, token=st.none() | TOKENS, by_applicant=st.booleans())
    def somebody_corrects(self, choice: int, yayoi_id: YayoiId, token: OfficeToken | None, by_applicant: bool) -> None:
        """On the page of the case, or an operator for them."""
        if self.cases:
            case, number = self.one_office(choice)
            who = applicant(case.application_no, number) if by_applicant else SATO
            correction = CorrectPair(reason="お電話", yayoi_id=yayoi_id, office_token=token)
            with acting_as(who):
                self.here.wait(unless_refused(case, number, correction))

    def one_office(self, choice: int) -> tuple[Case, int]:
        applied = self.cases[choice % len(self.cases)]
        return applied.case, choice // len(self.cases) % applied.offices + 1

    @rule(choice=CHOICES, action=CHOICES)
    def an_operator_acts(self, choice: int, action: int) -> None:
        if self.cases:
            self.here.wait(do_one_of(*self.one_office(choice), action))

    @rule(choice=CHOICES, days=st.integers(1, 6))
    def time_passes(self, choice: int, days: int) -> None:
        if self.cases:
            self.here.wait(let_pass(*self.one_office(choice), timedelta(days=days)))

    @invariant()
    def invariants_hold(self) -> None:
        self.here.wait(invariants(self.environment, self.pages, self.cases, self.seen))

    def teardown(self) -> None:
        try:
            for applied in self.cases:
                self.here.wait(end(applied.case.application, *map(applied.case.office, applied.numbers)))
        finally:
            self.here.wait(self.exit.aclose(), cleaning_up=True)


@pytest.mark.long
@pytest.mark.parametrize("walks", range(5))
async def test_nobody_touches_what_is_not_theirs_and_every_page_says_what_is(
    walks: int, postgres_socket: Path, temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    """What is drawn follows from the class's name; making a walk shorter would take longer than a test may."""
    place = Place(asyncio.get_running_loop(), postgres_socket, temporal, smtp_inbox)
    claims = type(f"Claims{walks}", (Claims,), {"here": place})
    await place.walk(claims, settings(BOUNDED, max_examples=3, phases=[Phase.generate]))


async def answer(pages: Web, case: Case, *, confirms: bool) -> None:
    """Answer as the holder does by the mailed link, if anything is asked."""
    confirmations = pages.app.state.services[HolderConfirmations]
    if opened := await confirmations.opened(case.application_no):
        settlement = ConfirmationOutcome.CONFIRMED if confirms else ConfirmationOutcome.REFUSED
        assert await confirmations.answer(case.application_no, opened.digest, settlement)


async def unless_refused(case: Case, number: int, correction: CorrectPair) -> None:
    await case.settled(number)
    if await is_open(case, number):
        with suppress(WorkflowUpdateFailedError):
            await case.act(correction, number)


async def do_one_of(case: Case, number: int, choice: int) -> None:
    await case.settled(number)
    if await is_open(case, number) and (shown := await shown_actions(case, number)):
        action = [*shown][choice % len(shown)]
        today = {"relinked_on": str(day_in_japan(await case.now(number)))}
        with suppress(WorkflowUpdateFailedError):  # what is shown may be too late for what others hold now
            await case.office(number).execute_update(action, filled_in(shown[action], "お電話", **today))


async def let_pass(case: Case, number: int, time: timedelta) -> None:
    await case.settled(number)
    if await is_open(case, number):
        await case.until(await case.now(number) + time, number)


async def is_open(case: Case, number: int) -> bool:
    return (await case.progress(number)).stage is not Stage.CLOSED
