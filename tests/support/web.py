"""What the web's tests start from: a small registry, the app on real parts, and a proxy that loses Temporal."""

import asyncio
import itertools
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.common.calendar import BusinessCalendar
from models.common.secret_keys import SecretKeys
from models.common.signatures import Verifier
from models.common.waiting_for import WaitingFor
from models.tables import (
    ApplicationRow,
    CaseStatusRow,
    CredentialRow,
    ExistingContractRow,
    OfficeRow,
    YayoiIdRow,
)
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.procedures import Stage
from tests.support.databases import as_role, begin_numbers
from tests.support.encryption import ENCRYPTED
from tests.support.ending import end
from tests.support.running import PATIENCE
from tests.support.signing import PUBLIC, customers_signer
from tests.support.web_procedures import AnsweringApplication, AnsweringOffice
from web.app import create_app
from web.common.auth.api_keys import Systems
from workers.database_roles import DatabaseRole
from workers.signed_updates import SignedUpdates

NETWORK, STANDALONE = "8871304", "6111111"
TOKEN_B = "b0000002-0000-4000-8000-000000000002"
TOKEN_C = "c0000003-0000-4000-8000-000000000003"
TOKEN_OF_ANOTHER = "d0000004-0000-4000-8000-000000000004"
IDS = ("b@example.co.jp", "c@example.co.jp", "office-b@example.co.jp")
"""Yayoi IDs that are in no business group."""
SECRET = SecretKeys("a secret of the tests")
WEB = "http://web.test"
UI = "http://ui.test"
PASSWORD = "The-tests'-1st"
PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""A hash says itself what it costs: this one costs little."""

# All tests share one Temporal server, where an application number is used once.
_NUMBERS = itertools.count(500_000, 100)


async def fill_registry(sessions: async_sessionmaker[AsyncSession]) -> None:
    def contract(contract_id: str, network: bool) -> ExistingContractRow:
        return ExistingContractRow(
            contract_id=contract_id,
            customer_name="弥生 太郎",
            mail_address="taro@example.co.jp",
            product_name="弥生会計 24",
            network_product=network,
        )

    async with sessions.begin() as session:
        session.add_all([contract(NETWORK, True), contract(STANDALONE, False)])
        session.add_all(YayoiIdRow(yayoi_id=yayoi_id, family_name="弥生", given_name="太郎") for yayoi_id in IDS)
        await session.flush()
        session.add_all(
            [
                OfficeRow(office_token=TOKEN_B, existing_contract_id=NETWORK, name="B 商店"),
                OfficeRow(office_token=TOKEN_C, existing_contract_id=NETWORK, name="C 商店"),
                OfficeRow(office_token=TOKEN_OF_ANOTHER, existing_contract_id=STANDALONE, name="よその商店"),
            ]
        )
        await begin_numbers(session, next(_NUMBERS))


def pair(yayoi_id: str = "b@example.co.jp", token: str | None = TOKEN_B, **changes: Any) -> dict[str, Any]:
    return {"yayoi_id": yayoi_id, "yayoi_id_confirmation": yayoi_id, "office_token": token, **changes}


def application(*pairs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "submission_id": str(uuid4()),
        "applicant": {"family_name": "弥生", "given_name": "太郎"},
        "existing_contract_id": NETWORK,
        "accounting_link": True,
        "network_product": True,
        "offices": list(pairs) or [pair()],
        "consents": {"stop_smart_import": True, "relink_required": True},
    } | changes


def errors_of(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 422
    assert problem["title"] == "入力内容に誤りがあります"
    errors = {error["field"]: error["message"] for error in problem["errors"]}
    assert len(errors) == len(problem["errors"])  # one message per field
    assert problem["detail"] == f"{len(errors)} 件の項目を確認してください。"
    return errors


class _HiddenFields(HTMLParser):
    """The hidden fields of each form of a page, by the form's action."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self._open: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = self.forms.setdefault(facts.get("action", ""), {})
        if tag == "input" and facts.get("type") == "hidden":
            self._open[facts["name"]] = facts.get("value", "")


def text_of(answer: httpx.Response) -> str:
    """Return what a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def hidden_fields(page: httpx.Response, action: str | None = None) -> dict[str, str]:
    """What a browser sends along unseen with the page's form; of the one with this action if there are several."""
    forms = _HiddenFields(page.text).forms
    [fields] = forms.values() if action is None else [forms[action]]
    return fields


SAME_ORIGIN = {"sec-fetch-site": "same-origin"}
CROSS_SITE = {"sec-fetch-site": "cross-site"}
"""What browsers say of a form: that a page of the same site sends it, or one of another site."""


class Browser(httpx.AsyncClient):
    """Sends forms as browsers do: one that is refused, or that only leads on, comes to the page that shows it.

    Where what was done is shown, it does not go by itself: tests look at the redirect.
    """

    async def post(self, *args: Any, **options: Any) -> httpx.Response:
        return await self.shown(await super().post(*args, **options))

    async def shown(self, answer: httpx.Response) -> httpx.Response:
        place = answer.headers.get("location", "")
        return await self.get(place) if re.search(r"[?&]kept=|/problem\?said=", place) else answer


def browser_on(app: FastAPI, address: str = WEB, **options: Any) -> Browser:
    """A browser on pages of the app, whose forms it sends. `options` are the transport's."""
    return Browser(transport=httpx.ASGITransport(app, **options), base_url=address, headers=SAME_ORIGIN)


def elsewhere(http: httpx.AsyncClient, address: str = "198.51.100.7") -> Browser:
    """Return somebody else's browser on the same app, which comes from this address."""
    transport = http._transport
    assert isinstance(transport, httpx.ASGITransport)
    app: Any = transport.app
    return browser_on(app, str(http.base_url), client=(address, 4000))


@dataclass
class Web:
    """The running app and what lies behind it."""

    app: FastAPI
    http: httpx.AsyncClient
    sessions: async_sessionmaker[AsyncSession]
    client: Client
    task_queue: str

    async def apply(self, form: dict[str, Any]) -> httpx.Response:
        return await self.http.post("/api/applications", json=form)

    async def applied(self, *pairs: dict[str, Any], **changes: Any) -> ApplicationNo:
        answer = await self.apply(application(*pairs, **changes))
        assert answer.status_code == 202, answer.text
        return ApplicationNo(answer.json()["application_no"])

    async def send(
        self, path: str, fields: dict[str, str], *, action: str | None = None, http: httpx.AsyncClient | None = None
    ) -> httpx.Response:
        """Open a page, fill in its form and send it: with its hidden fields and to its action, as a browser does."""
        http = http or self.http
        page = await http.get(path)
        assert page.status_code == 200, page.text
        where = action or urlsplit(path).path
        return await http.post(where, data=hidden_fields(page, where) | fields)

    async def sign_in(self, yayoi_id: str, *, http: httpx.AsyncClient | None = None) -> None:
        """Sign in with a password that the Yayoi ID is given if it has none."""
        async with self.sessions.begin() as session:
            values = {"person_id": YayoiIdRow.id_of(yayoi_id), "password_hash": PASSWORD_HASH}
            await session.execute(insert(CredentialRow).values(values).on_conflict_do_nothing())
        answer = await self.send("/sign-in", {"yayoi_id": yayoi_id, "password": PASSWORD}, http=http)
        assert answer.status_code == 303, answer.text

    async def report(self, event: dict[str, Any]) -> httpx.Response:
        return await self.http.post("/api/events", json=event)

    async def rows(self, statement: Select[Any]) -> list[Any]:
        async with self.sessions() as session:
            return list((await session.scalars(statement)).all())

    async def row(self, application_no: str) -> ApplicationRow:
        async with self.sessions() as session:
            return await session.get_one(ApplicationRow, application_no)

    async def started(self, application_no: str) -> ApplicationRow:
        async def started() -> bool:
            return (await self.row(application_no)).started_at is not None

        await until(started)
        return await self.row(application_no)

    async def waits_at(self, application_no: str, office_no: int, stage: Stage, **facts: Any) -> None:
        """Let an office wait for the applicant, as its procedure would write it."""
        waiting = {"stage": stage, "waiting_for": WaitingFor.APPLICANT, **facts}
        async with self.sessions.begin() as session:
            await session.execute(
                update(CaseStatusRow).filter_by(case_no=application_no, part=office_no).values(**waiting)
            )

    async def office(self, application_no: ApplicationNo, office_no: int) -> WorkflowHandle[Any, Any]:
        """Start the procedure of one office, as the application's would; its row names the run, as its own would."""
        workflow_id = office_workflow_id(application_no, office_no)
        started = await self.client.start_workflow(
            "OfficeDataProcedure",
            {
                "case_no": application_no,
                "part": office_no,
                "office_name": "B 商店",
                "procedure": "会計連携あり・ネットワーク製品",
                "existing_contract_id": NETWORK,
                "applied_at": "2026-11-04T00:00:00Z",
                "due_date": "2026-11-20",
                "alert_on": "2026-11-18",
                "expires_on": "2026-11-30",
                "release_delegated": False,
            },
            id=workflow_id,
            task_queue=self.task_queue,
        )
        run = {"workflow_id": workflow_id, "first_run_id": started.first_execution_run_id}
        async with self.sessions.begin() as session:
            await session.execute(update(CaseStatusRow).filter_by(case_no=application_no, part=office_no).values(**run))
        return started


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 what is waited for happens in another process
            await asyncio.sleep(0.02)


@asynccontextmanager
async def web_on(sessions: async_sessionmaker[AsyncSession], client: Client, **options: Any) -> AsyncIterator[Web]:
    """Run the app as its own role, with its API open; reconciles every second. `options` are more of the app's."""
    task_queue = f"web-{uuid4()}"
    async with as_role(sessions, DatabaseRole.CUSTOMERS) as own:
        app = create_app(
            sessions=own,
            client=client,
            signer=customers_signer,
            calendar=BusinessCalendar(),
            public_url=WEB,
            secret_keys=SECRET,
            task_queue=task_queue,
            reconcile_every=timedelta(seconds=1),
            **{"systems": Systems((), open_to_all=True)} | options,
        )
        async with app.router.lifespan_context(app), browser_on(app) as http:
            yield Web(app, http, sessions, client, task_queue)


@asynccontextmanager
async def answering(web: Web, client: Client | None = None) -> AsyncIterator[None]:
    """Run a worker whose procedures answer."""
    async with Worker(
        client or web.client,
        task_queue=web.task_queue,
        workflows=[AnsweringApplication, AnsweringOffice],
        interceptors=[SignedUpdates(lambda: Verifier(PUBLIC), OPERATION_PERMISSIONS)],
    ):
        yield


async def end_cases(web: Web, client: Client) -> None:
    """Leave nothing open on the server that all tests share."""
    for row in await web.rows(select(ApplicationRow)):
        ids = [application_workflow_id(ApplicationNo(row.application_no))]
        ids += [office_workflow_id(ApplicationNo(row.application_no), number) for number in (1, 2)]
        for workflow_id in ids:
            await end(client.get_workflow_handle(workflow_id))


class TemporalProxy:
    """What the app reaches Temporal through; closed at first, as if the server were down."""

    def __init__(self, target: str) -> None:
        self._target = target.split(":")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.StreamWriter] = set()

    async def client(self) -> Client:
        return await Client.connect(f"127.0.0.1:{self.port}", data_converter=ENCRYPTED, lazy=True)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._link, "127.0.0.1", self.port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._links):
                writer.close()
            self._server = None

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection(*self._target)
        self._links |= {writer, onward}
        await asyncio.gather(_pass_on(reader, onward), _pass_on(there, writer))
        self._links -= {writer, onward}


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    except OSError:
        pass  # one side has gone; the other is closed
    finally:
        target.close()
