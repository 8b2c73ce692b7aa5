"""The operators' web application with four operators, as a browser meets it, and a clock."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.routing import Mount

from models.backoffice.case_places import workflow_ids
from models.backoffice.erasing_persons import ErasureStep
from models.backoffice.history_summary import HistorySummary
from models.common.actors import Actor
from models.common.calendar import BusinessCalendar
from models.common.operators import Role
from models.common.possible_operations import CaseNow
from models.common.secret_keys import SecretKeys
from models.common.signatures import SignedPlace
from models.common.signing_keys import KeyPurpose, PrivateKey
from models.tables import CaseStatusRow, OperatorAuditRow, OperatorIdentityRow, OperatorRow, OperatorSessionRow
from tests.support.databases import as_role
from tests.support.encryption import KEYS_OF_TESTS
from tests.support.openid_provider import SmallProvider
from tests.support.web import browser_on
from web.backoffice.audit_heads_archive import HeadsFile
from web.backoffice.broken_cases import FindBrokenCases, no_broken_cases
from web.backoffice.case_reader import ReadCase, ReadsCases
from web.backoffice.codec_server import ReadsPayloads
from web.backoffice.erasure_starter import BeginsErasures
from web.backoffice.mail_previews import NoPreviews, PreviewsMails
from web.backoffice.web_ui import WebUi
from web.backoffice.web_ui_updates import SendsOperations
from web.common.auth.openid import OpenIdSettings
from web.common.auth.sign_in_links import SignInLinks
from web.common.operation_sender import Done, Outcome, SignedOperation
from web.common.temporal_calls import UnreachableError
from web.common.trusted_authorities import trusted_authorities
from web.desk_app import create_desk_app
from workers.codec import PayloadReader
from workers.database_roles import DatabaseRole

DESK = "http://desk.test"
RUN = "this run of up"
OPERATORS = {
    "sk": ("佐藤", [Role.CASEWORKER]),
    "tn": ("田中", [Role.SUPERVISOR, Role.ADMINISTRATOR]),
    "kn": ("監物", [Role.AUDITOR]),
    "mr": ("森", []),
}


NOWHERE = "http://127.0.0.1:1"
"""The address of a Temporal Web UI that is not there."""


@dataclass
class SentOperations:
    """In the place of the sender: writes down what is sent, and says what came of it."""

    outcome: Outcome = field(default_factory=Done)
    sent: list[tuple[str, str, Mapping[str, Any], Actor, str]] = field(default_factory=list)
    signed: list[SignedOperation] = field(default_factory=list)

    async def send(
        self, workflow_id: str, operation: str, content: Mapping[str, Any], actor: Actor, update_id: str
    ) -> Outcome:
        self.sent.append((workflow_id, operation, content, actor, update_id))
        return self.outcome

    async def result(self, workflow_id: str, update_id: str) -> Outcome | None:
        known = {(sent[0], sent[4]) for sent in self.sent}
        return self.outcome if (workflow_id, update_id) in known else None

    async def sign(self, actor: Actor, place: SignedPlace, content: Mapping[str, Any]) -> SignedOperation:
        return SignedOperation(place, content, str(actor).encode())

    async def send_signed(self, signed: SignedOperation) -> Outcome:
        self.signed.append(signed)
        return self.outcome


@dataclass
class GivenCases:
    """In the place of the cases: answers what it was given, by number and part, and judges by workflow."""

    cases: dict[tuple[str, int | None], CaseNow] = field(default_factory=dict)
    away: bool = False
    refusals: dict[str, str] = field(default_factory=dict)
    """Why an operation would be refused."""
    asked: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)
    run: str | None = "newest"

    async def read(self, case_no: str, part: int | None) -> ReadCase | None:
        if self.away:
            raise UnreachableError
        now = self.cases.get((case_no, part))
        return ReadCase(case_no, part, workflow_ids(case_no, part)[0], now) if now else None

    async def judge(self, workflow_id: str, operation: str, message: Mapping[str, Any]) -> str | None:
        self.asked.append((workflow_id, operation, message))
        return self.refusals.get(workflow_id)

    async def newest_run(self, workflow_id: str) -> str | None:  # noqa: ARG002 all have the same
        return self.run


@dataclass
class DeskClock:
    """The time as the application sees it."""

    time: datetime = datetime(2026, 11, 5, 1, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@dataclass
class DeskSite:
    """The application, one browser on it, and the rows behind."""

    app: FastAPI
    http: httpx.AsyncClient
    sessions: async_sessionmaker[AsyncSession]
    clock: DeskClock
    operations: SentOperations
    cases: GivenCases
    url: str = DESK

    def browser(self) -> httpx.AsyncClient:
        """Another browser."""
        return browser_on(self.app, self.url)

    async def link(self, handle: str, run: str = RUN) -> str:
        """Return the path of a new sign-in link."""
        return await SignInLinks(self.sessions, run, self.clock.now).make(await self.operator(handle))

    async def sign_in(self, handle: str, http: httpx.AsyncClient | None = None) -> httpx.Response:
        """Log in by a link."""
        link = await self.link(handle)
        return await (http or self.http).post("/sign-in/link", data={"key": link.partition("key=")[2]})

    async def signs_in_at(
        self, provider: SmallProvider, there: str = "/desk", http: httpx.AsyncClient | None = None
    ) -> httpx.Response:
        """Go to the provider and back; return what the browser is shown then."""
        http = http or self.http
        away = await http.get("/sign-in/openid", params={"next": there})
        assert away.status_code == 302, away.text
        assert away.headers["location"].startswith(f"{provider.issuer}/authorize?")
        async with httpx.AsyncClient(verify=trusted_authorities()) as elsewhere:
            back = urlsplit((await elsewhere.get(away.headers["location"])).headers["location"])
        assert f"{back.scheme}://{back.netloc}" == self.url
        return await http.get(f"{back.path}?{back.query}")

    async def is_in(self, http: httpx.AsyncClient | None = None) -> bool:
        answer = await (http or self.http).get("/desk")
        assert answer.status_code in {200, 303}, answer.text
        return answer.status_code == 200

    async def operator(self, handle: str) -> OperatorRow:
        [row] = await self.rows(select(OperatorRow).where(OperatorRow.handle == handle))
        assert isinstance(row, OperatorRow)
        return row

    async def change(self, handle: str, **values: Any) -> None:
        async with self.sessions.begin() as session:
            await session.execute(update(OperatorRow).where(OperatorRow.handle == handle).values(**values))

    async def add(self, handle: str, *roles: Role) -> None:
        """Enter one more operator, whose name is their handle."""
        async with self.sessions.begin() as session:
            address, values = f"{handle}@back-office.example.jp", [role.value for role in roles]
            session.add(OperatorRow(handle=handle, name=handle, mail_address=address, roles=values))

    async def set_status(self, case_no: str, **values: Any) -> None:
        """Change a status row, as a step of its procedure does."""
        async with self.sessions.begin() as session:
            await session.execute(update(CaseStatusRow).where(CaseStatusRow.case_no == case_no).values(**values))

    async def known_as(self, handle: str, issuer: str, subject: str) -> None:
        async with self.sessions.begin() as session:
            operator_id = (await self.operator(handle)).operator_id
            added_at = self.clock.now()
            session.add(OperatorIdentityRow(issuer=issuer, subject=subject, operator_id=operator_id, added_at=added_at))

    async def rows(self, statement: Select[Any]) -> list[Any]:
        async with self.sessions() as session:
            return list(await session.scalars(statement))

    async def rows_of_log_ins(self, handle: str) -> int:
        """How many log-ins of an operator there are."""
        theirs = OperatorSessionRow.operator_id == (await self.operator(handle)).operator_id
        return len(await self.rows(select(OperatorSessionRow).where(theirs)))

    async def audited(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Whom it is about, what was done, and the facts."""
        rows = await self.rows(select(OperatorAuditRow).order_by(OperatorAuditRow.audit_id))
        return [(row.operator, row.action, row.facts) for row in rows]


async def fill_operators(sessions: async_sessionmaker[AsyncSession]) -> None:
    async with sessions.begin() as session:
        session.add_all(
            OperatorRow(
                handle=handle,
                name=name,
                mail_address=f"{handle}@back-office.example.jp",
                roles=[role.value for role in roles],
                leave_from=date(2026, 4, 1) if handle == "mr" else None,
            )
            for handle, (name, roles) in OPERATORS.items()
        )


AUDIT_KEY = PrivateKey.new(KeyPurpose.AUDIT)


class NothingBegun:
    """In the place of Temporal: begins nothing."""

    async def look(self, step: ErasureStep) -> None: ...

    async def erase(self, step: ErasureStep) -> None: ...


async def audit_key_now() -> PrivateKey:
    return AUDIT_KEY


async def no_history(_: str) -> list[HistorySummary]:
    """Temporal has none any more."""
    return []


@asynccontextmanager
async def aclosing_web_ui(app: FastAPI) -> AsyncIterator[None]:
    """Close what the application has open to the Web UI: its lifespan, which would, is not run."""
    try:
        yield
    finally:
        await app.state.services[WebUi].close()


@asynccontextmanager
async def desk_on(
    sessions: async_sessionmaker[AsyncSession],
    openid: OpenIdSettings | None = None,
    *,
    url: str = DESK,
    run: str = RUN,
    web_ui: str = NOWHERE,
    sender: SendsOperations | None = None,
    payloads: ReadsPayloads | None = None,
    heads: Path | None = None,
    erasures: BeginsErasures | None = None,
    broken_cases: FindBrokenCases = no_broken_cases,
    reader: ReadsCases | None = None,
    previews: PreviewsMails | None = None,
    traces_url: str | None = None,
    logs_url: str | None = None,
) -> AsyncIterator[DeskSite]:
    """Run the application as its own role: with a provider, or else with sign-in links of a run."""
    clock, operations, begun = DeskClock(), SentOperations(), erasures or NothingBegun()
    cases = GivenCases()
    async with as_role(sessions, DatabaseRole.DESK) as own:
        app = create_desk_app(
            sessions=own,
            url=url,
            secret_keys=SecretKeys("a secret of the tests"),
            web_ui_address=web_ui,
            namespace="default",
            sender=sender or operations,
            payloads=payloads or PayloadReader(KEYS_OF_TESTS, "default"),
            audit_key=audit_key_now,
            history=no_history,
            erasures=begun,
            heads=HeadsFile(heads or Path("/nonexistent/heads")),
            calendar=BusinessCalendar(),
            cases=reader or cases,
            previews=previews or NoPreviews(),
            openid=openid,
            run=None if openid else run,
            broken_cases=broken_cases,
            traces_url=traces_url,
            logs_url=logs_url,
            now=clock.now,
        )
        async with browser_on(app, url) as http, aclosing_web_ui(app):
            yield DeskSite(app, http, sessions, clock, operations, cases, url)


def routes_of(desk: DeskSite) -> set[tuple[str, str]]:
    """Every method and path of the application; a new kind of route is not overlooked."""
    mounts = [route.path for route in desk.app.routes if isinstance(route, Mount)]
    assert mounts == ["/static"]
    contexts = [context for context in iter_route_contexts(desk.app.routes) if context.path not in mounts]
    assert all(context.path and context.methods for context in contexts)
    return {(method, str(context.path)) for context in contexts for method in context.methods or ()}


def filled(path: str, **given: str) -> str:
    """The path with values for what it leaves open."""
    values = {"session_id": str(uuid4()), "bulk_id": str(uuid4()), "handle": "sk", "path:path": "namespaces"}
    values |= {
        "case_no": "YS-000123",
        "part": "1",
        "filter_id": "1",
        "form_no": "1",
        "request_id": str(uuid4()),
        "operation": "add_note",
    } | given
    return re.sub(r"{([^}]+)}", lambda name: values.get(name[1]) or values[name[1].partition(":")[0]], path)
