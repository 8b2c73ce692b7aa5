"""The story of 黒田 直樹, who never releases the sharing: reminded, late, expired; all is as before (Y13, Y27)."""

from models.common.calendar import BusinessCalendar, day_in_japan
from models.yayoi.deadlines import EXPIRY_DAYS
from models.yayoi.identifiers import OfficeToken
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Stage
from workers.demo.opening import holds, mail_addresses, one_office_form
from workers.demo.play import Play

CUSTOMER = "info@kuroda.example.co.jp"
YAYOI_ID, TOKEN = "office-2@kuroda.example.co.jp", OfficeToken("b6000004-0000-4000-8000-000000000002")


async def expired(play: Play, calendar: BusinessCalendar) -> None:
    """Raise `DifferenceError` at the first thing that differs."""
    play.scene("黒田 直樹's office is shared with two accounting offices, and he does not answer")
    before = await holds(play, TOKEN)
    await play.submit(one_office_form(("黒田", "直樹"), "6000004", YAYOI_ID, TOKEN))
    await play.rest(1, Stage.SHARING)
    await play.mails((CUSTOMER, MailKind.RECEIPT.subject), (CUSTOMER, MailKind.RELEASE_SHARING.subject))
    due_date = calendar.due_date(day_in_japan(await play.now(1)))
    operator, supervisor = await mail_addresses(play)

    play.scene("He is reminded three times, his operator and then the supervisor are told; the due date passes")
    await play.until_opening(1, calendar.business_days_after(due_date, 1))
    await play.mails(
        *[(CUSTOMER, MailKind.RELEASE_SHARING_REMINDER.subject)] * 3,
        (operator, MailKind.DUE_DATE_IN_DANGER.subject),
        (operator, MailKind.OPERATOR_REMINDER.subject),
        (supervisor, MailKind.OPERATOR_ESCALATION.subject),
        (CUSTOMER, MailKind.DELAY.subject),
    )

    play.scene("Five business days later the application expires: thawed, still shared, nothing issued, everybody told")
    await play.until_end_of(1, calendar.business_days_after(due_date, EXPIRY_DAYS))
    outcome = await play.office(1).result()
    play.expect("the office", outcome.outcome, Outcome.EXPIRED)
    play.expect("contract ID", outcome.contract_id, None)
    play.expect("the registry is as before", await holds(play, TOKEN), before)
    await play.mails((CUSTOMER, MailKind.EXPIRED.subject), (CUSTOMER, MailKind.FINISHED.subject))
