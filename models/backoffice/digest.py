"""What an operator is mailed every morning: how long each queue is, and which cases wait for them."""

from datetime import date

from models.common.message import Message

DIGEST_SUBJECT = "〔担当者〕朝のお知らせ"


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
