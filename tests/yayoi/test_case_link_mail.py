"""A fresh link to a case, asked for with an expired one: mailed to the registered address alone, by a real worker."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import day_in_japan
from models.common.operator_actions import EndCase
from models.yayoi.case_links import case_path, link_expiry
from models.yayoi.identifiers import link_mail_workflow_id
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, LinkHolder, RenewLink
from tests.support.environment import OFFICE_B, OFFICE_C, TARO, environment_with_worker, form
from tests.support.listening import at_the_port
from tests.support.secret_key import SECRET_KEYS
from tests.support.signing import customers_signer
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import browser_on, until
from web.yayoi.applicant.case_pages import LINK_MAILED
from workers.wiring.web import build_web


@pytest.mark.parametrize(
    ("office_no", "recipient"), [pytest.param(None, TARO, marks=pytest.mark.long), (2, OFFICE_C[0])]
)
async def test_whoever_holds_an_expired_link_can_have_a_fresh_one_mailed_even_of_a_closed_case(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    office_no: int | None,
    recipient: str,
) -> None:
    async with environment_with_worker(sessions, temporal, smtp_inbox) as environment:
        case = await environment.apply(form([OFFICE_B, OFFICE_C]))
        for number in (1, 2):
            await case.act(EndCase(reason="お電話"), number, action=Action.WITHDRAW)
        assert {office.outcome for office in (await case.application.result()).offices} == {Outcome.WITHDRAWN}
        app = build_web(environment.settings, sessions, temporal.client, customers_signer)
        async with (
            app.router.lifespan_context(app),
            browser_on(app) as http,
        ):
            yesterday = day_in_japan(datetime.now(UTC)) - timedelta(days=1)
            page = await http.get(case_path(SECRET_KEYS, case.application_no, yesterday, office_no))
            assert page.status_code == 410
            [where] = re.findall(r'<form method="post" action="([^"]*)"', page.text)
            for hour in (this_hour := int(datetime.now(UTC).timestamp() // 3600), this_hour + 1):
                # Somebody at Temporal's port has taken the mail's id, on a task queue of theirs.
                taken = link_mail_workflow_id(case.application_no, office_no, f"{hour}/1")
                await at_the_port(temporal.client).start_workflow("CaseLinkMail", id=taken, task_queue="nobody")
            for _ in range(2):
                answer = await http.post(html.unescape(where))
                assert answer.headers["location"] == LINK_MAILED + ("?office=true" if office_no else "")

            async def mailed() -> bool:
                return any(notice.sent_at for notice in await case.notices(MailKind.CASE_LINK))

            await until(mailed)
            sent = await case.notices(MailKind.CASE_LINK)
            assert [notice.recipient for notice in sent] == [recipient]  # asked for twice, mailed once
            [mail] = [mail for mail in smtp_inbox.mails if mail["Subject"] == MailKind.CASE_LINK.subject]
            text = mail.get_body(("plain",))
            assert text is not None
            link = re.findall(r"http://web\.test\S+", text.get_content())[0]
            fresh = await http.get(link)
            assert fresh.status_code == 200
            assert ("事業所B" in fresh.text) == (office_no is None)
            assert "お手続きは終了しました" in fresh.text


@pytest.mark.long
@pytest.mark.parametrize("link", [("applicant", None, TARO), ("pair", 2, OFFICE_C[0])])
async def test_y25_an_operator_ends_a_link_and_the_new_one_is_mailed_to_whose_it_is(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    link: tuple[str, int | None, str],
) -> None:
    whose, part, recipient = link
    async with environment_with_worker(sessions, temporal, smtp_inbox) as environment:
        case = await environment.apply(form([OFFICE_B, OFFICE_C]))
        await case.started(2)
        keys = SECRET_KEYS
        first = case_path(keys, case.application_no, link_expiry(case.due_date), part)
        app = build_web(environment.settings, sessions, temporal.client, customers_signer)
        async with app.router.lifespan_context(app), browser_on(app) as http:
            assert (await http.get(first)).status_code == 200
            for number in (2, 3):
                await case.act(RenewLink(reason="お電話", whose=LinkHolder(whose)), 2)
                assert (await http.get(first)).status_code == 410
                sent = await case.notices(MailKind.CASE_LINK)
                assert [notice.recipient for notice in sent] == [recipient] * (number - 1)
                [*_, mail] = [mail for mail in smtp_inbox.mails if mail["Subject"] == MailKind.CASE_LINK.subject]
                text = mail.get_body(("plain",))
                assert text is not None
                fresh = re.findall(r"http://web\.test(/\S+)", text.get_content())[0]
                assert f"key={number}." in fresh
                assert (await http.get(fresh)).status_code == 200
        for number in (1, 2):
            await case.act(EndCase(reason="お電話"), number, action=Action.WITHDRAW)
        await case.application.result()
