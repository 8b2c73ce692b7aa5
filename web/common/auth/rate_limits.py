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
from ipaddress import IPv6Network, ip_network

from sqlalchemy import delete, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from starlette.requests import Request

from models.common.calendar import utc_now
from models.common.secret_keys import SecretKeys
from models.common.security_log import SecurityEvent, security_event
from models.common.store.sessions import DatabaseSessions
from models.common.web_addresses import client_spelled
from models.tables import RateCountRow
from web.common.problems import ProblemError

_IPV6_HOME = 64
"""Bits of an IPv6 address that one customer's line has in common."""
_IN_MINUTES = timedelta(minutes=90)
"""Up to here a wait is said in minutes, beyond it in hours."""


@dataclass(frozen=True)
class Allowed:
    """At most so many within a window; `name` is that of the count."""

    name: str
    most: int
    window: timedelta


class Limit(Enum):
    """What is limited: how many times within how long. Two of one name have one count, with a most of their own.

    Each package limits what it offers; what all share is a `SharedLimit`.
    """

    value: Allowed


class SharedLimit(Limit):
    """What is limited in the same way whoever's pages are tried."""

    GUESSES_FROM = Allowed("guesses-from", 50, timedelta(minutes=15))
    """Wrong ones, per kind of secret and client: an office full of people may share one."""
    GUESSES = Allowed("guesses", 10, timedelta(minutes=15))
    """Wrong ones, per account and client, or per account and known device."""
    GUESSES_OF_STRANGERS = Allowed("guesses-of-strangers", 100, timedelta(days=1))
    """Wrong ones, per account, of all devices that are not known for it: nobody guesses without end from many lines."""
    CODE_FROM = Allowed("code-from", 60, timedelta(hours=1))
    """Wrong ones, per client: codes and words typed from mails, whatever they are for."""
    MAIL_FROM = Allowed("mail-from", 30, timedelta(hours=1))
    """Per client: mails to addresses that nobody has shown to be theirs, beside what each address takes."""
    MAIL = Allowed("mail", 6, timedelta(hours=1))
    """Per client and mail address: mails with a code or a link that anybody can ask for."""
    REFUSED_FROM = Allowed("refused-from", 600, timedelta(hours=1))
    """Per client: what other systems sent and was refused, since a refusal may disclose what exists."""
    SUBMISSION = Allowed("submission", 60, timedelta(hours=1))
    """Per client: forms sent."""
    INVITATION = Allowed("invitation", 30, timedelta(hours=1))
    """Per administrator: invitations mailed."""
    KEPT_FORMS_FROM = Allowed("kept-forms-from", 600, timedelta(hours=1))
    """Per client: forms that were kept for their page, so that nobody fills the database."""


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
        counted = sorted((self._key(limit, of), *_window(limit, now), *_bounds(limit)) for limit, of in tries)
        async with self._sessions.begin() as session:
            for key, window_start, ends_at, most, name in counted:
                row = insert(RateCountRow).values(key=key, window_start=window_start, ends_at=ends_at, count=1)
                count = await session.scalar(
                    row.on_conflict_do_update(
                        index_elements=[RateCountRow.key, RateCountRow.window_start],
                        set_={"count": RateCountRow.count + 1},
                    ).returning(RateCountRow.count)
                )
                if (count or 0) > most:
                    security_event(SecurityEvent.LIMITED, "refused", limit=name)
                    raise _too_many(max(ends_at - now, timedelta(seconds=1)), instead)
        return Counted(tuple((key, window_start) for key, window_start, *_ in counted))

    async def count_kept_forms(self, request: Request) -> None:
        """Count a form that is kept for its page. Raises as `count`."""
        await self.count((SharedLimit.KEPT_FORMS_FROM, client_address(request)))

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


def _bounds(limit: Limit) -> tuple[int, str]:
    """Return how many there may be, and what the count is called."""
    return limit.value.most, limit.value.name


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
    host = client_spelled(request.client.host if request.client else "")
    try:
        network = ip_network((host, _IPV6_HOME), strict=False)
    except ValueError:  # no IPv6 address
        return host
    return str(network) if isinstance(network, IPv6Network) else host
