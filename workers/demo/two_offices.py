"""弥生 太郎 manages office A already and applies for B, which goes straight through, and C, whose sharing must end."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage

from models.common.calendar import BusinessCalendar, day_in_japan
from models.common.waiting_for import WaitingFor
from models.yayoi.deadlines import APPLICANT_REMINDER_DAYS, OPERATOR_ALERT_DAYS
from models.yayoi.identifiers import OfficeToken
from models.yayoi.mails import NOTICE_SUBJECT, MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import ApplicationStage, SetUpStep, Stage
from models.yayoi.store.smart_import import SmartImportRuns
from workers.demo.pages import Bearer, register_yayoi_id, set_up_and_relink
from workers.demo.run import DemoRun, link_in
from workers.demo.stored_facts import (
    actions,
    applied_at,
    import_up_to,
    imported_until,
    issued,
    operator_of,
    registered,
    remembered,
)
from workers.stack.inbox import text_of

CONTRACT = "8871304"
TARO = "taro@yayoi-taro.example.jp"
B, C = 1, 2
ID_B, TOKEN_B = "keiri-b@yayoi-taro.example.jp", OfficeToken("b0000002-0000-4000-8000-000000000002")
ID_C, TOKEN_C = "office-c@yayoi-taro.example.jp", OfficeToken("c0000003-0000-4000-8000-000000000003")
BANK_B = "しおさい銀行 普通 1234567"
BANK_C, AIR_C = "みずうみ銀行 普通 7654321", "Airレジ 本店"
FIRM = "山田会計事務所"
FIRST_ID, SECOND_ID = "7000000", "7000001"
"""What a new database issues."""
FROZEN, NOTIFIED, THAWED = (
    "スマート取引取込を凍結した",
    f"メールを送信した：{NOTICE_SUBJECT}",
    "スマート取引取込の凍結を解除した",
)
"""What the audit trail calls these steps."""
_AT_ONCE = timedelta(minutes=5)
"""By a case's own clock: a slow machine takes its time, a procedure that waits for somebody takes days."""


async def two_offices(run: DemoRun, calendar: BusinessCalendar) -> None:
    """Raise `ClearError` at the first thing that differs."""
    applied_on, notice = await _apply(run, calendar)
    await _office_b_gets_its_notice(run, notice)
    released_on = await _office_c_waits_for_its_sharing(run, calendar, applied_on)
    await _office_c_gets_its_notice(run, applied_on, released_on)
    await _office_b_is_set_up(run, calendar)
    await _office_c_is_set_up(run)
    await _close(run)
    await _look_back(run)


async def _apply(run: DemoRun, calendar: BusinessCalendar) -> tuple[date, EmailMessage]:
    """Return the day, and the notice that B gets at once."""
    run.heading(
        "弥生 太郎 (contract 8871304, office A in use) registers a new Yayoi ID for office B; C has one already"
    )
    await register_yayoi_id(run, ID_B)

    run.heading("He applies for offices B and C")
    await import_up_to(run, [TOKEN_B, TOKEN_C], day_in_japan(datetime.now(UTC)) - timedelta(days=1))
    # Typed in capitals and full-width letters with a stray space: input is forgiving, storage is not.
    typed_c = (ID_C, ID_C.upper(), f"　{_full_width(TOKEN_C)} ")
    customer = await run.apply("弥生", "太郎", CONTRACT, (ID_B, ID_B, TOKEN_B), typed_c)
    applied_on = day_in_japan(datetime.now(UTC))
    due_date = calendar.due_date(applied_on)
    run.expect(
        f"the page names the due date, the last business day of the week after next ({due_date})",
        f"{due_date.year}年{due_date.month}月{due_date.day}日" in customer.text,
        True,
    )
    await run.waits_at(B, Stage.SET_UP)
    await run.waits_at(C, Stage.SHARING)
    mails = await run.mails(
        (TARO, MailKind.RECEIPT.subject), (ID_B, NOTICE_SUBJECT), (TARO, MailKind.RELEASE_SHARING.subject)
    )
    by_subject = {str(mail["Subject"]): mail for mail in mails}
    await customer.open(link_in(by_subject[MailKind.RECEIPT.subject], "/applications/"))
    run.expect("the page of the case, linked in the receipt, shows C's stage", "共有の解除待ち" in customer.text, True)
    return applied_on, by_subject[NOTICE_SUBJECT]


async def _office_b_gets_its_notice(run: DemoRun, notice: EmailMessage) -> None:
    run.heading("Office B is not shared: frozen, links remembered, contract ID issued, notified, thawed at once")
    await _check_notice(run, B, FIRST_ID, notice, [ID_B, BANK_B], but_not=[ID_C, BANK_C, AIR_C, FIRM])
    run.expect(
        "what happened to B",
        [action for action, _ in await actions(run, B)],
        [FROZEN, "連携を記録した", "サービス契約ID を発行した", NOTIFIED, THAWED],
    )
    await _frozen_until_the_notice(run, B)


async def _office_c_waits_for_its_sharing(run: DemoRun, calendar: BusinessCalendar, applied_on: date) -> date:
    """Return the day in the case's life on which the waiting ends."""
    run.heading(f"Office C is shared with {FIRM}: nothing goes on, and nothing is imported")
    refused = await SmartImportRuns(run.sessions).run(TOKEN_C, datetime.now(UTC))
    run.expect("smart import of C is refused", refused.refused_because is not None, True)
    run.say(refused.refused_because or "")
    reason = await run.report_event("support_password_set", {"contract_id": "7999999", "yayoi_id": ID_C}, status=404)
    run.say(f"an event for a contract ID that was never issued: {reason}")
    attributes = await run.search_attributes(run.office(C))
    run.expect(
        "what the operators' list shows",
        (attributes["Stage"], attributes["WaitingFor"]),
        (Stage.SHARING, WaitingFor.APPLICANT),
    )
    alert_on = calendar.business_days_before(calendar.due_date(applied_on), OPERATOR_ALERT_DAYS)
    before = applied_on
    for business_days in APPLICANT_REMINDER_DAYS[:2]:
        day = calendar.business_days_after(applied_on, business_days)
        await run.until_opening(C, day)
        # On some days of the year the due date comes so close that the operator in charge is mailed as well.
        alert = (await operator_of(run, C), MailKind.DUE_DATE_IN_DANGER.subject)
        reminder = (TARO, MailKind.RELEASE_SHARING_REMINDER.subject)
        await run.mails(*([alert] if before < alert_on <= day else []), reminder)
        before = day
    return before


async def _office_c_gets_its_notice(run: DemoRun, applied_on: date, released_on: date) -> None:
    run.heading("太郎 releases the sharing in the desktop product; its system reports it, and C goes on by itself")
    await run.report_event("sharing_released", {"office_token": TOKEN_C})
    await run.waits_at(C, Stage.SET_UP)
    [notice] = await run.mails((ID_C, NOTICE_SUBJECT))
    await _check_notice(run, C, SECOND_ID, notice, [ID_C, BANK_C, AIR_C, FIRM], but_not=[FIRST_ID, ID_B, BANK_B])
    frozen_on, thawed_on = await _frozen_until_the_notice(run, C)
    run.expect("from the day of the form to that of the release", (frozen_on, thawed_on), (applied_on, released_on))
    run.expect("C's links are lost with the old contract ID", (await registered(run, TOKEN_C)).links, [])


async def _check_notice(
    run: DemoRun, number: int, contract_id: str, notice: EmailMessage, own: Sequence[str], *, but_not: Sequence[str]
) -> None:
    """Check the ID that was issued, and that the notice names all that its office needs, and nothing of another one."""
    new = await issued(run, number)
    run.expect(
        f"contract ID and registered name of office {number}",
        (new.contract_id, new.registered_name),
        (contract_id, f"弥生 太郎 - {number} ({CONTRACT})"),
    )
    text = text_of(notice)
    needed = [contract_id, new.registered_name, *own]
    run.expect("missing in the notice", [words for words in needed if words not in text], [])
    run.expect("of the other office in it", [words for words in but_not if words in text], [])


async def _frozen_until_the_notice(run: DemoRun, number: int) -> tuple[date, date]:
    """Check that an office was frozen no shorter and no longer, and return the first and the last day."""
    at = dict(await actions(run, number))
    run.expect("frozen as soon as the form was in", at[FROZEN] - await applied_at(run) < _AT_ONCE, True)
    run.expect("thawed with the notice, not before", timedelta(0) <= at[THAWED] - at[NOTIFIED] < _AT_ONCE, True)
    return day_in_japan(at[FROZEN]), day_in_japan(at[THAWED])


async def _office_b_is_set_up(run: DemoRun, calendar: BusinessCalendar) -> None:
    run.heading("B: three business days pass, a reminder goes out; STEP5, STEP6 and the re-link on the pages")
    await run.until_opening(B, calendar.business_days_after(day_in_japan(await run.now(B)), 3))
    await run.mails((ID_B, MailKind.FOLLOW_UP_REMINDER.subject))
    asked_from = await imported_until(run, B, BANK_B) + timedelta(days=1)
    await set_up_and_relink(run, Bearer(ID_B, FIRST_ID, CONTRACT), "弥生商店 B", {BANK_B: asked_from})
    run.expect("office B", (await run.office(B).result()).outcome, Outcome.COMPLETED)
    run.expect(
        "asked from the day after the last import, no day is missing and none doubled",
        "抜けのおそれ：なし　重複のおそれ：なし" in await run.current_details(B),
        True,
    )


async def _office_c_is_set_up(run: DemoRun) -> None:
    run.heading("C: the customer calls about STEP5, the operator records it; the rest is reported by the systems")
    reason = "お客様からお電話で確認"
    await run.act(C, Action.REPORT_SET_UP_STEP, reason=reason, choose=SetUpStep.SUPPORT_PASSWORD.label)
    await run.report_event("business_group_created", {"yayoi_id": ID_C, "group_name": "弥生商店 C"})
    for event in ("product_registered", "owned_product_registered"):
        await run.report_event(event, {"contract_id": SECOND_ID, "yayoi_id": ID_C})
    today = day_in_japan(await run.now(C))
    air_until, bank_until = await imported_until(run, C, AIR_C), await imported_until(run, C, BANK_C)
    asked_from = bank_until - timedelta(days=2)
    bank, air = {"service_kind": "bank_account", "service": BANK_C}, {"service_kind": "air_regi", "service": AIR_C}
    for service in (bank | {"asked_from": str(asked_from)}, air):
        await run.report_event("service_relinked", {"contract_id": SECOND_ID, "relinked_on": str(today)} | service)
    run.expect("office C", (await run.office(C).result()).outcome, Outcome.COMPLETED)
    details = await run.current_details(C)
    run.expect(
        "days that may be doubled at the bank (asked from two days too early)",
        f"{asked_from} ～ {bank_until}" in details,
        True,
    )
    run.expect(
        "days that may be missing at Airレジ (it starts the day after the re-link)",
        f"{air_until + timedelta(days=1)} ～ {today}" in details,
        True,
    )


async def _close(run: DemoRun) -> None:
    run.heading("Both offices have ended: the application closes")
    outcome = await run.application.result()
    run.expect("outcomes", [office.outcome for office in outcome.offices], [Outcome.COMPLETED, Outcome.COMPLETED])
    await run.mails((TARO, MailKind.FINISHED.subject))
    attributes = await run.search_attributes(run.application)
    run.expect("final stage", attributes["Stage"], ApplicationStage.CLOSED)
    reason = await run.report_event("sharing_released", {"office_token": TOKEN_C}, status=404)
    run.say(f"an event after the end: {reason}")


async def _look_back(run: DemoRun) -> None:
    run.heading("Looking back")
    frozen = [token for token in (TOKEN_B, TOKEN_C) if (await registered(run, token)).frozen_by]
    run.expect("no office is frozen", frozen, [])
    links = await remembered(run)
    for link in links:
        run.say(f"re-linked: {link.service}, until {link.last_imported_on}, again from {link.first_covered_on}")
    run.expect("every lost link was made again", [link.service for link in links if not link.relinked_on], [])
    for number, name in ((B, "B"), (C, "C")):
        at = dict(await actions(run, number))
        run.say(f"office {name} was frozen at {at[FROZEN]:%Y-%m-%d %H:%M}, thawed at {at[THAWED]:%Y-%m-%d %H:%M} UTC")


def _full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in text)
