"""Walking through a case as its customers do: every link is opened, and every form sent, in the state that it is in."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from html.parser import HTMLParser
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
from fastapi import FastAPI
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client

from activities.common.mail_markdown import text_of
from activities.common.mail_templates import mail_templates
from activities.common.outbox import Audit, MailIdentity, Outbox, Write
from activities.yayoi.contract_ids import ContractIdPool
from activities.yayoi.holder_confirmation import HolderConfirmationActivities
from activities.yayoi.mail_texts import MailTexts
from activities.yayoi.registry.postgres import postgres_registry
from models.common.actors import Actor
from models.common.calendar import BusinessCalendar, utc_now
from models.common.messages import SentMail
from models.common.operations import Operations
from models.common.password_hashing import Hashing
from models.common.personal_links import PersonalLink
from models.common.store.case_status import publish_nothing
from models.common.store.ledger import Ledger
from models.common.waiting_for import WaitingFor
from models.myics.vendor_pages import MyicsPages
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    CaseStatusRow,
    IssuedContractRow,
    NoticeRow,
    SetUpStepRow,
)
from models.yayoi.case_links import calendar_address, case_link, case_path, link_expiry
from models.yayoi.customer_events import AnyEvent, RelinkCorrected
from models.yayoi.enquiries import ENQUIRY_PATH
from models.yayoi.holder_confirmation import AskHolder, ConfirmationOutcome
from models.yayoi.identifiers import ApplicationNo, ContractId
from models.yayoi.mails import MailKind
from models.yayoi.messages import OfficeRef, Outcome, SendMail
from models.yayoi.office_state import OfficeState
from models.yayoi.operator_actions import Action
from models.yayoi.operator_rules import OPERATIONS, refuse_days
from models.yayoi.personal_links import YayoiLinkKind
from models.yayoi.procedures import SET_UP_PATH, Procedure, SetUpStep, Stage
from models.yayoi.store.confirmations import HolderConfirmations, ToConfirm
from models.yayoi.store.event_cases import CaseRefusedError, find_case
from models.yayoi.store.events import EventRefusedError
from models.yayoi.vendor_pages import YayoiPages
from tests.support.case_states import NOW, TODAY, CaseBefore, CaseState, WrittenCase
from tests.support.customer import GROUP, SUPPORT_PASSWORD
from tests.support.signing import customers_signer
from tests.support.web import (
    IDS,
    NETWORK,
    SECRET,
    STANDALONE,
    TOKEN_B,
    TOKEN_C,
    TOKEN_OF_ANOTHER,
    UI,
    WEB,
    Web,
    browser_on,
    fill_registry,
    pair,
)
from web.app import create_app
from web.common.auth.api_keys import Systems
from web.yayoi.customer.pair_page import STEP_PATHS
from web.yayoi.event_delivery import Delivery, EventDelivery, EventStatus, update_of
from workflows.yayoi.office_details import SAID_BY_CUSTOMERS, office_details

State = TypeVar("State")

STEP5 = SetUpStep.SUPPORT_PASSWORD
RELINK_PATH = "/relink"
OTHER_ID = "c@example.co.jp"
"""Registered and in no group: a correction that is right."""
_NAMED_STEP = re.compile(r"「([^「」]+)」(?:から|を押|をクリック|へ進)")
"""A button or a link that a text names as what to use next."""
_LEADS_TO_STEPS = re.compile(rf"/applications/[^/]+(/offices/[0-9]+)?|{SET_UP_PATH}|{RELINK_PATH}")
_IN_BACKTICKS = re.compile(r"`([^`]+)`")


class ProcedureInState(EventDelivery):
    """Takes what a page reports as the procedure would in its state, and remembers which action it was."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self.state: OfficeState | None = None
        self.beside: OfficeState | None = None
        """Of the application's second office, or of the case before an addition: it stays as it is."""
        self.taken: set[Action] = set()
        self.taken_beside: set[Action] = set()

    async def take(self, event: AnyEvent, actor: Actor) -> Delivery:
        async with self._sessions() as session:
            try:
                found = await find_case(session, event)
            except CaseRefusedError as refused:
                raise EventRefusedError(str(refused)) from None
        assert self.state is not None
        if isinstance(event, RelinkCorrected) and self.state.stage is Stage.CLOSED:
            return self._taken(event.application_no, found[1], Action.CORRECT_RELINK)
        pair = OfficeRef(case_no=ApplicationNo(found[0]), part=found[1])
        action, message = update_of(event, actor, await self._link_of(pair, event))
        own = found == (self.state.case.case_no, self.state.case.part)
        state = self.state if own else self.beside
        assert state is not None
        assert found == (state.case.case_no, state.case.part)
        if reason := OPERATIONS.refuse(action, message, state) or refuse_days(message, state, TODAY):
            raise EventRefusedError(reason)
        if not own:
            self.taken_beside.add(action)
            return Delivery(state.case.case_no, found[1], EventStatus.DELIVERED)
        return self._taken(self.state.case.case_no, found[1], action)

    def _taken(self, application_no: ApplicationNo, office_no: int, action: Action) -> Delivery:
        self.taken.add(action)
        return Delivery(application_no, office_no, EventStatus.DELIVERED)


class HolderInState(HolderConfirmations):
    """Takes the answers of the contract's holder, and remembers which operation does the same."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], procedure: ProcedureInState) -> None:
        super().__init__(sessions, lambda: None, utc_now)
        self._procedure = procedure

    async def end_links(self, opened: ToConfirm, number: int) -> None:
        """Stay open: the walk goes on by them."""

    async def answer(self, application_no: str, shown: str, settlement: ConfirmationOutcome) -> bool:
        opened = await self.opened(application_no)
        assert opened is not None
        if not opened.waiting or (settlement.allows and shown != opened.digest):
            return False
        self._procedure.taken.add(Action.REPORT_CONFIRMED if settlement.allows else Action.REPORT_NOT_CONFIRMED)
        return True


@dataclass
class Form:
    """A form of a page, as a browser would send it untouched."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    button: tuple[str, str] | None = None


class Page(HTMLParser):
    """What can be done on a page: its links and forms, and what they are called."""

    def __init__(self, path: str, html: str) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.main_links: list[str] = []
        """Those that are not on every page."""
        self.forms: list[Form] = []
        self.labels: set[str] = set()
        self.texts: list[str] = []
        self._label: list[str] | None = None
        self._in_main = False
        self.feed(html)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        self._in_main |= tag == "main"
        if tag in {"a", "button", "h1", "h2", "summary"}:
            self._label = []
        if tag == "a" and "href" in facts:
            self.links.append(urljoin(self.path, facts["href"]).partition("#")[0])
            if self._in_main:
                self.main_links.append(self.links[-1])
        if tag == "form":
            self.forms.append(Form(urljoin(self.path, facts.get("action", "")), facts.get("method", "get")))
        if not self.forms:
            return
        form = self.forms[-1]
        if tag == "button" and facts.get("type") == "submit" and facts.get("name") and form.button is None:
            form.button = (facts["name"], facts.get("value", ""))
        if tag in {"input", "textarea"} and "name" in facts:
            chosen = facts.get("type") not in {"radio", "checkbox"} or "checked" in facts
            if chosen or facts["name"] == "consent":
                form.fields[facts["name"]] = facts.get("value", "")

    @property
    def says_where_to_go_on(self) -> bool:
        """Whether who is refused is led on by what the page itself says: to ask, or to where their case is."""
        ways_on = ("/applications/", SET_UP_PATH, ENQUIRY_PATH)
        return any(link.startswith(ways_on) for link in self.main_links)

    def handle_endtag(self, tag: str) -> None:
        self._in_main &= tag != "main"
        if tag in {"a", "button", "h1", "h2", "summary"} and self._label is not None:
            self.labels.add("".join(self._label).strip())
            self._label = None

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._label is not None:
            self._label.append(data)


@dataclass
class Walk:
    """One case, its pages as its customer's browser has them, and what was found that leads nowhere."""

    app: FastAPI
    http: httpx.AsyncClient
    nobody: httpx.AsyncClient
    """A browser in which nobody is signed in."""
    sessions: async_sessionmaker[AsyncSession]
    case: WrittenCase
    dead_ends: list[str] = field(default_factory=list)
    _same_for_all: set[str] = field(default_factory=set)
    """Pages that do not depend on the case, and were walked once."""
    _own: set[str] = field(default_factory=set)
    """Pages that do."""
    _without_steps: set[tuple[str, Stage, Outcome | None]] = field(default_factory=set)
    """Pages that ask for nothing at a stage: they are read once for it."""
    _written: dict[tuple[object, ...], str] = field(default_factory=dict)
    """Mails."""

    def __post_init__(self) -> None:
        self._procedure = ProcedureInState(self.sessions)
        self.app.state.services[EventDelivery] = self._procedure
        self.app.state.services[HolderConfirmations] = HolderInState(self.sessions, self._procedure)
        named = {"yayoi_pages": YayoiPages(), "myics_pages": MyicsPages(), "enquiry_url": WEB + ENQUIRY_PATH}
        self._registry = postgres_registry(ContractIdPool(7_000_000, 7_999_999))
        self._templates = mail_templates(**named)
        self._mails = MailTexts(
            self._registry,
            self._templates,
            partial(case_link, WEB, SECRET),
            UI,
            "desk@example.co.jp",
        )

    async def through(self, state: CaseState) -> None:
        """Write the state and walk through all that anybody is led to in it."""
        known = state.office_state(self.case)
        self._procedure.state, self._procedure.taken, self._procedure.taken_beside = known, set(), set()
        self._procedure.beside = self._beside(known)
        async with self.sessions.begin() as session:
            await state.write(session, self.case)
        first = self.case.first
        found = _Found(state, first.state if first else None)
        starts = [SET_UP_PATH, RELINK_PATH, *(self._without_mails() if state.unconfirmed else ())]
        starts += [case_path(SECRET, first.application_no, link_expiry(TODAY))] if first else []
        if state.unconfirmed:
            starts += re.findall(rf"{re.escape(WEB)}(/\S*)", await self._mail_to_holder())
        for kind in state.mails:
            text = await self._mail(kind, state)
            if kind in state.new_mails:
                found.named |= {(f"mail {kind}", step) for step in _NAMED_STEP.findall(text)}
            starts += re.findall(rf"{re.escape(WEB)}(/\S*)", text)
        starts += [calendar_address(each) for each in starts if each.startswith("/applications")]
        await self._walk(starts, found)
        found.check_names()
        if not state.ending and (state.waiting_for is not WaitingFor.SYSTEM or state.after_closing):
            waited_for = _OF_CUSTOMERS & set(SAID_BY_CUSTOMERS.get(state.stage, ())) & set(OPERATIONS.available(known))
            missing = sorted(waited_for - self._procedure.taken)
            found.dead_ends += [f"{action} is waited for and offered nowhere" for action in missing]
        if first and first.state.follow_up.open_steps and not first.state.over:
            beside = {Action.REPORT_SET_UP_STEP} - self._procedure.taken_beside
            found.dead_ends += [f"{action} of the case before is offered nowhere" for action in beside]
        found.dead_ends += not_possible_though_named(office_details(known), OPERATIONS, known)
        self.dead_ends += [f"{state}: {each}" for each in found.dead_ends]

    def _beside(self, known: OfficeState) -> OfficeState:
        """Return what is known of the case before an addition, else of the application's second office."""
        if (first := self.case.first) is None:
            return OfficeState.of(known.case.model_copy(update={"part": 2}))
        return first.state.office_state(replace(self.case, application_no=first.application_no, office_token=None))

    def _without_mails(self) -> list[str]:
        """Return what is opened while nobody but the contract's holder is mailed: the receipt's page, their links."""
        links = {"confirm": YayoiLinkKind.HOLDER_CONFIRMS, "end": YayoiLinkKind.HOLDER_ENDS}
        expires_at = NOW + timedelta(days=1)
        tokens = {
            name: PersonalLink(kind, self.case.application_no, 1, expires_at).token(SECRET)
            for name, kind in links.items()
        }
        receipt = case_path(SECRET, self.case.application_no, link_expiry(TODAY))
        return [receipt, *(f"/holder/{name}?link={token}" for name, token in tokens.items())]

    async def _mail_to_holder(self) -> str:
        """Write the mail that asks the contract's holder to confirm the application (Y5a)."""
        outbox = _WritingOutbox(self.sessions)
        ledger = Ledger(self.sessions, publish_nothing)
        activities = HolderConfirmationActivities(
            self.sessions, ledger, outbox, self._registry.contracts, self._templates, secret_keys=SECRET, public_url=WEB
        )
        await activities.ask_holder(AskHolder(case_no=self.case.application_no, part=1, at=NOW))
        return outbox.written[-1]

    async def _mail(self, kind: MailKind, state: CaseState) -> str:
        """Write the mail as it was sent when the case came to this state; the same for all states that differ in more.

        What differs is what is done, which the pages show.
        """
        key = (kind, state.stage, state.outcome, state.on_its_last_day, kind in state.new_mails)
        if key not in self._written:
            part = None if kind in {MailKind.RECEIPT, MailKind.FINISHED} else 1
            before_closing = state.after_notice and kind not in {MailKind.FOLLOW_UP_ENDED, MailKind.FINISHED}
            request = SendMail(
                case_no=self.case.application_no,
                part=part,
                kind=kind,
                at=state.notified_at if before_closing else NOW - state.age,
                points=state.points,
                until=TODAY,
            )
            async with self.sessions() as session:
                self._written[key] = text_of((await self._mails.write(session, request)).body)
        return self._written[key]

    async def _walk(self, starts: list[str], found: "_Found") -> None:
        # Of the links to one page, the one that expires first.
        ahead, seen = sorted(starts), set(self._same_for_all)
        while ahead:
            path = ahead.pop(0)
            place = urlsplit(path).path
            if place in seen or not path.startswith("/"):
                continue
            seen.add(place)
            page = await self._open(path, found)
            if page is None:
                continue
            ahead += page.links
            for form in page.forms:
                if _reports(form) and (found.has_notice or form.action != STEP_PATHS[STEP5]):
                    ahead += await self._send(form, found, where=path)

    async def _open(self, path: str, found: "_Found") -> Page | None:
        place = urlsplit(path).path
        key = (place, found.state.stage, found.state.outcome)
        if key in self._without_steps:
            return None
        answer = await self.http.get(path)
        while answer.is_redirect:
            answer = await self.http.get(answer.headers["location"])
        if not answer.headers["content-type"].startswith("text/html"):
            assert answer.status_code == httpx.codes.OK, path
            self._same_for_all.add(place)  # a file, which leads nowhere
            return None
        page = Page(path, answer.text)
        if answer.status_code != httpx.codes.OK and not (found.over and page.says_where_to_go_on):
            found.dead_ends.append(f"{path} answers {answer.status_code}: {_words(answer)}")
            return None
        if await self._is_for_all(place, answer.text):
            self._same_for_all.add(place)
            return page
        steps = found.read(page)
        if not steps and not _LEADS_TO_STEPS.fullmatch(place):
            self._without_steps.add(key)
        return page

    async def _is_for_all(self, place: str, html: str) -> bool:
        if place in self._own or place.startswith(("/applications/", "/calendars/")):
            return False
        answer = await self.nobody.get(place)
        if answer.status_code == httpx.codes.OK and _without_numbers(answer.text) == _without_numbers(html):
            return True
        self._own.add(place)
        return False

    async def _send(self, form: Form, found: "_Found", *, where: str) -> list[str]:
        """Fill in a form and the one that follows it; return where it leads."""
        sent = self._filled_in(form)
        answer = await self.http.post(form.action, data=sent)
        if answer.is_redirect:
            return [urljoin(form.action, answer.headers["location"]).partition("#")[0].removeprefix(WEB)]
        if answer.status_code != httpx.codes.OK:
            found.dead_ends.append(f"what {where} offers is refused: {_words(answer)}")
            return []
        page = Page(str(answer.url).removeprefix(WEB), answer.text)
        found.read(page)
        following = [each for each in page.forms if _reports(each)]
        if not following:
            found.dead_ends.append(f"what {where} offers has no effect: {_words(answer)}")
            return []
        return await self._send(following[0], found, where=where)

    def _filled_in(self, form: Form) -> Mapping[str, str]:
        typed = {"password": SUPPORT_PASSWORD, "password_again": SUPPORT_PASSWORD, **GROUP}
        typed |= {"contract_id": self.case.contract_id, "yayoi_id": self.case.yayoi_id}
        if "yayoi_id_confirmation" in form.fields:
            typed |= {"yayoi_id": OTHER_ID, "yayoi_id_confirmation": OTHER_ID}
        sent = {name: typed.get(name) or value for name, value in form.fields.items()}
        if "details.phone" in form.fields:
            sent |= GROUP
        return sent | dict([form.button] if form.button else [])


class _WritingOutbox(Outbox):
    """Writes mails, and sends none."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self.written: list[str] = []

    async def send(self, mail: MailIdentity, write: Write, audited: Audit | None = None) -> SentMail:  # noqa: ARG002
        async with self._sessions() as session:
            self.written.append(text_of((await write(session)).body))
        return SentMail(message_id="<written@web.test>")


@dataclass
class _Found:
    """What was read on the way through one state."""

    state: CaseState
    first: CaseState | None = None
    """Of the case before an addition."""
    dead_ends: list[str] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    named: set[tuple[str, str]] = field(default_factory=set)

    @property
    def has_notice(self) -> bool:
        return self.state.after_notice or self.first is not None

    @property
    def over(self) -> bool:
        """Whether nothing can be done any more of one of the cases."""
        return self.state.over or (self.first is not None and self.first.over)

    def read(self, page: Page) -> bool:
        """Keep what the page offers and names; return whether it is any step of the case."""
        named = {(page.path, step) for step in _NAMED_STEP.findall(page.text)}
        self.named |= named
        self.labels |= page.labels
        return bool(named) or any(_reports(form) for form in page.forms)

    def check_names(self) -> None:
        for where, step in sorted(self.named):
            if not any(step in label for label in self.labels):
                self.dead_ends.append(f"{where.partition('?')[0]} names 「{step}」, which is offered nowhere")


_OF_CUSTOMERS = frozenset(Action) - {Action.REOPEN}
"""What customers can do themselves, where it is waited for."""


def _reports(form: Form) -> bool:
    """Whether the form says that something of the case was done, or leads to one that does."""
    place = urlsplit(form.action).path
    of_case = place.startswith(("/applications/", RELINK_PATH)) and "event_id" in form.fields
    of_case |= place.startswith("/holder/")
    return form.method == "post" and (of_case or place in STEP_PATHS.values() or place == "/support-password/set")


def not_possible_though_named(details: str, operations: Operations[Any, State], state: State) -> list[str]:
    """Return what is said of each operation that an operators' page names though it is not possible."""
    possible = {each.value for each in operations.available(state)}
    named = {name for name in _IN_BACKTICKS.findall(details) if name in {each.value for each in operations.every}}
    return [f"operators are sent to {name}, which is not possible" for name in sorted(named - possible)]


def _without_numbers(html: str) -> str:
    return re.sub(r'value="[0-9a-f-]{36}"', "", html)


def _words(answer: httpx.Response) -> str:
    [main] = re.findall(r"<main.*?</main>", answer.text, re.DOTALL) or [answer.text]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", main)).strip()[:200]


@asynccontextmanager
async def walk_of(
    sessions: async_sessionmaker[AsyncSession],
    procedure: Procedure,
    *,
    offices: int = 1,
    first: CaseState | None = None,
) -> AsyncIterator[Walk]:
    """Have one application of this procedure, whose customer is signed in; nothing runs beside the pages.

    Of two `offices` the second stays as it was received; so does the `first` case, before an addition.
    """
    await fill_registry(sessions)
    client = await Client.connect("127.0.0.1:1", lazy=True)
    app = create_app(
        sessions=sessions,
        client=client,
        signer=customers_signer,
        calendar=BusinessCalendar(),
        public_url=WEB,
        secret_keys=SECRET,
        task_queue="nobody's",
        reconcile_every=timedelta(days=1),
        systems=Systems((), open_to_all=True),
    )
    async with browser_on(app) as http, browser_on(app) as nobody:
        web = Web(app, http, sessions, client, "nobody's")
        case = await _applied(web, procedure, offices, first)
        await web.sign_in(case.yayoi_id)
        yield Walk(app, http, nobody, sessions, case)


async def _applied(web: Web, procedure: Procedure, offices: int, first: CaseState | None) -> WrittenCase:
    network = SetUpStep.PRODUCT in procedure.set_up_steps or procedure.has(Stage.ATTACH)
    contract, token = (NETWORK, TOKEN_B) if network else (STANDALONE, TOKEN_OF_ANOTHER)
    of_contract = {"existing_contract_id": contract, "network_product": network}
    issued = ContractId("7100000")
    own: dict[str, Any] = {"token": token if procedure.linked else None}
    before = None
    if first:
        before = CaseBefore(await _first_case(web, issued, of_contract, first), first)
        own["issued_contract_id"] = issued
    kind = {"accounting_link": procedure.linked, "link_addition": procedure.has(Stage.ATTACH)}
    beside = [pair(IDS[1], TOKEN_C if procedure.linked else None)] if offices > 1 else []
    application_no = await web.applied(pair(**own), *beside, **of_contract, **kind)
    return WrittenCase(
        application_no,
        IDS[0],
        issued,
        ContractId(contract),
        own["token"],
        await Hashing().hash(SUPPORT_PASSWORD),
        before,
    )


async def _first_case(web: Web, issued: ContractId, of_contract: Mapping[str, Any], state: CaseState) -> ApplicationNo:
    """Have the contract ID issued by an application without the link, which is as the state says (Y9)."""
    number = await web.applied(pair(token=None), **of_contract, accounting_link=False)
    closed_at = NOW - state.age if state.after_closing or state.over else None
    closing = {"closed_at": closed_at, "outcome": state.outcome, "closings": int(closed_at is not None)}
    points = list(state.points) if closed_at else None
    async with web.sessions.begin() as session:
        of_pair = update(ApplicationOfficeRow).filter_by(application_no=number)
        await session.execute(of_pair.values(**closing, open_points=points, holds_id=closed_at is None))
        await session.execute(update(ApplicationRow).filter_by(application_no=number).values(closed_at=closed_at))
        status = update(CaseStatusRow).filter_by(case_no=number)
        until = TODAY if state.after_closing else None
        await session.execute(status.values(stage=state.stage, outcome=state.outcome, until=until))
        pair_of = {"application_no": number, "office_no": 1}
        session.add_all(
            SetUpStepRow(**pair_of, step=step, done_at=NOW, reported_by="yayoi_id:1") for step in state.done
        )
        session.add(
            NoticeRow(
                key="first notice",
                case_no=number,
                part=1,
                kind=state.notice,
                recipient=IDS[0],
                subject=state.notice.subject,
                message_id="<first-notice@web.test>",
                sent_at=state.notified_at,
            )
        )
        session.add(
            IssuedContractRow(
                contract_id=issued,
                existing_contract_id=of_contract["existing_contract_id"],
                number=1,
                registered_name="弥生 太郎 - 1",
                **pair_of,
                yayoi_id=IDS[0],
                issued_at=NOW,
            )
        )
    return number
