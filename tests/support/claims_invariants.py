"""What holds of all applications at every moment, whoever applies, confirms, corrects or acts (Y1, Y5, Y5a, Y12)."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import httpx
from sqlalchemy import select

from models.common.store.notifications import NotifiedRows
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    AuditRow,
    HolderConfirmationRow,
    IssuedContractRow,
    OfficeRow,
    SharingRow,
)
from models.yayoi.case_links import case_path, link_expiry
from models.yayoi.holder_confirmation import ConfirmationOutcome
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.store.smart_import import FROZEN
from tests.support.case_walk import Page
from tests.support.environment import Case, Environment
from tests.support.secret_key import SECRET_KEYS
from tests.support.web import Web
from web.yayoi.holder_answers import HolderAnswers
from workers.stack.inbox import text_of

RowT = TypeVar("RowT")
STOPPED = "「スマート取引取込」は、完了のお知らせが届くまで停止しています"
"""As the page of a case says it."""
STOPPED_BY_US = "完了のお知らせをお送りするまで、弊社で停止しています"
"""As mails do."""


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

    @property
    def stopped(self) -> set[tuple[str, int]]:
        """The pairs whose office is frozen, by the numbers of application and office."""
        held = [pair for pair in self.pairs if pair.holds_token and pair.office_token in self.frozen]
        return {(pair.application_no, pair.office_no) for pair in held}

    @property
    def named(self) -> set[tuple[str, str | None]]:
        """What each pair names as its office."""
        return {(f"{pair.application_no}:{pair.office_no}", pair.office_token) for pair in self.pairs}

    def is_own(self, application_no: str, token: str | None) -> bool:
        """Whether the office is one of the contract that is applied for."""
        office = self.offices.get(token or "")
        return office is not None and office.existing_contract_id == self.contract_of[application_no]


@dataclass
class Seen:
    """What was looked at before: the moment that a text is about lies between then and now."""

    mails: int
    stopped: set[tuple[str, int]] = field(default_factory=set)
    ever_frozen: set[tuple[str, int]] = field(default_factory=set)
    named: set[tuple[str, str | None]] = field(default_factory=set)
    """By whom an office was ever named: a corrected token leaves what was reported of the one before."""


async def everybody_knows(environment: Environment, cases: list[Applied]) -> None:
    """Wait until nothing is under way, and every workflow has looked at what a holder has answered."""
    answers = HolderAnswers(environment.sessions, environment.client)
    waiting = NotifiedRows(environment.sessions, HolderConfirmationRow).waiting
    while True:
        await answers.notify_all()
        offices = [(applied.case, number) for applied in cases for number in applied.numbers]
        await asyncio.gather(*(case.settled(number) for case, number in offices))
        if not await waiting():
            return


async def invariants(environment: Environment, pages: Web, cases: list[Applied], seen: Seen) -> None:
    await everybody_knows(environment, cases)
    known = await Records.read(environment)
    mails = [text_of(mail) for mail in environment.inbox.mails[seen.mails :]]
    seen.named |= known.named
    nobodys_office_is_touched_by_somebody_without_its_token(known, seen.named)
    at_most_one_holds_what_is_right(known)
    no_id_without_token_or_confirmation(known, {each.case.application_no for each in cases if each.proven})
    # Between two looks one thing was done: what was stopped at neither, nor meanwhile, is said to be by no mail.
    what_mails_say_is_stopped_is(mails, seen.stopped | known.stopped | (known.ever_frozen - seen.ever_frozen))
    for applied in cases:
        await the_page_is_true_and_leads_to_no_refusal(pages, applied.case, known)
    await no_mail_leads_to_a_refusal(pages, mails)
    seen.mails += len(mails)
    seen.stopped, seen.ever_frozen = known.stopped, known.ever_frozen


def nobodys_office_is_touched_by_somebody_without_its_token(known: Records, named: set[tuple[str, str | None]]) -> None:
    touched = [(row.frozen_by, row.office_token) for row in known.offices.values()]
    touched += [(row.ended_for, row.office_token) for row in known.sharings]
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


def what_mails_say_is_stopped_is(mails: Sequence[str], stopped: set[tuple[str, int]]) -> None:
    for said in mails:
        if STOPPED_BY_US not in said:
            continue
        [number] = set(re.findall(r"申込番号：(YS-\d+)", said))
        one_by_one = re.findall(rf"(\d+) 件目「[^」]*」は、{STOPPED_BY_US}", said)
        parts = one_by_one or re.findall(r"(\d+) 件目", said)
        assert parts
        assert {(number, int(part)) for part in parts} <= stopped


async def the_page_is_true_and_leads_to_no_refusal(pages: Web, case: Case, known: Records) -> None:
    """What the case's page says about the freeze is so, and nothing that it links to is refused."""
    stopped = [part for number, part in known.stopped if number == case.application_no]
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


async def no_mail_leads_to_a_refusal(pages: Web, mails: Sequence[str]) -> None:
    """Every page that a new mail to a customer names can be opened; the desk's are for operators."""
    links = {link for said in mails for link in re.findall(r"http://web\.test(/\S*)", said)}
    for link in links:
        if not link.startswith("/desk"):
            answer = await pages.http.get(link, follow_redirects=True)
            assert answer.status_code == httpx.codes.OK, link
