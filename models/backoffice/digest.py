"""What an operator is mailed every morning: how many cases each list has, and which of them wait for them."""

from collections.abc import Iterator
from datetime import date

from models.backoffice.worklist import WEEK, WorkList, WorklistFilter
from models.common.message import Message

DIGEST_SUBJECT = "〔担当者〕朝のお知らせ"
_DUE_SOON = f"{WEEK} 日以内に期限"


def digest_lists(operator: str, *, supervisor: bool) -> Iterator[tuple[str, WorklistFilter]]:
    """Yield what is counted, with its name, what waits for an operator first.

    A supervisor's are everybody's cases, an operator's their own and those that nobody has.
    """
    own = {} if supervisor else {"who": operator}
    yield WorkList.TURN.label, WorklistFilter.read({"show": WorkList.TURN, **own})
    yield WorkList.UNASSIGNED.label, WorklistFilter(show=WorkList.UNASSIGNED)
    yield _DUE_SOON, WorklistFilter.read({"show": WorkList.ALL, "within": WEEK, **own})
    for each in (WorkList.OVERDUE, WorkList.FAILING, WorkList.ON_HOLD, WorkList.APPROVAL, WorkList.UNDELIVERED):
        yield each.label, WorklistFilter.read({"show": each, **own})


class DigestDay(Message):
    """The day in Japan that digests are of."""

    day: date


class Recipients(Message):
    """The handles of who gets a digest; nobody on a day on which the company does not work."""

    operators: tuple[str, ...]


class SendDigest(Message):
    """One operator's digest of one day."""

    day: date
    operator: str
    """By their handle."""


class DigestsSent(Message):
    """Who got a digest, and who could not be sent one, by their handles."""

    day: date
    operators: tuple[str, ...]
    missed: tuple[str, ...] = ()
