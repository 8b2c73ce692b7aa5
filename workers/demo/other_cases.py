"""Cases for one office that go otherwise: corrected, expired, cancelled, finished late, and begun by a stranger."""

from datetime import timedelta

from models.common.calendar import BusinessCalendar, day_in_japan
from models.tables import YayoiIdRow
from models.yayoi.deadlines import (
    EXPIRY_DAYS,
    FOLLOW_UP_DAYS,
    FOLLOW_UP_OPERATOR_DAYS,
    FOLLOW_UP_REMINDER_DAYS,
)
from models.yayoi.identifiers import OfficeToken
from models.yayoi.mails import NOTICE_SUBJECT, MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import SetUpStep, Stage
from workers.demo.pages import Bearer, register_yayoi_id, set_up_and_relink
from workers.demo.run import TANAKA, DemoRun, link_in
from workers.demo.stored_facts import issued, mail_address_of, operator_of, registered

ASKED_FIRST, ASKING = "藤井", "佐藤"
"""The first of the supervisors, by their handles, and who asks for an approval."""


async def corrected(run: DemoRun) -> None:
    """金子 翔, whose Yayoi ID is not registered: corrected by an operator, then as every other case."""
    customer = "info@kaneko.example.co.jp"
    unregistered, yayoi_id = "office-2@kaneko.example.co.jp", "office-3@kaneko.example.co.jp"
    run.heading("金子 翔 applies with a Yayoi ID that is not registered: nothing is touched, a correction is asked for")
    await run.apply("金子", "翔", "6000009", (unregistered, unregistered, "b6000009-0000-4000-8000-000000000002"))
    await run.waits_at(1, Stage.CORRECTION)
    await run.mails((customer, MailKind.RECEIPT.subject), (customer, MailKind.CORRECTION_NEEDED.subject))

    run.heading("He registers another address and says so on the phone; the operator corrects the pair in the Web UI")
    async with run.sessions.begin() as session:
        session.add(YayoiIdRow(yayoi_id=yayoi_id, family_name="金子", given_name="翔"))
    await run.act(1, Action.CORRECT_PAIR, reason="お電話", yayoi_id=yayoi_id)
    await run.waits_at(1, Stage.SET_UP)
    await run.mails((yayoi_id, NOTICE_SUBJECT))
    run.expect("the ID is for the corrected address", (await issued(run)).yayoi_id, yayoi_id)
    for step in SetUpStep:
        await run.act(1, Action.REPORT_SET_UP_STEP, reason="お電話", choose=step.label)
    run.expect("the office", (await run.office(1).result()).outcome, Outcome.COMPLETED)
    await run.mails((customer, MailKind.FINISHED.subject))


async def expired(run: DemoRun, calendar: BusinessCalendar) -> None:
    """黒田 直樹, who never releases the sharing: reminded, late, expired; all is as before."""
    customer, yayoi_id = "info@kuroda.example.co.jp", "office-2@kuroda.example.co.jp"
    token = OfficeToken("b6000004-0000-4000-8000-000000000002")
    run.heading("黒田 直樹's office is shared with two accounting offices, and he does not answer")
    before = await registered(run, token)
    await run.apply("黒田", "直樹", "6000004", (yayoi_id, yayoi_id, token))
    await run.waits_at(1, Stage.SHARING)
    await run.mails((customer, MailKind.RECEIPT.subject), (customer, MailKind.RELEASE_SHARING.subject))
    due_date = calendar.due_date(day_in_japan(await run.now(1)))
    operator = await operator_of(run, 1)
    supervisor = await mail_address_of(run, ASKED_FIRST)

    run.heading(
        "He is reminded three times; his operator, the supervisor and who takes over are mailed; the due date passes"
    )
    await run.until_opening(1, calendar.business_days_after(due_date, 1))
    await run.mails(
        *[(customer, MailKind.RELEASE_SHARING_REMINDER.subject)] * 3,
        (operator, MailKind.DUE_DATE_IN_DANGER.subject),
        (operator, MailKind.OPERATOR_REMINDER.subject),
        (supervisor, MailKind.OPERATOR_ESCALATION.subject),
        (await operator_of(run, 1), MailKind.HANDED_OVER.subject),
        (customer, MailKind.DELAY.subject),
    )

    run.heading(
        "Five business days later the application expires: thawed, still shared, nothing issued, all are mailed"
    )
    await run.until_end_of(1, calendar.business_days_after(due_date, EXPIRY_DAYS))
    outcome = await run.office(1).result()
    run.expect("the office", outcome.outcome, Outcome.EXPIRED)
    run.expect("contract ID", outcome.contract_id, None)
    run.expect("the registry is as before", await registered(run, token), before)
    await run.mails((customer, MailKind.EXPIRED.subject))


async def cancelled(run: DemoRun) -> None:
    """赤井 美咲, who changes her mind after STEP5: cancelled with a supervisor, the ID revoked."""
    customer, yayoi_id = "info@akai.example.co.jp", "office-2@akai.example.co.jp"
    token = OfficeToken("b6000005-0000-4000-8000-000000000002")
    run.heading("赤井 美咲's office has links of every kind; she gets her notice and does STEP5")
    before = await registered(run, token)
    await run.apply("赤井", "美咲", "6000005", (yayoi_id, yayoi_id, token))
    await run.waits_at(1, Stage.SET_UP)
    await run.mails((customer, MailKind.RECEIPT.subject), (yayoi_id, NOTICE_SUBJECT))
    contract_id = (await issued(run)).contract_id
    await run.report_event("support_password_set", {"contract_id": contract_id, "yayoi_id": yayoi_id})
    run.expect("she is managed by the new ID, without links", await registered(run, token), (contract_id, None, []))

    run.heading("She changes her mind: the operator alone may no longer cancel, with a supervisor it is all undone")
    wish = "お客様のご希望"
    run.say(await run.refused(1, Action.CANCEL))
    await run.act(1, Action.ASK_CANCEL, reason=wish)
    await run.act(1, Action.APPROVE, who=TANAKA, reason="お客様に確認")
    run.expect("the office", (await run.office(1).result()).outcome, Outcome.CANCELLED)
    run.expect("the ID is revoked", (await issued(run)).revoked_at is not None, True)
    run.expect("the registry is as before", await registered(run, token), before)
    # Who reads the mails of the new ID would go on with it, so that they get one too.
    await run.mails(
        (customer, MailKind.CANCELLED.subject),
        (yayoi_id, MailKind.CANCELLED.subject),
        (await mail_address_of(run, ASKING), MailKind.APPROVAL_ANSWERED.subject),
    )


async def late(run: DemoRun, calendar: BusinessCalendar) -> None:
    """平野 一, who does nothing for a month after his notice: the case closes, and he finishes on the same pages."""
    customer, yayoi_id = "info@hirano.example.co.jp", "office-5@hirano.example.co.jp"
    token = OfficeToken("b6000037-0000-4000-8000-000000000002")
    run.heading("平野 一 gets his notice and does nothing: he is reminded twice, an operator is shown it")
    await register_yayoi_id(run, yayoi_id)
    await run.apply("平野", "一", "6000037", (yayoi_id, yayoi_id, token))
    await run.waits_at(1, Stage.SET_UP)
    await run.mails((customer, MailKind.RECEIPT.subject), (yayoi_id, NOTICE_SUBJECT))
    noticed_on = day_in_japan(await run.now(1))
    for business_days in FOLLOW_UP_REMINDER_DAYS:
        await run.until_opening(1, calendar.business_days_after(noticed_on, business_days))
        await run.mails((yayoi_id, MailKind.FOLLOW_UP_REMINDER.subject))
    await run.until_opening(1, calendar.business_days_after(noticed_on, FOLLOW_UP_OPERATOR_DAYS))
    await run.act(1, Action.ADD_NOTE, reason="お電話、来月に設定されるとのこと")

    run.heading("A month after the notice the case closes: the mails say what is open, and until when it can be done")
    await run.until_end_of(1, noticed_on + timedelta(days=FOLLOW_UP_DAYS))
    await run.waits_at_rest(1, Stage.AFTER_CLOSING)
    run.expect("the application", (await run.application.result()).offices[0].outcome, Outcome.INCOMPLETE)
    await run.mails((yayoi_id, MailKind.FOLLOW_UP_ENDED.subject), (customer, MailKind.FINISHED.subject))

    run.heading("Weeks later he does STEP5 and STEP6 on the same pages, and the case is complete")
    contract_id = (await issued(run)).contract_id
    await set_up_and_relink(run, Bearer(yayoi_id, contract_id, "6000037"), "平野 一 支店", {})
    run.expect("the office", (await run.office(1).result()).outcome, Outcome.COMPLETED)
    run.expect("he is managed by the new ID", (await registered(run, token)).contract_id, contract_id)


async def stranger(run: DemoRun) -> None:
    """Somebody who knows 古川 登's customer number, and has a token of another customer: neither gets anywhere."""
    holder, yayoi_id = "info@furukawa.example.co.jp", "office-2@furukawa.example.co.jp"
    run.heading("A stranger applies on 古川 登's contract: nothing is issued before the contract's holder confirms it")
    await run.apply_without_link("不明", "太郎", "6000020", (yayoi_id, yayoi_id))
    await run.waits_at(1, Stage.CONFIRMATION)
    [asked] = await run.mails((holder, MailKind.CONFIRM_APPLICATIONS.subject))

    run.heading("古川 登 does not know it and ends it by the link in his mail")
    owner = run.browser()
    await owner.open(link_in(asked, "/holder/end"))
    await owner.send({})
    run.expect("the page says so", "このお申し込みは終了しました" in owner.text, True)
    outcome = await run.office(1).result()
    run.expect("contract ID", outcome.contract_id, None)
    run.expect("the office", outcome.outcome, Outcome.REJECTED)
    await run.application.result()

    run.heading("Another applies with a token of 平野 一's office, which is not his: it stops nothing there")
    token = OfficeToken("c6000037-0000-4000-8000-000000000003")
    before = await registered(run, token)
    await run.apply("同前", "守", "6000029", (yayoi_id, yayoi_id, token))
    await run.waits_at(1, Stage.CONFIRMATION)
    run.expect("the owner's office is as before", await registered(run, token), before)
    await run.mails(("info@douzen.example.co.jp", MailKind.CONFIRM_APPLICATIONS.subject))
    await run.act(1, Action.CANCEL, reason="契約者にお心当たりなし")
    await run.application.result()
    run.expect("the owner's office is as before", await registered(run, token), before)
