"""The mails that operations on registrations of MYICS send, as their forms show them before."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import day_in_words
from models.common.desk_links import operation_path
from models.common.operations import Operation
from models.myics.mails import MyicsMail
from models.myics.operations import RegistrationOperation
from models.tables import MyicsRegistrationRow
from tests.support.databases import as_role
from tests.support.desk import DeskSite, desk_on
from tests.support.ending import end
from tests.support.myics_environment import OWNER, MyicsEnvironment, Registered, myics_with_worker
from tests.support.signing import operations_by
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import hidden_fields, text_of
from web.backoffice.case_reader import CaseReader
from workers.database_roles import DatabaseRole
from workers.wiring.mail_previews import customer_mail_previews

ELSEWHERE = "tadashii@aoba-kaikei.example.jp"


@pytest_asyncio.fixture
async def myics(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> AsyncIterator[MyicsEnvironment]:
    async with myics_with_worker(sessions, temporal, smtp_inbox) as environment:
        yield environment


@pytest_asyncio.fixture
async def site(myics: MyicsEnvironment) -> AsyncIterator[DeskSite]:
    environment = myics.environment
    async with (
        as_role(environment.sessions, DatabaseRole.DESK) as own,
        desk_on(
            environment.sessions,
            sender=operations_by(environment.client, environment.sessions),
            reader=CaseReader(environment.client),
            previews=customer_mail_previews(environment.settings, own),
        ) as site,
    ):
        await site.sign_in("sk")
        yield site


async def previewed(site: DeskSite, registration: Registered, operation: Operation, **typed: str) -> str:
    """Open a form, fill it in and have its mail shown; return the page."""
    address = operation_path(registration.number, None, operation)
    begun = await site.http.get(address)
    shown = await site.http.post(address, data=hidden_fields(begun) | {"reason": "お電話", **typed, "preview": "1"})
    assert "link=" not in shown.text
    return text_of(shown)


async def test_the_mail_that_brings_a_link_is_shown_with_what_was_typed_and_without_the_link(
    myics: MyicsEnvironment, site: DeskSite
) -> None:
    registration = await myics.invite()
    await registration.link()
    await registration.settled()
    before = await registration.row()
    again = await previewed(site, registration, RegistrationOperation.RESEND)
    assert [said for said in (MyicsMail.INVITATION.subject, OWNER) if said not in again] == []
    corrected = await previewed(site, registration, RegistrationOperation.CORRECT_ADDRESS, mail_address=ELSEWHERE)
    assert f"宛先 {ELSEWHERE}" in corrected
    later = before.expires_on + timedelta(days=3)
    extended = await previewed(site, registration, RegistrationOperation.EXTEND_DEADLINE, until=str(later))
    assert day_in_words(later) in extended
    said = "ご退職のため、登録を取り下げました。"
    withdrawn = await previewed(site, registration, RegistrationOperation.WITHDRAW, text_for_customer=said)
    assert (MyicsMail.WITHDRAWN.subject in withdrawn, said in withdrawn) == (True, True)
    assert "お客様に届くメール" not in await previewed(site, registration, RegistrationOperation.ADD_NOTE)
    after: MyicsRegistrationRow = await registration.row()
    assert [after.address, after.expires_on, after.text_for_customer] == [OWNER, before.expires_on, ""]
    assert await registration.kinds() == [MyicsMail.INVITATION]
    await end(registration.handle)
