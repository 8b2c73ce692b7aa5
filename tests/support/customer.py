"""A customer after the notice: a case led up to it on the real procedures, and the pages as a browser reaches them."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.tables import IssuedContractRow
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId
from models.yayoi.procedures import Stage
from models.yayoi.store.credentials import person_number
from tests.support.ending import end
from tests.support.environment import OFFICE_C, TARO, YAYOI, Case, Environment, at_rest, environment_with_worker, form
from tests.support.signing import customers_signer
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import Web, browser_on, hidden_fields
from workers.wiring.web import build_web

SUPPORT_PASSWORD = "Shien24"
GROUP = {
    "details.business_form": "corporation",
    "group_name": "弥生 C 商店",
    "details.family_name": "弥生",
    "details.given_name": "太郎",
    "details.family_name_kana": "ﾔﾖｲ",
    "details.given_name_kana": "たろう",
    "details.phone": "０３-1234-5678",
}


@dataclass
class Customer:
    """One customer with a browser, the case, and everything behind it."""

    web: Web
    environment: Environment
    case: Case
    issued: IssuedContractRow

    @property
    def http(self) -> httpx.AsyncClient:
        return self.web.http

    @property
    def notice(self) -> dict[str, str]:
        """What the customer types from the notice."""
        return {"contract_id": self.issued.contract_id, "yayoi_id": self.issued.yayoi_id}

    async def recorded(self) -> str:
        """Return what records name the customer by."""
        async with self.environment.sessions() as session:
            return f"yayoi_id:{await person_number(session, self.issued.yayoi_id)}"

    async def page(self, path: str) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return words(answer)

    async def set_support_password(self, password: str = SUPPORT_PASSWORD, **changes: str) -> httpx.Response:
        """Fill in both pages of STEP5."""
        first = await self.web.send("/support-password", self.notice)
        assert first.status_code == 200, words(first)
        typed = {"password": password, "password_again": password} | changes
        where = "/support-password/set"
        return await self.http.post(where, data=hidden_fields(first, where) | typed)

    async def create_group(self, **changes: str) -> httpx.Response:
        return await self.web.send("/group", GROUP | changes)

    async def register(self, path: str, **changes: str) -> httpx.Response:
        return await self.web.send(
            path, {"contract_id": self.issued.contract_id, "password": SUPPORT_PASSWORD} | changes
        )

    async def record_relink(self, service: str, **typed: str) -> httpx.Response:
        """Fill in the form of one service as its section of the page shows it."""
        page = await self.http.get("/relink")
        sections = re.findall(r"<section.*?</section>", page.text, re.DOTALL)
        [section] = [each for each in sections if f'name="service" value="{service}"' in each]
        hidden = re.findall(r'type="hidden" name="(\w+)" value="(.*?)"', section)
        return await self.http.post("/relink", data={name: html.unescape(value) for name, value in hidden} | typed)

    async def finish_set_up(self) -> None:
        """STEP5 and STEP6, signed in with the pair's own Yayoi ID."""
        done = await self.set_support_password()
        await self.web.sign_in(self.issued.yayoi_id)
        for answer in (
            done,
            await self.create_group(),
            *[await self.register(path) for path in ("/products/register", "/products/owned")],
        ):
            assert answer.status_code == 303, words(answer)


def words(answer: httpx.Response) -> str:
    """What is read on a page, without its markup."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text)))


def errors_on(answer: httpx.Response) -> list[str]:
    """What the summary on top of a page says is wrong."""
    assert answer.status_code == 422, answer.text
    [summary] = re.findall(r'<section class="errors".*?</section>', answer.text, re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]*>", "", line)).strip() for line in re.findall(r"<li>(.*?)</li>", summary)]


@asynccontextmanager
async def customer_after_notice(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    inbox: SmtpInbox,
    pair: tuple[YayoiId, OfficeToken | None] = OFFICE_C,
    *,
    contract: ContractId = YAYOI,
    linked: bool = True,
    network: bool = True,
) -> AsyncIterator[Customer]:
    """Lead an application to the completion notice; the sharing is released for the customer."""
    async with environment_with_worker(sessions, temporal, inbox) as environment:
        app = build_web(environment.settings, sessions, temporal.client, customers_signer)
        async with (
            app.router.lifespan_context(app),
            browser_on(app) as http,
        ):
            token = pair[1] if linked else None
            application = form([(pair[0], token)], contract=contract, linked=linked, network=network, delegate=linked)
            case = await environment.apply(application)
            await at_rest(case, Stage.SET_UP)
            [issued] = await case.issued()
            web = Web(app, http, sessions, temporal.client, environment.settings.temporal_task_queue)
            yield Customer(web, environment, case, issued)
            if (await case.progress()).outcome is None:
                await end(case.application, case.office())


ASKED = {
    "contract_id": YAYOI,
    "name": "弥生 太郎",
    "mail_address": TARO,
    "text": "再連携の\n手順を教えてください。",
}


BANK, AIR = "みずうみ銀行 普通 7654321", "Airレジ 本店"
