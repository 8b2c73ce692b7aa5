"""Rate limits: how often somebody may try, counted in Postgres for all web processes together.

What is counted is who tries and from where: a client, and a client with the account that it tries. Nobody fills a limit
for somebody else on another line. Guesses at an account's secret have one more count, for all unknown devices together
(`web.common.auth.guesses`). A form with a mistake of format is counted nowhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import delete, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from starlette.requests import Request

from models.common.calendar import utc_now
from models.common.secret_keys import SecretKeys
from models.common.store.sessions import DatabaseSessions
from models.tables import RateCountRow
from web.common.problems import ProblemError

_IPV6_HOME = 64
"""Bits of an IPv6 address that one customer's line has in common."""
_IN_MINUTES = timedelta(minutes=90)
"""Up to here a wait is said in minutes, beyond it in hours."""


@dataclass(frozen=True)
class _Allowed:
    name: str
    most: int
    window: timedelta


class Limit(Enum):
    """What is limited: how many times within how long. Two of one name have one count, with a most of their own."""

    GUESSES_FROM = _Allowed("guesses-from", 50, timedelta(minutes=15))
    """Wrong ones, per kind of secret and client: an office full of people may share one."""
    GUESSES = _Allowed("guesses", 10, timedelta(minutes=15))
    """Wrong ones, per account and client, or per account and known device."""
    GUESSES_OF_STRANGERS = _Allowed("guesses-of-strangers", 100, timedelta(days=1))
    """Wrong ones, per account, of all devices that are not known for it: nobody guesses without end from many lines."""
    CODE_FROM = _Allowed("code-from", 60, timedelta(hours=1))
    """Wrong ones, per client: codes and words typed from mails, whatever they are for."""
    REGISTRATION_FROM = _Allowed("registration-from", 30, timedelta(hours=1))
    """Per client, since the answer discloses whether a mail address is registered."""
    MAIL_FROM = _Allowed("mail-from", 30, timedelta(hours=1))
    """Per client: mails to addresses that nobody has shown to be theirs, beside what each address takes."""
    MAIL = _Allowed("mail", 6, timedelta(hours=1))
    """Per client and mail address: mails with a code or a link that anybody can ask for."""
    REGISTRATION_MAIL_DAILY = _Allowed("registration-mail-daily", 15, timedelta(days=1))
    """Per mail address, of all unknown devices: nobody's inbox is filled, and with few tries for each nobody guesses a
    code."""
    DRAFT_MAIL_DAILY = _Allowed("draft-mail-daily", 15, timedelta(days=1))
    """Per mail address, of all unknown devices: mails with the link to a plan or a half-filled form."""
    PASSWORD_MAIL_DAILY = _Allowed("password-mail-daily", 15, timedelta(days=1))
    """Per Yayoi ID, of all clients: mails with which a new password is set; who comes later that day uses one of them.
    """
    PASSWORD_MAIL_AGAIN_DAILY = _Allowed("password-mail-daily", 9, timedelta(days=1))
    """How many of these may be second mails of a request: the others' links live until the day is over."""
    SUBMISSION = _Allowed("submission", 60, timedelta(hours=1))
    """Per client: forms sent."""
    DRAFT_FROM = _Allowed("draft-from", 120, timedelta(hours=1))
    """Per client: plans and half-filled forms kept."""
    NEW_PASSWORD = _Allowed("new-password", 3, timedelta(hours=1))
    """Per client and account of MYICS that it asks for, whether or not it exists."""
    NEW_PASSWORD_DAILY = _Allowed("new-password-daily", 6, timedelta(days=1))
    """Per account of MYICS, of all clients: mails with a link. Whoever comes later today uses the newest of them."""
    NEW_PASSWORD_FROM = _Allowed("new-password-from", 30, timedelta(hours=1))
    """Per client."""
    REFUSED_FROM = _Allowed("refused-from", 600, timedelta(hours=1))
    """Per client: what other systems sent and was refused, since a refusal may disclose what exists."""
    KEPT_FORMS_FROM = _Allowed("kept-forms-from", 600, timedelta(hours=1))
    """Per client: forms that were kept for their page, so that nobody fills the database."""
    CASE_LINK = _Allowed("case-link", 6, timedelta(hours=1))
    """Per case: requests for a fresh link, of which one an hour is mailed."""
    INVITATION = _Allowed("invitation", 30, timedelta(hours=1))
    """Per administrator: invitations mailed."""


Try = tuple[Limit, str]
"""One thing that is tried, and by whom or at what."""


@dataclass(frozen=True)
class Counted:
    """Tries that were counted, so that they can be taken back."""

    rows: tuple[tuple[str, datetime], ...]


class Limits:
    """Counts tries in fixed windows."""

    def __init__(
        self,
        sessions: DatabaseSessions,
        secret_keys: SecretKeys,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._sessions = sessions
        self._secret_keys = secret_keys
        self._now = now

    async def count(self, *tries: Try, instead: str = "") -> Counted:
        """Count each of these tries, or none of them.

        Raises `ProblemError` (429) with the time to wait, and what can be done `instead`, once there were too many.
        """
        now = self._now()
        counted = sorted((self._key(limit, of), *_window(limit, now), limit.value.most) for limit, of in tries)
        async with self._sessions.begin() as session:
            for key, window_start, ends_at, most in counted:
                row = insert(RateCountRow).values(key=key, window_start=window_start, ends_at=ends_at, count=1)
                count = await session.scalar(
                    row.on_conflict_do_update(
                        index_elements=[RateCountRow.key, RateCountRow.window_start],
                        set_={"count": RateCountRow.count + 1},
                    ).returning(RateCountRow.count)
                )
                if (count or 0) > most:
                    raise _too_many(max(ends_at - now, timedelta(seconds=1)), instead)
        return Counted(tuple((key, window_start) for key, window_start, _, _ in counted))

    async def count_kept_forms(self, request: Request) -> None:
        """Count a form that is kept for its page. Raises as `count`."""
        await self.count((Limit.KEPT_FORMS_FROM, client_address(request)))

    async def take_back(self, counted: Counted) -> None:
        """Let tries that were right not count."""
        rows = tuple_(RateCountRow.key, RateCountRow.window_start).in_(counted.rows)
        async with self._sessions.begin() as session:
            await session.execute(update(RateCountRow).where(rows).values(count=RateCountRow.count - 1))

    async def clear(self, limit: Limit, of: str) -> None:
        """Begin a count anew."""
        async with self._sessions.begin() as session:
            await session.execute(delete(RateCountRow).where(RateCountRow.key == self._key(limit, of)))

    async def forget(self) -> None:
        """Delete the counts of windows that are over."""
        async with self._sessions.begin() as session:
            await session.execute(delete(RateCountRow).where(RateCountRow.ends_at < self._now()))

    def _key(self, limit: Limit, of: str) -> str:
        """Keep neither mail nor client addresses."""
        return self._secret_keys.digest(f"rate limit:{limit.value.name}:{of}").hex()


def _window(limit: Limit, now: datetime) -> tuple[datetime, datetime]:
    """Return when the window of this moment begins and ends."""
    length = limit.value.window.total_seconds()
    begins_at = datetime.fromtimestamp(now.timestamp() // length * length, UTC)
    return begins_at, begins_at + limit.value.window


def _too_many(wait: timedelta, instead: str) -> ProblemError:
    unit, name = (timedelta(minutes=1), "分") if wait <= _IN_MINUTES else (timedelta(hours=1), "時間")
    return ProblemError(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"短い時間に操作が繰り返されたため、受け付けを止めています。{-(-wait // unit)} {name}ほどたってから、"
        f"もう一度お試しください。{instead}",
        headers={"Retry-After": str(int(wait.total_seconds()))},
    )


def client_address(request: Request) -> str:
    """Return who asks, as limits count them: an IPv4 address, or the network of an IPv6 one."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(ip_network((address, _IPV6_HOME), strict=False)) if isinstance(address, IPv6Address) else host
