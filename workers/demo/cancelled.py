"""The story of 赤井 美咲, who changes her mind after STEP5: cancelled with a supervisor, the ID revoked (Y27)."""

from models.yayoi.identifiers import OfficeToken
from models.yayoi.mails import NOTICE_SUBJECT, MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Stage
from workers.demo.opening import OPERATOR, SUPERVISOR, holds, issued, one_office_form
from workers.demo.play import Play

CUSTOMER = "info@akai.example.co.jp"
YAYOI_ID, TOKEN = "office-2@akai.example.co.jp", OfficeToken("b6000005-0000-4000-8000-000000000002")


async def cancelled(play: Play) -> None:
    """Raise `DifferenceError` at the first thing that differs."""
    play.scene("赤井 美咲's office has links of every kind; she gets her notice and does STEP5")
    before = await holds(play, TOKEN)
    await play.submit(one_office_form(("赤井", "美咲"), "6000005", YAYOI_ID, TOKEN))
    await play.rest(1, Stage.SET_UP)
    await play.mails((CUSTOMER, MailKind.RECEIPT.subject), (YAYOI_ID, NOTICE_SUBJECT))
    contract_id = (await issued(play)).contract_id
    await play.report("support_password_set", contract_id=contract_id, yayoi_id=YAYOI_ID)
    play.expect("she is managed by the new ID, without links", await holds(play, TOKEN), (contract_id, None, []))

    play.scene("She changes her mind: the operator alone may no longer cancel, with a supervisor it is all undone")
    wish = {"by": OPERATOR, "reason": "お客様のご希望"}
    play.tell(await play.refused(1, Action.CANCEL, **wish))
    await play.act(1, Action.CANCEL, **wish, supervisor=SUPERVISOR)
    play.expect("the office", (await play.office(1).result()).outcome, Outcome.CANCELLED)
    play.expect("the ID is revoked", (await issued(play)).revoked_at is not None, True)
    play.expect("the registry is as before", await holds(play, TOKEN), before)
    # Who reads the mails of the new ID would go on with it: they are told too.
    await play.mails(
        (CUSTOMER, MailKind.CANCELLED.subject),
        (YAYOI_ID, MailKind.CANCELLED.subject),
        (CUSTOMER, MailKind.FINISHED.subject),
    )
