"""What must be true of a completion notice: it is about one office alone (Y18), and smart import waits for it (Y12)."""

from collections.abc import Sequence
from datetime import date, timedelta
from email.message import EmailMessage

from models.common.calendar import day_in_japan
from models.yayoi.mails import NOTICE_SUBJECT
from workers.demo.play import Play
from workers.demo.records import actions, applied_at
from workers.stack.inbox import text_of

FROZEN, NOTIFIED, THAWED = (
    "スマート取引取込を凍結した",
    f"メールを送信した：{NOTICE_SUBJECT}",
    "スマート取引取込の凍結を解除した",
)
"""What the audit trail calls these steps."""
_AT_ONCE = timedelta(minutes=5)
"""By a case's own clock: a slow machine takes its time, a procedure that waits for somebody takes days."""


def says(play: Play, notice: EmailMessage, own: Sequence[str], *, but_not: Sequence[str]) -> None:
    """Check that a notice names all that its office needs, and nothing of another one."""
    text = text_of(notice)
    play.expect("missing in the notice", [words for words in own if words not in text], [])
    play.expect("of the other office in it", [words for words in but_not if words in text], [])


async def frozen_until_the_notice(play: Play, number: int) -> tuple[date, date]:
    """Check that an office was frozen no shorter and no longer, and return the first and the last day."""
    at = dict(await actions(play, number))
    play.expect("frozen as soon as the form was in", at[FROZEN] - await applied_at(play) < _AT_ONCE, True)
    play.expect("thawed with the notice, not before", timedelta(0) <= at[THAWED] - at[NOTIFIED] < _AT_ONCE, True)
    return day_in_japan(at[FROZEN]), day_in_japan(at[THAWED])
