"""The running app before an attacker's browser."""

import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from standardwebhooks import Webhook
from temporalio.client import Client

from models.common.calendar import BusinessCalendar
from models.tables import (
    RateCountRow,
)
from models.yayoi.identifiers import YayoiId
from tests.hostile.people import THIEF, VICTIM, Person, settle
from tests.support.databases import begin_numbers
from tests.support.signing import customers_signer
from tests.support.web import PASSWORD, SECRET, WEB, Browser, browser_on, hidden_fields
from web.app import create_app
from web.common.auth.api_keys import Systems

FORM_SECRETS = [f"whsec_{base64.b64encode(each * 24).decode()}" for each in (b"f", b"g")]
EVIL = "evil.test"


@dataclass
class Attacker:
    """A browser of an address of its own, before the running app."""

    app: FastAPI
    http: Browser
    sessions: async_sessionmaker[AsyncSession]
    place: str = ""
    """Where a code of this attacker's own is typed in."""

    async def form(self, path: str, fields: dict[str, str], *, action: str | None = None) -> httpx.Response:
        """Fill in a page's form as a browser does, hidden fields and all."""
        where = action or path.partition("?")[0]
        page = await self.http.get(path)
        assert page.status_code == 200, page.text
        return await self.http.post(where, data=hidden_fields(page, where) | fields)

    async def sign_in(self, yayoi_id: str = THIEF.yayoi_id, password: str = PASSWORD, **more: str) -> httpx.Response:
        return await self.form("/sign-in", {"yayoi_id": yayoi_id, "password": password, **more})

    async def raw(self, path: str, **options: Any) -> httpx.Response:
        """Ask for a path exactly as it is written."""
        url = httpx.URL(WEB).copy_with(raw_path=path.encode("ascii"))
        return await self.http.send(
            httpx.Request(options.pop("method", "GET"), url, headers=self.http.headers, **options)
        )

    async def foreign(self, path: str, content: bytes | str, headers: dict[str, str]) -> httpx.Response:
        """Send what no page of ours sends: the browser says of it what these headers say, and nothing else."""
        request = self.http.build_request("POST", path, content=content)
        del request.headers["sec-fetch-site"]
        request.headers.update(headers)
        return await self.http.shown(await self.http.send(request))

    async def json(self, path: str, content: bytes | str, content_type: str = "application/json") -> httpx.Response:
        return await self.http.post(path, content=content, headers={"content-type": content_type})

    async def multipart(self, path: str, fields: dict[str, bytes], charset: str) -> httpx.Response:
        """Send a form in parts, in a character set of the sender's choice."""
        parts = (
            b'--cut\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
            for name, value in fields.items()
        )
        body = b"".join(parts) + b"--cut--\r\n"
        return await self.json(path, body, f"multipart/form-data; boundary=cut; charset={charset}")

    async def webhook(
        self,
        content: bytes,
        *,
        secret: str = FORM_SECRETS[0],
        at: datetime | None = None,
        signed: bytes | None = None,
        webhook_id: str = "msg_1",
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send a form as its provider does; `signed` is what the signature is of, if not of the content."""
        at = at or datetime.now(UTC)
        signature = Webhook(secret).sign(webhook_id, at, (content if signed is None else signed).decode())
        sent = {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
        }
        return await self.http.post("/webhooks/forms", content=content, headers=sent | (headers or {}))

    async def count(self, table: type[Any]) -> int:
        async with self.sessions() as session:
            return await session.scalar(select(func.count()).select_from(table)) or 0


def application(yayoi_id: str, **changes: Any) -> dict[str, Any]:
    """A form of the thief's that is right in everything; not linked, so that no token is needed."""
    return {
        "submission_id": str(uuid4()),
        "applicant": {"family_name": "盗田", "given_name": "次郎"},
        "existing_contract_id": THIEF.contract_id,
        "accounting_link": False,
        "network_product": True,
        "offices": [{"yayoi_id": YayoiId(yayoi_id), "yayoi_id_confirmation": yayoi_id}],
        "consents": {},
    } | changes


def as_json(**facts: Any) -> bytes:
    return json.dumps(facts).encode()


@dataclass
class Target:
    """The running app with both customers."""

    app: FastAPI
    sessions: async_sessionmaker[AsyncSession]
    _addresses: list[int] = field(default_factory=list)

    async def forget_tries(self) -> None:
        """Let all have tried nothing yet: the limits per account are another test's."""
        async with self.sessions.begin() as session:
            await session.execute(delete(RateCountRow))

    @asynccontextmanager
    async def attacker(self, address: str | None = None) -> AsyncIterator[Attacker]:
        """Give a browser whose tries nobody else's count with."""
        self._addresses.append(len(self._addresses))
        number = len(self._addresses)
        client = (address or f"198.51.{number // 256}.{number % 256}", 4000)
        # What nobody expected is answered like all else: an error of the app is an answer here, never an exception.
        async with browser_on(self.app, client=client, raise_app_exceptions=False) as http:
            yield Attacker(self.app, http, self.sessions)


@asynccontextmanager
async def target_on(
    sessions: async_sessionmaker[AsyncSession],
    client: Client,
    *,
    people: Sequence[Person] = (VICTIM, THIEF),
    public_url: str = WEB,
) -> AsyncIterator[Target]:
    """Run the app. No worker is there: what needs a procedure waits for it, or is answered from the records."""
    for person in people:
        await settle(sessions, person)
    async with sessions.begin() as session:
        await begin_numbers(session, 900_000)
    app = create_app(
        sessions=sessions,
        client=client,
        signer=customers_signer,
        calendar=BusinessCalendar(),
        public_url=public_url,
        secret_keys=SECRET,
        task_queue=f"hostile-{uuid4()}",
        reconcile_every=timedelta(hours=1),
        systems=Systems((), open_to_all=True),
        form_secrets=FORM_SECRETS,
    )
    yield Target(app, sessions)
