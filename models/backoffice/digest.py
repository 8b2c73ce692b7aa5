"""What an operator is mailed every morning: how long each queue is, and which cases wait for them."""

from datetime import date

from models.common.message import Message

DIGEST_SUBJECT = "〔担当者〕朝のお知らせ"


class DigestDay(Message):
    """The day in Japan that digests are of."""

    day: date


class Recipients(Message):
    """The operators who get a digest; none on a day on which the company does not work."""

    names: tuple[str, ...]


class SendDigest(Message):
    """One operator's digest of one day."""

    day: date
    operator: str


class DigestsSent(Message):
    """Who got a digest, and who could not be sent one."""

    day: date
    names: tuple[str, ...]
    missed: tuple[str, ...] = ()
