"""Every mail of MYICS, written for every kind of registration that it can be about."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
import pytest_asyncio
from sqlalchemy import delete, insert, select

from models.common.messages import OperatorsTask
from models.myics.mails import MyicsMail
from models.myics.registrations import RegistrationKind, SendMyicsMail
from models.tables import (
    CaseStatusRow,
    MyicsAccountRow,
    MyicsClientRow,
    MyicsFirmRow,
    MyicsRegistrationRow,
    NoticeRow,
)
from tests.support.activity_environment import ActivityEnvironment, activity_environment
from tests.support.activity_trials import AT
from tests.support.matrices import mostly_long
from tests.support.myics_activity_trials import FIRM, MR
from tests.support.smtp_inbox import SmtpInbox
from workers.stack.inbox import text_of

_KINDS = {
    MyicsMail.INVITATION: [RegistrationKind.REPRESENTATIVE],
    MyicsMail.INVITATION_REMINDER: [RegistrationKind.REPRESENTATIVE],
    MyicsMail.CONFIRMATION: [RegistrationKind.REPRESENTATIVE],
    MyicsMail.CONFIRMATION_REMINDER: [RegistrationKind.REPRESENTATIVE],
    MyicsMail.USER_INVITATION: [RegistrationKind.USER],
    MyicsMail.USER_REMINDER: [RegistrationKind.USER],
    MyicsMail.LOCKED: [RegistrationKind.REPRESENTATIVE],
    MyicsMail.RENEWAL: [RegistrationKind.RENEWAL],
    MyicsMail.RENEWED: [RegistrationKind.RENEWAL],
    MyicsMail.ADDRESS_CHANGE: [RegistrationKind.ADDRESS],
    MyicsMail.ADDRESS_CHANGE_REMINDER: [RegistrationKind.ADDRESS],
    MyicsMail.ADDRESS_CHANGED: [RegistrationKind.ADDRESS],
    MyicsMail.ADDRESS_LEFT: [RegistrationKind.ADDRESS],
}
_BOTH = [RegistrationKind.REPRESENTATIVE, RegistrationKind.USER]
_WITHOUT_LINK = {MyicsMail.LOCKED, MyicsMail.RENEWED, MyicsMail.ADDRESS_CHANGED, MyicsMail.ADDRESS_LEFT}
_WITH_LINK = set(_KINDS) - _WITHOUT_LINK
_PLACES = {RegistrationKind.RENEWAL: "password/new", RegistrationKind.ADDRESS: "address"}


@pytest_asyncio.fixture
async def environment(registry_url: str, smtp_inbox: SmtpInbox) -> AsyncIterator[ActivityEnvironment]:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        yield environment


@pytest.mark.parametrize("client", mostly_long([None, "10002003010012"], each_time=["10002003010012"]))
@pytest.mark.parametrize("mail", MyicsMail)
async def test_every_mail_says_to_whom_about_what_and_with_which_link(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox, mail: MyicsMail, client: str | None
) -> None:
    for occurrence, kind in enumerate(_KINDS.get(mail, _BOTH), start=1):
        await store(environment, kind, client)
        await environment.activities()["send_myics_mail"](
            SendMyicsMail.of(MR, AT, kind=mail, occurrence=occurrence, turn=_turn(mail))
        )
        sent = smtp_inbox.mails[-1]
        assert sent["Subject"] == mail.subject
        text = text_of(sent)
        assert MR.case_no in text
        place = _PLACES.get(kind, "register")
        assert (f"http://web.test/myics/{place}?link=" in text) == (mail in _WITH_LINK)
        if mail.for_operators:
            assert sent["To"].endswith("@back-office.example.jp")
            assert f"/desk/cases/{MR.case_no}" in text
        else:
            before = mail is MyicsMail.ADDRESS_LEFT
            assert sent["To"] == ("before@aoba-kaikei.example.jp" if before else "ichiro@aoba-kaikei.example.jp")
            assert text.startswith("みなと商店" if client and kind is not RegistrationKind.REPRESENTATIVE else "青葉")
            assert "日本ICS株式会社 MYICS サポート" in text
            assert "弥生" not in text
        assert "{" not in text
        if not (client and kind is RegistrationKind.REPRESENTATIVE):  # the representative is the firm's own
            assert ("お客様番号" if client else "顧問先ID") not in text
    assert len(await environment.rows(select(NoticeRow.key))) == len(_KINDS.get(mail, _BOTH))


def _turn(mail: MyicsMail) -> OperatorsTask | None:
    return OperatorsTask(next_step="お電話ください。", because="佐藤：休暇のため") if mail.for_operators else None


async def store(environment: ActivityEnvironment, kind: RegistrationKind, client: str | None) -> None:
    async with environment.sessions.begin() as session:
        for table in (CaseStatusRow, MyicsRegistrationRow, MyicsAccountRow, MyicsClientRow, MyicsFirmRow):
            await session.execute(delete(table))
        await session.execute(insert(MyicsFirmRow).values(customer_no=FIRM, name="青葉会計事務所"))
        if client:
            await session.execute(
                insert(MyicsClientRow).values(client_id=client, customer_no=FIRM, name="みなと商店", created_at=AT)
            )
        common = {
            "customer_no": FIRM,
            "client_id": client,
            "registration_no": MR.case_no,
            "address": "ichiro@aoba-kaikei.example.jp",
            "name": "青葉 一郎",
        }
        account = await session.scalar(
            insert(MyicsAccountRow)
            .values(holder_no=client or FIRM, kind="管理者", state="登録済み", **common)
            .returning(MyicsAccountRow.account_id)
        )
        await session.execute(
            insert(MyicsRegistrationRow).values(
                kind=kind,
                account_id=account,
                address_before="before@aoba-kaikei.example.jp",
                requested_by="担当者",
                requested_at=AT,
                stage="招待中",
                link_no=1,
                expires_on=date(2026, 12, 5),
                changed_at=AT,
                **common,
            )
        )
        await session.execute(
            insert(CaseStatusRow).values(
                workflow_id=f"myics/{MR.case_no}",
                procedure="RepresentativeRegistration",
                case_no=MR.case_no,
                part=0,
                version=0,
                changed_at=AT,
                stage="招待中",
                since=AT,
                waiting_for="担当者",
                assignee="sk",
            )
        )
