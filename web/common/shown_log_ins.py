"""The log-ins of one account, as the page that lists them shows each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from models.common.calendar import JST
from web.common.auth.sessions import Row, Sessions

_FORM = "%Y-%m-%d %H:%M"


@dataclass(frozen=True)
class ShownLogIn:
    """One of them; times as they are in Japan."""

    began: str
    last_seen: str
    browser: str
    is_this: bool


async def shown_log_ins(request: Request, sessions: Sessions[Row], **whose: Any) -> Sequence[ShownLogIn]:
    """Return them, the newest first. `whose`: the sessions' own column."""
    return [
        ShownLogIn(
            began=f"{row.created_at.astimezone(JST):{_FORM}}",
            last_seen=f"{row.seen_at.astimezone(JST):{_FORM}}",
            browser=row.browser,
            is_this=sessions.is_this(request, row),
        )
        for row in await sessions.listed(**whose)
    ]
