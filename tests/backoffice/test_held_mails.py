"""Mails and webhooks that wait since a restore: what waits, who lets it go, and with which id it goes."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.exceptions import ApplicationError

from activities.common.outbox import MailIdentity, Outbox, WrittenMail
from activities.common.smtp import SmtpTransport
from models.common.calendar import utc_now
from models.common.messages import MAIL_HELD
from models.tables import HeldCaseRow, NoticeRow, OperatorAuditRow
from tests.support.desk import desk_on, fill_operators
from tests.support.secret_key import SECRET_KEYS
from tests.support.smtp_inbox import SmtpInbox
from web.backoffice.desk_held_mails import HELD_MAILS, NOTHING_CHOSEN

CASE, OTHER, NEW = "YS-000001", "YS-000002", "YS-1000001"


async def write(_: object) -> WrittenMail:
    return WrittenMail("taro@example.jp", "件名", "本文\n")


async def test_a_held_case_s_own_mails_wait_and_go_with_their_old_id_when_an_administrator_lets_them(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox
) -> None:
    outbox = Outbox(sessions, SmtpTransport("127.0.0.1", smtp_inbox.port), "desk@example.co.jp", SECRET_KEYS)
    own = MailIdentity(key="own", kind="receipt", case_no=CASE)

    async def rows(query: Any) -> list[Any]:
        async with sessions() as session:
            return list(await session.scalars(query))

    async with sessions.begin() as session:
        session.add_all(HeldCaseRow(case_no=each, held_since=utc_now()) for each in (CASE, OTHER))
    for _ in range(2):
        with pytest.raises(ApplicationError) as held:
            await outbox.send(own, write)
        assert (held.value.type, held.value.non_retryable) == (MAIL_HELD, False)
    [waiting] = await rows(select(NoticeRow).filter_by(key="own"))
    assert (waiting.sent_at, smtp_inbox.mails) == (None, [])
    # What somebody has just asked for, and new cases, do not wait.
    await outbox.send(MailIdentity(key="link", kind="case_link", case_no=CASE, is_asked_for=True), write)
    await outbox.send(MailIdentity(key="new", kind="receipt", case_no=NEW), write)
    assert len(smtp_inbox.mails) == 2

    await fill_operators(sessions)
    async with desk_on(sessions) as site:
        await site.sign_in("sk")
        assert (await site.http.get(HELD_MAILS)).status_code == 403
        assert (await site.http.post(f"{HELD_MAILS}/release", data={"all": "1"})).status_code == 403
        async with site.browser() as administrator:
            await site.sign_in("tn", administrator)
            page = (await administrator.get(HELD_MAILS)).text
            assert f"{CASE}（メール 1 件" in page
            refused = await administrator.post(f"{HELD_MAILS}/release", follow_redirects=True)
            assert NOTHING_CHOSEN in refused.text
            sent = {"cases": [CASE, "YS-999999"]}
            answer = await administrator.post(f"{HELD_MAILS}/release", data=sent, follow_redirects=True)
            assert "1 件の送信を再開しました" in answer.text
            assert await rows(select(HeldCaseRow.case_no)) == [OTHER]
            await outbox.send(own, write)
            assert smtp_inbox.mails[-1]["Message-ID"] == waiting.message_id
            everything = {"all": "1"}
            answer = await administrator.post(f"{HELD_MAILS}/release", data=everything, follow_redirects=True)
            assert "送信を止めている案件はありません" in answer.text
    audited = await rows(select(OperatorAuditRow.facts).filter_by(action="mails_released"))
    assert audited == [{"cases": [CASE]}, {"cases": [OTHER]}]
