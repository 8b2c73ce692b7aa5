"""MYICS as browsers reach it: the pages on the real procedures, a firm that is registered already, and its people."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.myics.identifiers import ClientId
from models.myics.store.users import UserLoss
from tests.support.myics_environment import FIRM, OWNER, PASSWORD, MyicsEnvironment, myics_with_worker
from tests.support.signing import customers_signer
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import Web, browser_on, hidden_fields
from workers.wiring.web import build_web

REGISTER = "/myics/register"
CLIENT = ClientId(f"{FIRM}0012")


@dataclass
class MyicsSite:
    """The app with everything behind it. Each browser has cookies of its own."""

    app: FastAPI
    myics: MyicsEnvironment

    @asynccontextmanager
    async def browser(self, address: str = "127.0.0.1") -> AsyncIterator["MyicsBrowserUser"]:
        """Give a browser that comes from this address."""
        async with browser_on(self.app, client=(address, 4000)) as http:
            environment = self.myics.environment
            yield MyicsBrowserUser(
                Web(self.app, http, environment.sessions, environment.client, environment.settings.temporal_task_queue)
            )


@dataclass
class MyicsBrowserUser:
    """Somebody's browser."""

    web: Web

    async def get(self, path: str) -> httpx.Response:
        return await self.web.http.get(path)

    async def send(self, path: str, fields: dict[str, str], *, action: str | None = None) -> httpx.Response:
        return await self.web.send(path, fields, action=action)

    async def sign_in(self, customer_no: str = FIRM, address: str = OWNER, password: str = PASSWORD) -> httpx.Response:
        typed = {"customer_no": customer_no, "address": address, "password": password}
        return await self.send("/myics/sign-in", typed)

    async def step(self, token: str, step: str, fields: dict[str, str]) -> httpx.Response:
        """Fill in one page behind a personal link."""
        return await self.send(f"{REGISTER}?link={token}", fields, action=f"{REGISTER}/{step}")

    async def add_user(self, address: str, kind: str = "一般", *, client: str = "") -> httpx.Response:
        place = f"/myics/clients/{client}/users/new" if client else "/myics/users/new"
        return await self.send(place, {"address": address, "name": "青葉 花子", "kind": kind})

    async def act(self, account_id: int, action: str, *, client: str = "") -> httpx.Response:
        """Press a button beside a user; what takes something away is asked about on a page of its own."""
        where = f"/myics/users/{account_id}/{action}"
        place = f"/myics/clients/{client}/users" if client else "/myics/users"
        if action in set(UserLoss):
            [asked] = re.findall(rf'href="({where}[^"]*)"', (await self.get(place)).text)
            question = await self.get(asked)
            if question.status_code != HTTPStatus.OK:
                return question
            place = asked
        return await self.send(place, {}, action=where)

    async def upload(self, kind: str, content: bytes, name: str = "list.csv") -> httpx.Response:
        hidden = hidden_fields(await self.get("/myics/batches"), "/myics/batches")
        file = {"file": (name, content, "text/csv")}
        return await self.web.http.post("/myics/batches", data=hidden | {"kind": kind}, files=file)


@asynccontextmanager
async def myics_site(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, inbox: SmtpInbox, **further: Any
) -> AsyncIterator[MyicsSite]:
    """`further`: settings of the pages."""
    async with myics_with_worker(sessions, temporal, inbox) as myics:
        settings = myics.environment.settings.model_copy(update=further)
        app = build_web(settings, sessions, temporal.client, customers_signer)
        async with app.router.lifespan_context(app):
            yield MyicsSite(app, myics)
