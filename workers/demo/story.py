"""The main story: 弥生 太郎 manages office A already and applies for B and C."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from uuid import uuid4

import httpx

from activities.yayoi.registry.postgres_smart_import import SmartImportRuns
from models.common.calendar import BusinessCalendar, day_in_japan
from models.common.waiting_for import WaitingFor
from models.yayoi.identifiers import OfficeToken
from models.yayoi.mails import NOTICE_SUBJECT, MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import SetUpStepDone
from models.yayoi.procedures import ApplicationStage, SetUpStep, Stage
from workers import database, examples, temporal
from workers.demo.cancelled import cancelled
from workers.demo.corrected import corrected
from workers.demo.expired import expired
from workers.demo.myics import myics
from workers.demo.notice import FROZEN, NOTIFIED, THAWED, frozen_until_the_notice, says
from workers.demo.pages import Bearer, register_yayoi_id, set_up_and_relink
from workers.demo.play import Play
from workers.demo.records import (
    actions,
    frozen,
    import_up_to,
    imported_until,
    issued,
    open_links,
    operator_of,
    remembered,
)
from workers.registry.file import load
from workers.stack.places import Places
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

CONTRACT = "8871304"
TARO = "taro@yayoi-taro.example.jp"
B, C = 1, 2
ID_B, TOKEN_B = "keiri-b@yayoi-taro.example.jp", OfficeToken("b0000002-0000-4000-8000-000000000002")
ID_C, TOKEN_C = "office-c@yayoi-taro.example.jp", OfficeToken("c0000003-0000-4000-8000-000000000003")
BANK_B = "しおさい銀行 普通 1234567"
BANK_C, AIR_C = "みずうみ銀行 普通 7654321", "Airレジ 本店"
FIRM = "山田会計事務所"
OPERATOR = "佐藤（担当）"
FIRST_ID, SECOND_ID = "7000000", "7000001"
"""What a new database issues."""


async def rehearse() -> None:
    """Play the whole story, three of customers whose cases go another way, and one of MYICS, on a stack of its own.

    Raises `ClearError` at the first thing that differs.
    """
    calendar = BusinessCalendar()
    async with _play() as play:
        applied_on, notice = await _apply(play, calendar)
        await _office_b_gets_its_notice(play, notice)
        released_on = await _office_c_waits_for_its_sharing(play, calendar, applied_on)
        await _office_c_gets_its_notice(play, applied_on, released_on)
        await _office_b_is_set_up(play, calendar)
        await _office_c_is_set_up(play)
        await _close(play)
        await _look_back(play)
        await corrected(play)
        await expired(play, calendar)
        await cancelled(play)
        await myics(play)
        await _nothing_is_left(play)
    play.tell("")
    play.tell("The rehearsal is over: everything was as expected.")


@asynccontextmanager
async def _play() -> AsyncIterator[Play]:
    with tempfile.TemporaryDirectory(prefix="tetsuzuki-demo-") as folder:
        async with Stack(alone(Path(folder), time_skipping=True)) as stack, database.opened(stack.settings) as sessions:
            await load(sessions, examples.registry())
            client = await temporal.connect(stack.settings)
            web = f"http://127.0.0.1:{stack.settings.web_port}"
            async with httpx.AsyncClient(base_url=web, timeout=30, trust_env=False) as http:
                yield Play(http, client, sessions, Places(stack.settings.state_dir).mail)


async def _apply(play: Play, calendar: BusinessCalendar) -> tuple[date, EmailMessage]:
    """Return the day, and the notice that B gets at once."""
    play.scene("弥生 太郎 (contract 8871304, office A in use) registers a new Yayoi ID for office B; C has one already")
    await register_yayoi_id(play, ID_B)

    play.scene("He applies for offices B and C")
    await import_up_to(play, [TOKEN_B, TOKEN_C], day_in_japan(datetime.now(UTC)) - timedelta(days=1))
    form = {
        "submission_id": str(uuid4()),
        "applicant": {"family_name": "弥生", "given_name": "太郎"},
        "existing_contract_id": CONTRACT,
        "accounting_link": True,
        "network_product": True,
        "offices": [
            {"yayoi_id": ID_B, "yayoi_id_confirmation": ID_B, "office_token": TOKEN_B},
            # Typed in full-width letters with a stray space: input is forgiving, storage is not.
            {"yayoi_id": ID_C, "yayoi_id_confirmation": ID_C.upper(), "office_token": f"　{_full_width(TOKEN_C)} "},
        ],
        "consents": {
            "stop_smart_import": True,
            "sharing_released": False,
            "relink_required": True,
            "delegate_unsharing": False,
        },
    }
    customer = await play.submit(form)
    applied_on = day_in_japan(datetime.now(UTC))
    due_date = calendar.due_date(applied_on)
    play.expect(
        f"the page names the due date, the last business day of the week after next ({due_date})",
        f"{due_date.year}年{due_date.month}月{due_date.day}日" in customer.text,
        True,
    )
    await play.rest(B, Stage.SET_UP)
    await play.rest(C, Stage.SHARING)
    mails = await play.mails(
        (TARO, MailKind.RECEIPT.subject), (ID_B, NOTICE_SUBJECT), (TARO, MailKind.RELEASE_SHARING.subject)
    )
    by_subject = {str(mail["Subject"]): mail for mail in mails}
    await customer.open(play.case_link(by_subject[MailKind.RECEIPT.subject]))
    play.expect(
        "the page of the case, linked in the receipt, shows where C stands", "共有の解除待ち" in customer.text, True
    )
    return applied_on, by_subject[NOTICE_SUBJECT]


async def _office_b_gets_its_notice(play: Play, notice: EmailMessage) -> None:
    play.scene("Office B is not shared: frozen, links remembered, contract ID issued, notified, thawed at once")
    new = (await issued(play))[B]
    play.expect(
        "contract ID and registered name of B",
        (new.contract_id, new.registered_name),
        (FIRST_ID, "弥生 太郎 - 1 (8871304)"),
    )
    says(play, notice, [FIRST_ID, new.registered_name, ID_B, BANK_B], but_not=[ID_C, BANK_C, AIR_C, FIRM])
    play.expect(
        "what happened to B",
        [action for action, _ in await actions(play, B)],
        [FROZEN, "連携を記録した", "サービス契約ID を発行した", NOTIFIED, THAWED],
    )
    await frozen_until_the_notice(play, B)


async def _office_c_waits_for_its_sharing(play: Play, calendar: BusinessCalendar, applied_on: date) -> date:
    """Return the day in the case's life on which the waiting ends."""
    play.scene(f"Office C is shared with {FIRM}: nothing goes on, and nothing is imported")
    runs = SmartImportRuns(play.sessions)
    refused = await runs.run(TOKEN_C, datetime.now(UTC))
    play.expect("smart import of C is refused", refused.refused_because is not None, True)
    play.tell(refused.refused_because or "")
    reason = await play.report("support_password_set", status=404, contract_id="7999999", yayoi_id=ID_C)
    play.tell(f"an event for a contract ID that was never issued: {reason}")
    attributes = await play.search_attributes(play.office(C))
    play.expect(
        "what the operators' list shows",
        (attributes["Stage"], attributes["WaitingFor"]),
        (Stage.SHARING, WaitingFor.APPLICANT),
    )
    alert_on = calendar.business_days_before(calendar.due_date(applied_on), 3)
    before = applied_on
    for business_days in (3, 6):
        day = calendar.business_days_after(applied_on, business_days)
        await play.until_opening(C, day)
        # On some days of the year the due date comes so close that the operator in charge is told as well.
        alert = (await operator_of(play, C), MailKind.DUE_DATE_IN_DANGER.subject)
        reminder = (TARO, MailKind.RELEASE_SHARING_REMINDER.subject)
        await play.mails(*([alert] if before < alert_on <= day else []), reminder)
        before = day
    return before


async def _office_c_gets_its_notice(play: Play, applied_on: date, released_on: date) -> None:
    play.scene("太郎 releases the sharing in the desktop product; its system reports it, and C goes on by itself")
    await play.report("sharing_released", office_token=TOKEN_C)
    await play.rest(C, Stage.SET_UP)
    [notice] = await play.mails((ID_C, NOTICE_SUBJECT))
    new = (await issued(play))[C]
    play.expect(
        "contract ID and registered name of C",
        (new.contract_id, new.registered_name),
        (SECOND_ID, "弥生 太郎 - 2 (8871304)"),
    )
    says(play, notice, [SECOND_ID, new.registered_name, ID_C, BANK_C, AIR_C, FIRM], but_not=[FIRST_ID, ID_B, BANK_B])
    frozen_on, thawed_on = await frozen_until_the_notice(play, C)
    play.expect("from the day of the form to that of the release", (frozen_on, thawed_on), (applied_on, released_on))
    play.expect("C's links are lost with the old contract ID", await open_links(play, TOKEN_C), [])


async def _office_b_is_set_up(play: Play, calendar: BusinessCalendar) -> None:
    play.scene("B: three business days pass, a reminder goes out; STEP5, STEP6 and the re-link on the pages")
    contract_id = (await issued(play))[B].contract_id
    await play.until_opening(B, calendar.business_days_after(day_in_japan(await play.now(B)), 3))
    await play.mails((ID_B, MailKind.FOLLOW_UP_REMINDER.subject))
    await set_up_and_relink(
        play,
        Bearer(ID_B, contract_id, CONTRACT),
        "弥生商店 B",
        {BANK_B: await imported_until(play, B, BANK_B) + timedelta(days=1)},
    )
    outcome = await play.office(B).result()
    play.expect("office B", outcome.outcome, Outcome.COMPLETED)
    play.expect(
        "asked from the day after the last import, no day is missing and none doubled",
        "抜けのおそれ：なし　重複のおそれ：なし" in await play.current_details(B),
        True,
    )


async def _office_c_is_set_up(play: Play) -> None:
    play.scene("C: the customer calls about STEP5, the operator records it; the rest is reported by the systems")
    contract_id = (await issued(play))[C].contract_id
    await play.office(C).execute_update(
        OfficeDataProcedure.report_set_up_step,
        SetUpStepDone(by=OPERATOR, reason="お客様からお電話で確認", step=SetUpStep.SUPPORT_PASSWORD),
    )
    await _set_up_by_events(play, contract_id, ID_C, "弥生商店 C")
    today = day_in_japan(await play.now(C))
    bank_until = await imported_until(play, C, BANK_C)
    air_until = await imported_until(play, C, AIR_C)
    await play.report(
        "service_relinked",
        contract_id=contract_id,
        service_kind="bank_account",
        service=BANK_C,
        relinked_on=str(today),
        asked_from=str(bank_until - timedelta(days=2)),
    )
    await play.report(
        "service_relinked", contract_id=contract_id, service_kind="air_regi", service=AIR_C, relinked_on=str(today)
    )
    outcome = await play.office(C).result()
    play.expect("office C", outcome.outcome, Outcome.COMPLETED)
    details = await play.current_details(C)
    play.expect(
        "days that may be doubled at the bank (asked from two days too early)",
        f"{bank_until - timedelta(days=2)} ～ {bank_until}" in details,
        True,
    )
    play.expect(
        "days that may be missing at Airレジ (it starts the day after the re-link)",
        f"{air_until + timedelta(days=1)} ～ {today}" in details,
        True,
    )


async def _close(play: Play) -> None:
    play.scene("Both offices have ended: the application closes")
    outcome = await play.application.result()
    play.expect("outcomes", [office.outcome for office in outcome.offices], [Outcome.COMPLETED, Outcome.COMPLETED])
    await play.mails((TARO, MailKind.FINISHED.subject))
    attributes = await play.search_attributes(play.application)
    play.expect("final stage", attributes["Stage"], ApplicationStage.CLOSED)
    reason = await play.report("sharing_released", status=404, office_token=TOKEN_C)
    play.tell(f"an event after the end: {reason}")


async def _look_back(play: Play) -> None:
    play.scene("Looking back")
    play.expect("no office is frozen", await frozen(play, [TOKEN_B, TOKEN_C]), [])
    links = await remembered(play)
    for link in links:
        play.tell(f"re-linked: {link.service}, until {link.last_imported_on}, again from {link.first_covered_on}")
    play.expect("every lost link was made again", [link.service for link in links if not link.relinked_on], [])
    for number, name in ((B, "B"), (C, "C")):
        at = dict(await actions(play, number))
        play.tell(f"office {name} was frozen at {at[FROZEN]:%Y-%m-%d %H:%M}, thawed at {at[THAWED]:%Y-%m-%d %H:%M} UTC")


async def _nothing_is_left(play: Play) -> None:
    play.scene("The end")
    await play.all_ended()
    play.expect("mails that nobody has expected", await play.mails(), [])


async def _set_up_by_events(play: Play, contract_id: str, yayoi_id: str, group: str) -> None:
    await play.report("business_group_created", yayoi_id=yayoi_id, group_name=group)
    await play.report("product_registered", contract_id=contract_id, yayoi_id=yayoi_id)
    await play.report("owned_product_registered", contract_id=contract_id, yayoi_id=yayoi_id)


def _full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in text)
