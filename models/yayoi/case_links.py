"""Applicants' links to a case: pages that nobody else can find.

A link to the whole case is the applicant's; one to a single office goes to that pair's own Yayoi ID and shows no other
pair. Both hold the last day on which they open, and how many of the kind came before: with a newer one the older ends.
"""

import hashlib
from datetime import date, timedelta
from enum import Enum
from urllib.parse import urlencode

from itsdangerous import Signer

from models.common.secret_keys import SecretKeys
from models.common.security_log import SecurityEvent, security_event
from models.yayoi.deadlines import CASE_LINK_DAYS, MAILED_CASE_LINK_DAYS
from models.yayoi.identifiers import ApplicationNo


class Opening(Enum):
    """What a link does."""

    OPEN = "open"
    EXPIRED = "expired"
    """It was genuine, and its last day has passed: a fresh one can be mailed to the registered address."""
    ENDED = "ended"
    """It was genuine, and was ended by somebody who held it, or by an operator."""
    FORGED = "forged"


def link_expiry(due_date: date, sent_on: date | None = None) -> date:
    """Return the last day of a case's links: always the same, so that a resend is answered alike.

    A link in a mail that was sent late opens for `MAILED_CASE_LINK_DAYS` at least.
    """
    usual = due_date + timedelta(days=CASE_LINK_DAYS)
    return max(usual, sent_on + timedelta(days=MAILED_CASE_LINK_DAYS)) if sent_on else usual


def case_path(
    keys: SecretKeys,
    application_no: ApplicationNo | str,
    until: date,
    office_no: int | None = None,
    *,
    link_no: int = 1,
) -> str:
    """Path and query of the case page, or of the page of one office; it opens until the end of `until`, in Japan.

    `link_no`: the number of the link that opens it now, from 1, as the row of the application, or of the pair, has it.
    """
    place = f"/applications/{application_no}" + (f"/offices/{office_no}" if office_no else "")
    return f"{place}?{key_of(keys, application_no, until, office_no, link_no=link_no)}"


def key_of(
    keys: SecretKeys,
    application_no: ApplicationNo | str,
    until: date,
    office_no: int | None = None,
    *,
    link_no: int = 1,
) -> str:
    """The query that opens a case's pages."""
    signed = _signed(application_no, until.isoformat(), office_no, link_no)
    return urlencode({"until": until.isoformat(), "key": f"{link_no}.{_signer(keys).get_signature(signed).decode()}"})


def case_link(
    public_url: str,
    keys: SecretKeys,
    application_no: ApplicationNo | str,
    until: date,
    office_no: int | None = None,
    *,
    link_no: int = 1,
) -> str:
    """The whole link, for mails and for other systems."""
    return public_url.rstrip("/") + case_path(keys, application_no, until, office_no, link_no=link_no)


def calendar_address(case_address: str) -> str:
    """Return where the calendar file is of the case, or the office, that this path or link opens."""
    return case_address.replace("/applications/", "/calendars/", 1)


def opening(
    keys: SecretKeys, application_no: str, until: str, key: str, *, today: date, office_no: int | None = None
) -> Opening:
    """Return what a link with this `until` and `key` does on a day in Japan, whether or not there is such a case.

    Whether it was ended, only the row of the case knows: see `number_of`.
    """
    number, _, signature = key.partition(".")
    readable = until.isascii() and key.isascii() and number.isdecimal()
    if not readable or not _signer(keys).verify_signature(_signed(application_no, until, office_no, number), signature):
        security_event(SecurityEvent.FORGED_LINK, "refused", kind="case")
        return Opening.FORGED
    return Opening.OPEN if today <= date.fromisoformat(until) else Opening.EXPIRED


def number_of(key: str) -> int:
    """Return the number of a link that was found genuine."""
    return int(key.partition(".")[0])


def _signed(application_no: str, until: str, office_no: int | None, link_no: int | str) -> str:
    return f"{application_no}/{office_no or '-'}/{until}/{link_no}"


def _signer(keys: SecretKeys) -> Signer:
    return Signer(keys.oldest_first, salt="case page", digest_method=hashlib.sha256)
