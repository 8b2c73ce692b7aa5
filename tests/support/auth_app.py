"""A small app behind the log-in: one page for whoever is signed in, one form, and a clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.cookies import Morsel, SimpleCookie

import httpx
from argon2 import PasswordHasher
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.templating import Jinja2Templates
from jinja2 import DictLoader, Environment
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client

from models.common.store.sent_forms import SentFormStore
from models.tables import CredentialRow, WebSessionRow, YayoiIdRow
from models.yayoi.identifiers import YayoiId
from tests.support.secret_key import SECRET_KEYS
from tests.support.signing import customers_signer, operations_by
from tests.support.web import Browser, browser_on, hidden_fields
from web.common.auth import Auth, SharedLimit
from web.common.auth.access import readable_form
from web.common.auth.csrf import Csrf
from web.common.context import WebContext
from web.common.problems import answer_problems
from web.common.security import SecurityHeaders
from web.common.sent_forms import SentForms
from web.yayoi.accounts import sign_in
from web.yayoi.accounts.signed_in import CustomerSessions, SignedIn

HANAKO = YayoiId("hanako@shouji.example.jp")
TARO = YayoiId("taro@shouji.example.jp")
PASSWORD = "Aa3!aaaa"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""A hash says itself what it costs: the tests' ones cost little."""
PAGES = {
    "problem.html": "{{ title }}：{{ detail }}",
    "yayoi/sign_in.html": '<form method="post" action="/sign-in">'
    '<input type="hidden" name="next" value="{{ next }}">{{ page.errors.get("") }}</form>',
    "form.html": '<form method="post" action="/form"></form>',
}


@dataclass
class Clock:
    """The time as the log-in sees it."""

    time: datetime = datetime(2026, 11, 5, 1, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@dataclass
class AuthApp:
    """An app with one page of its own behind the log-in."""

    app: FastAPI
    auth: Auth
    sessions: async_sessionmaker[AsyncSession]
    http: Browser
    clock: Clock
    taken: list[str] = field(default_factory=list)

    async def sign_in(
        self,
        yayoi_id: str = HANAKO,
        password: str = PASSWORD,
        there: str = "/private",
        *,
        http: Browser | None = None,
    ) -> httpx.Response:
        http = http or self.http
        page = await http.get("/sign-in", params={"next": there})
        sent = hidden_fields(page) | {"yayoi_id": yayoi_id, "password": password}
        return await http.post("/sign-in", data=sent)

    def browser(self, address: str) -> Browser:
        """Return another browser, which comes from this address."""
        return browser_on(self.app, str(self.http.base_url), client=(address, 4000))

    async def send_form(self, what: str, *, said: dict[str, str] | None = None) -> httpx.Response:
        """Send the form; a browser says of it what `said` holds, if not that it is of our own page."""
        request = self.http.build_request("POST", "/form", data={"what": what})
        if said is not None:
            del request.headers["sec-fetch-site"]
            request.headers.update(said)
        return await self.http.shown(await self.http.send(request))

    async def whoami(self) -> str:
        return (await self.http.get("/private")).text

    async def rows(self, table: type) -> list[object]:
        async with self.sessions() as session:
            return list(await session.scalars(select(table)))


@asynccontextmanager
async def auth_app_on(sessions: async_sessionmaker[AsyncSession], *, https: bool = False) -> AsyncIterator[AuthApp]:
    clock = Clock()
    templates = Jinja2Templates(env=Environment(loader=DictLoader(PAGES), autoescape=True))
    auth = Auth(sessions, secret_keys=SECRET_KEYS, https=https, now=clock.now)
    app = FastAPI()
    auth.open_on(app)
    address = "https://web.test" if https else "http://web.test"
    app.add_middleware(
        Csrf,
        answer=answer_problems(app, templates, SECRET_KEYS, pages={"": "problem.html"}),
        public_url=address,
    )
    app.add_middleware(SecurityHeaders, https=https)
    client = await Client.connect("127.0.0.1:1", lazy=True)
    context = WebContext(
        sessions=sessions,
        client=client,
        operations=operations_by(client, sessions, customers_signer),
        auth=auth,
        templates=templates,
        task_queue="",
        public_url=address,
        secret_keys=SECRET_KEYS,
        every=timedelta(minutes=1),
    )
    signed_in = CustomerSessions(sessions, WebSessionRow, "session", https=https, now=clock.now)
    forms = SentForms(
        SentFormStore(sessions, clock.now), secret_keys=SECRET_KEYS, https=https, limit=auth.limit_kept_forms
    )
    app.state.services = {WebContext: context, SentForms: forms, CustomerSessions: signed_in}
    async with browser_on(app, address) as http:
        auth_app = AuthApp(app, auth, sessions, http, clock)
        app.include_router(sign_in.router)
        app.include_router(_pages(auth_app, templates))
        yield auth_app


def _pages(auth_app: AuthApp, templates: Jinja2Templates) -> APIRouter:
    router = APIRouter(dependencies=[Depends(readable_form)])

    @router.get("/form")
    async def form(request: Request) -> Response:
        return templates.TemplateResponse(request, "form.html")

    @router.post("/form")
    async def take(request: Request) -> Response:
        auth_app.taken.append(str((await request.form()).get("what", "")))
        return Response("taken")

    @router.get("/private")
    async def private(who: SignedIn) -> Response:
        return Response(who)

    @router.get("/tried")
    async def tried(request: Request) -> Response:
        await auth_app.auth.limit(SharedLimit.GUESSES, request.query_params["key"])
        return Response("tried")

    @router.get("/fails")
    async def fails(request: Request) -> Response:
        raise LookupError(f"no {request.query_params['name']}")

    return router


async def fill(sessions: async_sessionmaker[AsyncSession]) -> None:
    """花子 has a password; 太郎 is registered without one."""
    async with sessions.begin() as session:
        for yayoi_id, name in ((HANAKO, "花子"), (TARO, "太郎")):
            session.add(YayoiIdRow(yayoi_id=yayoi_id, family_name="弥生", given_name=name))
        await session.flush()
        session.add(CredentialRow(person_id=YayoiIdRow.id_of(HANAKO), password_hash=QUICK.hash(PASSWORD)))


def cookies(answer: httpx.Response) -> dict[str, Morsel[str]]:
    jar: SimpleCookie = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        jar.load(header)
    return dict(jar)
