"""The holder of a contract: the mails that ask them to confirm applications, and the pages behind the links (Y5a)."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from urllib.parse import urlsplit

import httpx

from models.yayoi.identifiers import YayoiId
from models.yayoi.mails import MailKind
from tests.support.customer import words
from tests.support.environment import OFFICE_B, TARO, Case, Environment, form
from tests.support.signing import customers_signer
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import Web, browser_on, hidden_fields
from workers.stack.inbox import text_of
from workers.wiring.web import build_web


@asynccontextmanager
async def pages_of(environment: Environment) -> AsyncIterator[Web]:
    """Run the pages, and what notifies the procedures, on the environment."""
    app = build_web(environment.settings, environment.sessions, environment.client, customers_signer)
    async with app.router.lifespan_context(app), browser_on(app) as http:
        yield Web(app, http, environment.sessions, environment.client, environment.settings.temporal_task_queue)


def asked(inbox: SmtpInbox, holder: str = TARO) -> list[EmailMessage]:
    """The mails that ask the holder to confirm, in their order."""
    return [mail for mail in inbox.to(holder) if mail["Subject"] == MailKind.CONFIRM_APPLICATIONS.subject]


def named_in(mail: EmailMessage) -> list[str]:
    """The numbers of the applications that such a mail names."""
    return re.findall(r"■申込番号 (YS-\d+)", text_of(mail))


def links_in(mail: EmailMessage, number: str) -> tuple[str, str]:
    """Where an application is confirmed, and where it is ended."""
    about = text_of(mail).partition(f"■申込番号 {number}")[2].partition("■")[0]
    [confirm] = re.findall(r"http://web\.test(/holder/confirm\?link=\S+)", about)
    [end] = re.findall(r"http://web\.test(/holder/end\?link=\S+)", about)
    return confirm, end


def application_link(mail: EmailMessage) -> str:
    """Where the holder applies, however many wait."""
    links: list[str] = re.findall(r"http://web\.test(/apply\?holder=\S+)", text_of(mail))
    return links[0]


async def apply_without_link(environment: Environment, *ids: YayoiId) -> Case:
    """As anybody can who knows the contract's number."""
    pairs = [(yayoi_id, None) for yayoi_id in ids or (OFFICE_B[0],)]
    return await environment.apply(form(pairs, linked=False), by_holder=False)


async def press(web: Web, link: str) -> httpx.Response:
    """Open a page of the holder and press its button; the browser follows to where that leads."""
    page = await web.http.get(link)
    where = urlsplit(link).path
    answer = await web.http.post(where, data=hidden_fields(page, where))
    assert answer.status_code == 303, words(answer)
    return await web.http.get(answer.headers["location"])
