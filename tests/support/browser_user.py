"""Where Yayoi IDs are registered: the pages, the mails that arrive, and the procedures and rows behind them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from models.common.store.case_status import status_of
from models.tables import AddressCheckRow, CaseStatusRow
from models.yayoi.address_checks import CheckOutcome, case_no
from tests.support.ending import end
from tests.support.environment import Environment, environment_with_worker
from tests.support.signing import customers_signer
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import browser_on, hidden_fields, text_of, until
from web.yayoi.notifications import address_check_notification
from workers.wiring.web import build_web

HANAKO = "hanako@shouji.example.jp"
PASSWORD = "Mie3!tsu"
OTHER_PASSWORD = "~Other-9~"
NEW = {"password": OTHER_PASSWORD, "password_confirmation": OTHER_PASSWORD}
FORM = {
    "family_name": "弥生",
    "given_name": "花子",
    "yayoi_id": HANAKO,
    "yayoi_id_confirmation": HANAKO,
    "password": PASSWORD,
    "password_confirmation": PASSWORD,
    "terms": "true",
}


@dataclass
class BrowserUser:
    """Everything a customer reaches, and everything behind it."""

    environment: Environment
    http: httpx.AsyncClient

    async def send(self, path: str, fields: dict[str, str], action: str | None = None) -> httpx.Response:
        page = await self.http.get(path)
        assert page.status_code == 200, page.text
        where = action or path
        return await self.http.post(where, data=hidden_fields(page, where) | fields)

    async def begun(self, path: str = "/register", fields: dict[str, str] | None = None) -> str:
        """Send the form; return where the code is typed in."""
        answer = await self.send(path, FORM if fields is None else fields)
        assert answer.status_code == 303, text_of(answer)
        return answer.headers["location"]

    async def mail(self, number: int = 1, address: str = HANAKO) -> EmailMessage:
        """Return the n-th mail to an address."""

        async def arrived() -> bool:
            return len(self.environment.inbox.to(address)) >= number

        await until(arrived)
        return self.environment.inbox.to(address)[number - 1]

    async def code(self, number: int = 1, address: str = HANAKO) -> str:
        body = (await self.mail(number, address)).get_body(("plain",))
        assert body is not None
        [code] = re.findall(r"^　(\d{6})\s*$", body.get_content(), re.MULTILINE)
        return str(code)

    async def enter(self, place: str, code: str, **more: str) -> httpx.Response:
        return await self.send(place, {"code": code, **more}, action=place)

    async def row(self, place: str) -> AddressCheckRow:
        async with self.environment.sessions() as session:
            return await session.get_one(AddressCheckRow, check_id_of(place))

    async def status(self, place: str) -> CaseStatusRow:
        async with self.environment.sessions() as session:
            row = await status_of(session, case_no(check_id_of(place)))
        assert row is not None
        return row

    async def rows(self, table: type[Any]) -> list[Any]:
        return await self.environment.rows(select(table))

    async def change(self, place: str, **values: Any) -> None:
        """Let the row be otherwise, as it will be when time has passed."""
        async with self.environment.sessions.begin() as session:
            await session.execute(
                update(AddressCheckRow).where(AddressCheckRow.check_id == check_id_of(place)).values(**values)
            )

    async def later(self, place: str, by: timedelta) -> None:
        """Let time pass for a check's row."""
        row = await self.row(place)
        times = ("begun_at", "changed_at", "notified_at", "code_until", "ends_at")
        await self.change(place, **{name: getattr(row, name) - by for name in times if getattr(row, name)})

    def procedure(self, place: str) -> WorkflowHandle[Any, Any]:
        kind = "password" if place.startswith("/password") else "registration"
        return self.environment.client.get_workflow_handle(f"{kind}/{check_id_of(place)}", result_type=CheckOutcome)

    async def details(self, place: str) -> str:
        described = await self.procedure(place).describe()
        found = await self.procedure(place).query("__temporal_workflow_metadata")
        return f"{await described.static_summary()}\n{found.current_details}"

    async def sign_in(self, password: str, yayoi_id: str = HANAKO) -> int:
        return (await self.send("/sign-in", {"yayoi_id": yayoi_id, "password": password})).status_code


def check_id_of(place: str) -> UUID:
    return UUID(place.split("/")[2])


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


@asynccontextmanager
async def browser_user_on(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, inbox: SmtpInbox
) -> AsyncIterator[BrowserUser]:
    """Everything on real parts; leaves nothing open on the server that all tests share."""
    async with (
        environment_with_worker(sessions, temporal, inbox) as environment,
        browser_user_in(environment) as browser_user,
    ):
        yield browser_user


@asynccontextmanager
async def browser_user_in(environment: Environment) -> AsyncIterator[BrowserUser]:
    """The pages on an environment that is there."""
    settings = environment.settings.model_copy(update={"reconcile_every": timedelta(seconds=1)})
    app = build_web(settings, environment.sessions, environment.client, customers_signer)
    async with (
        app.router.lifespan_context(app),
        browser_on(app) as http,
    ):
        yield BrowserUser(environment, http)
        for row in await environment.rows(select(AddressCheckRow)):
            if row.notified_at and not row.closed_at:
                check = address_check_notification(row)
                await end(environment.client.get_workflow_handle(check.workflow_id))
