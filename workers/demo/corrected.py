"""The story of 金子 翔, whose Yayoi ID was not registered: corrected by an operator, then as every other (Y2)."""

from models.tables import YayoiIdRow
from models.yayoi.identifiers import OfficeToken
from models.yayoi.mails import NOTICE_SUBJECT, MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import SetUpStep, Stage
from workers.demo.opening import OPERATOR, issued, one_office_form
from workers.demo.play import Play

CUSTOMER = "info@kaneko.example.co.jp"
UNREGISTERED, REGISTERED = "office-2@kaneko.example.co.jp", "office-3@kaneko.example.co.jp"
TOKEN = OfficeToken("b6000009-0000-4000-8000-000000000002")


async def corrected(play: Play) -> None:
    """Raise `DifferenceError` at the first thing that differs."""
    play.scene("金子 翔 applies with a Yayoi ID that is not registered: nothing is touched, a correction is asked for")
    await play.submit(one_office_form(("金子", "翔"), "6000009", UNREGISTERED, TOKEN))
    await play.rest(1, Stage.CORRECTION)
    await play.mails((CUSTOMER, MailKind.RECEIPT.subject), (CUSTOMER, MailKind.CORRECTION_NEEDED.subject))

    play.scene("He registers another address and says so on the phone; the operator corrects the pair in the Web UI")
    async with play.sessions.begin() as session:
        session.add(YayoiIdRow(yayoi_id=REGISTERED, family_name="金子", given_name="翔"))
    await play.act(1, Action.CORRECT_PAIR, by=OPERATOR, reason="お電話", yayoi_id=REGISTERED)
    await play.rest(1, Stage.SET_UP)
    await play.mails((REGISTERED, NOTICE_SUBJECT))
    play.expect("the ID is for the corrected address", (await issued(play)).yayoi_id, REGISTERED)
    for step in SetUpStep:
        await play.act(1, Action.REPORT_SET_UP_STEP, by=OPERATOR, reason="お電話", step=step)
    play.expect("the office", (await play.office(1).result()).outcome, Outcome.COMPLETED)
    await play.mails((CUSTOMER, MailKind.FINISHED.subject))
