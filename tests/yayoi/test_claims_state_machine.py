"""Random customers, strangers, holders and operators on two contracts: whose office is touched, and what is said of it.

Hypothesis draws who applies for what, and makes a walk that breaks something as short as it can (Y1, Y5, Y5a, Y12).
"""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, TypeVar

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from models.common.refusals import RefusedError
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    AuditRow,
    HolderConfirmationRow,
    IssuedContractRow,
    OfficeRow,
    SharingRow,
)
from models.yayoi.application_form import ApplicationForm
from models.yayoi.case_links import case_path, link_expiry
from models.yayoi.holder_confirmation import ConfirmationOutcome, TooManyUnconfirmedError
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken, YayoiId
from models.yayoi.operator_actions import CorrectPair
from models.yayoi.procedures import Stage
from models.yayoi.store.confirmations import HolderConfirmations
from models.yayoi.store.smart_import import FROZEN
from tests.support.case_walk import Page
from tests.support.ending import end
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, YAYOI, Case, Environment, form
from tests.support.holder import pages_of
from tests.support.operator_actions import filled_in, shown_actions
from tests.support.secret_key import SECRET_KEYS
from tests.support.signing import SATO, acting_as, applicant
from tests.support.smtp_inbox import SmtpInbox
from tests.support.state_machines import BOUNDED, Place
from tests.support.web import Web
from workers.stack.inbox import text_of

RowT = TypeVar("RowT")
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
STOPPED = "「スマート取引取込」は、完了のお知らせが届くまで停止しています"


STOPPED_BY_US = "完了のお知らせをお送りするまで、弊社で停止しています"


@dataclass(frozen=True)
class Applied:
    """An application, and how many pairs it has."""

    case: Case
    offices: int
    proven: bool
    """Whether who applied came by the holder's link, or showed a token of the contract's own office."""

    @property
    def numbers(self) -> range:
        return range(1, self.offices + 1)


class Claims(RuleBasedStateMachine):
    """Each example has a database and a worker of its own; Temporal and the inbox are everybody's."""

    here: ClassVar[Place]

    def __init__(self) -> None:
        super().__init__()
        self.events = 0
        self.exit = AsyncExitStack()
        self.environment = self.here.wait(self.exit.enter_async_context(self.here.environment()))
        self.pages = self.here.wait(self.exit.enter_async_context(pages_of(self.environment)))
        self.cases: list[Applied] = []
        self.mailed_before = len(self.environment.inbox.mails)

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
        self.here.wait(invariants(self.environment, self.pages, self.cases, self.mailed_before))

    def teardown(self) -> None:
        try:
            for applied in self.cases:
                self.here.wait(end(applied.case.application, *map(applied.case.office, applied.numbers)))
        finally:
            self.here.wait(self.exit.aclose())


@pytest.mark.long
async def test_nobody_touches_what_is_not_theirs_and_every_page_says_what_is(
    postgres_socket: Path, temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    place = Place(asyncio.get_running_loop(), postgres_socket, temporal, smtp_inbox)
    claims = type("ClaimsHere", (Claims,), {"here": place})
    await asyncio.to_thread(run_state_machine_as_test, claims, settings=settings(BOUNDED, max_examples=10))


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
        with suppress(WorkflowUpdateFailedError):  # what is shown may be too late for what others hold now
            await case.office(number).execute_update(action, filled_in(shown[action], "お電話"))


async def let_pass(case: Case, number: int, time: timedelta) -> None:
    await case.settled(number)
    if await is_open(case, number):
        await case.until(await case.now(number) + time, number)


async def is_open(case: Case, number: int) -> bool:
    return (await case.progress(number)).stage is not Stage.CLOSED


@dataclass(frozen=True)
class Records:
    """What is recorded of all applications, as of one moment."""

    contract_of: Mapping[str, str]
    """By the applications' numbers."""
    link_no: Mapping[str, int]
    """Of the link that opens each application now: an operator may have ended the one before."""
    pairs: Sequence[ApplicationOfficeRow]
    offices: Mapping[str, OfficeRow]
    sharings: Sequence[SharingRow]
    issued: Sequence[IssuedContractRow]
    ever_frozen: set[tuple[str, int]]
    """By the numbers of application and office."""
    confirmations: Mapping[tuple[str, int], HolderConfirmationRow]
    """By the numbers of application and office."""

    @classmethod
    async def read(cls, environment: Environment) -> "Records":
        async with environment.sessions() as session:
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})

            async def rows(table: type[RowT]) -> Sequence[RowT]:
                return (await session.scalars(select(table))).all()

            return cls(
                {row.application_no: row.existing_contract_id for row in await rows(ApplicationRow)},
                {row.application_no: row.link_no for row in await rows(ApplicationRow)},
                await rows(ApplicationOfficeRow),
                {row.office_token: row for row in await rows(OfficeRow)},
                await rows(SharingRow),
                await rows(IssuedContractRow),
                {(row.case_no, row.part) for row in await rows(AuditRow) if row.action == FROZEN},
                {(row.application_no, row.office_no): row for row in await rows(HolderConfirmationRow)},
            )

    @property
    def frozen(self) -> set[str]:
        return {token for token, row in self.offices.items() if row.frozen_by}

    def is_own(self, application_no: str, token: str | None) -> bool:
        """Whether the office is one of the contract that is applied for."""
        office = self.offices.get(token or "")
        return office is not None and office.existing_contract_id == self.contract_of[application_no]


async def invariants(environment: Environment, pages: Web, cases: list[Applied], mailed_before: int) -> None:
    for applied in cases:
        for number in applied.numbers:
            await applied.case.settled(number)
    known = await Records.read(environment)
    nobodys_office_is_touched_by_somebody_without_its_token(known)
    at_most_one_holds_what_is_right(known)
    no_id_without_token_or_confirmation(known, {each.case.application_no for each in cases if each.proven})
    no_mail_says_stopped_of_what_never_was(environment, known, mailed_before)
    for applied in cases:
        await the_page_is_true_and_leads_to_no_refusal(pages, applied.case, known)
        await the_newest_mail_leads_to_no_refusal(environment, pages, applied.case, mailed_before)


def nobodys_office_is_touched_by_somebody_without_its_token(known: Records) -> None:
    touched = [(row.frozen_by, row.office_token) for row in known.offices.values()]
    touched += [(row.ended_for, row.office_token) for row in known.sharings]
    named = {(f"{pair.application_no}:{pair.office_no}", pair.office_token) for pair in known.pairs}
    for by, token in touched:
        if by:
            assert (by, token) in named
            assert known.is_own(by.partition(":")[0], token)


def at_most_one_holds_what_is_right(known: Records) -> None:
    still_open = [pair for pair in known.pairs if pair.closed_at is None]
    tokens = Counter(pair.office_token for pair in still_open if pair.holds_token)
    # 会計連携の追加 names the Yayoi ID of an earlier application (Y9).
    ids = Counter((pair.yayoi_id, pair.issued_contract_id) for pair in still_open if pair.holds_id)
    assert max([*tokens.values(), *ids.values()], default=1) == 1
    assert all(known.is_own(pair.application_no, pair.office_token) for pair in still_open if pair.holds_token)


def no_id_without_token_or_confirmation(known: Records, proven: set[ApplicationNo]) -> None:
    """`proven`: the applications that showed it when they were sent."""
    for row in known.issued:
        asked = known.confirmations.get((row.application_no, row.office_no))
        if asked is None:
            assert row.application_no in proven
        else:
            assert asked.settled_as in {ConfirmationOutcome.CONFIRMED, ConfirmationOutcome.TOKEN_SHOWN}


def no_mail_says_stopped_of_what_never_was(environment: Environment, known: Records, mailed_before: int) -> None:
    for mail in environment.inbox.mails[mailed_before:]:
        said = text_of(mail)
        if STOPPED_BY_US not in said:
            continue
        [number] = set(re.findall(r"申込番号：(YS-\d+)", said))
        one_by_one = re.findall(rf"(\d+) 件目「[^」]*」は、{STOPPED_BY_US}", said)
        parts = one_by_one or re.findall(r"(\d+) 件目", said)
        assert {(number, int(part)) for part in parts} <= known.ever_frozen


async def the_page_is_true_and_leads_to_no_refusal(pages: Web, case: Case, known: Records) -> None:
    """What the case's page says about the freeze is so, and nothing that it links to is refused."""
    pairs = [pair for pair in known.pairs if pair.application_no == case.application_no]
    stopped = [pair for pair in pairs if pair.office_token in known.frozen and pair.holds_token]
    path = case_path(
        SECRET_KEYS,
        case.application_no,
        link_expiry(case.due_date),
        link_no=known.link_no[case.application_no],
    )
    answer = await pages.http.get(path)
    assert answer.status_code == httpx.codes.OK
    assert answer.text.count(STOPPED) == len(stopped)
    for link in Page(path, answer.text).links:
        if link.startswith("/applications/"):
            assert (await pages.http.get(link)).status_code == httpx.codes.OK, link


async def the_newest_mail_leads_to_no_refusal(
    environment: Environment, pages: Web, case: Case, mailed_before: int
) -> None:
    """Every page that the last mail to a customer about a case names can be opened."""
    about = [text_of(mail) for mail in environment.inbox.mails[mailed_before:]]
    about = [text for text in about if f"申込番号：{case.application_no}" in text and "/desk/" not in text]
    for link in re.findall(r"http://web\.test(/\S*)", about[-1]) if about else ():
        answer = await pages.http.get(link, follow_redirects=True)
        assert answer.status_code == httpx.codes.OK, link
