"""Rate limits: how often somebody may try, counted in Postgres for all web processes together."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from starlette.requests import Request

from models.common.calendar import utc_now
from models.common.store.sessions import DatabaseSessions
from models.tables import RateCountRow
from web.common.problems import ProblemError

_IPV6_HOME = 64
"""Bits of an IPv6 address that one customer's line has in common."""


@dataclass(frozen=True)
class _Allowed:
    name: str
    most: int
    window: timedelta


class Limit(Enum):
    """What is limited: how many times within how long."""

    SIGN_IN = _Allowed("sign-in", 10, timedelta(minutes=15))
    """Per account."""
    SIGN_IN_FROM = _Allowed("sign-in-from", 50, timedelta(minutes=15))
    """Per client address: an office full of people may share one."""
    REGISTRATION_FROM = _Allowed("registration-from", 30, timedelta(hours=1))
    """Per client address, since the answer tells whether a mail address is registered."""
    CODE_MAIL = _Allowed("code-mail", 6, timedelta(hours=1))
    """Per mail address: nobody's inbox is filled."""
    CODE_MAIL_DAILY = _Allowed("code-mail-daily", 15, timedelta(days=1))
    """Per mail address: with few tries for each, nobody guesses a code in a year."""
    CODE_FROM = _Allowed("code-from", 60, timedelta(hours=1))
    """Per client address: codes typed, whatever they are for."""
    SUBMISSION = _Allowed("submission", 60, timedelta(hours=1))
    """Per client address: forms sent."""
    DRAFT_FROM = _Allowed("draft-from", 120, timedelta(hours=1))
    """Per client address: plans and half-filled forms kept."""
    MAIL_FROM = _Allowed("mail-from", 30, timedelta(hours=1))
    """Per client address: mails to addresses that nobody has shown to be theirs, beside what each address takes."""
    SUPPORT_PASSWORD = _Allowed("support-password", 10, timedelta(minutes=15))
    """Per contract ID: whether an address goes with it, and later its password."""
    SUPPORT_PASSWORD_FROM = _Allowed("support-password-from", 50, timedelta(minutes=15))
    """Per client address."""
    NEW_PASSWORD = _Allowed("new-password", 3, timedelta(hours=1))
    """Per account asked for, whether or not it exists: nobody's inbox is filled."""
    NEW_PASSWORD_DAILY = _Allowed("new-password-daily", 6, timedelta(days=1))
    """Per account, as above."""
    NEW_PASSWORD_FROM = _Allowed("new-password-from", 30, timedelta(hours=1))
    """Per client address."""
    REFUSED_FROM = _Allowed("refused-from", 600, timedelta(hours=1))
    """Per client address: what other systems sent and was refused, since a refusal may tell what exists."""
    KEPT_FORMS_FROM = _Allowed("kept-forms-from", 600, timedelta(hours=1))
    """Per client address: forms that were kept for their page, so that nobody fills the database."""
    INVITATION = _Allowed("invitation", 30, timedelta(hours=1))
    """Per administrator: invitations mailed."""


class Limits:
    """Counts tries in fixed windows."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        secret_key: str,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions = sessions
        self._secret_key = secret_key.encode()
        self._now = now

    async def count(self, limit: Limit, key: str) -> None:
        """Count one try. Raises `ProblemError` (429) with the time to wait once there were too many."""
        allowed, now = limit.value, self._now()
        window_start = datetime.fromtimestamp(
            now.timestamp() // (length := allowed.window.total_seconds()) * length, UTC
        )
        ends_at = window_start + allowed.window
        counted = insert(RateCountRow).values(
            key=self._key(allowed.name, key), window_start=window_start, ends_at=ends_at, count=1
        )
        async with self._sessions.begin() as session:
            count = await session.scalar(
                counted.on_conflict_do_update(
                    index_elements=[RateCountRow.key, RateCountRow.window_start],
                    set_={"count": RateCountRow.count + 1},
                ).returning(RateCountRow.count)
            )
        if (count or 0) > allowed.most:
            wait = max(ends_at - now, timedelta(seconds=1))
            minutes = -(-int(wait.total_seconds()) // 60)
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"短い時間に操作が繰り返されたため、受け付けを止めています。{minutes} 分ほどたってから、"
                "もう一度お試しください。",
                headers={"Retry-After": str(int(wait.total_seconds()))},
            )

    async def forget(self) -> None:
        """Delete the counts of windows that are over."""
        async with self._sessions.begin() as session:
            await session.execute(delete(RateCountRow).where(RateCountRow.ends_at < self._now()))

    def _key(self, name: str, key: str) -> str:
        """Keep neither mail nor client addresses."""
        return hmac.new(self._secret_key, f"rate limit:{name}:{key}".encode(), hashlib.sha256).hexdigest()


def client_address(request: Request) -> str:
    """Return who asks, as limits count them: an IPv4 address, or the network of an IPv6 one."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(ip_network((address, _IPV6_HOME), strict=False)) if isinstance(address, IPv6Address) else host
