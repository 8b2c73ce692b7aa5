"""A mailed code at its one stage and each end, around three copies of the stores."""

import asyncio
from collections.abc import Mapping
from uuid import UUID, uuid4

from models.backoffice.restored_cases import Verdict
from models.common.calendar import utc_now
from models.common.store.sessions import DatabaseSessions
from models.tables import AddressCheckRow
from models.yayoi.address_checks import (
    CheckOperation,
    CheckOutcome,
    CheckPurpose,
    CheckStage,
    case_no,
    check_workflow_id,
)
from models.yayoi.identifiers import YayoiId
from models.yayoi.store.address_check_effects import register
from models.yayoi.store.address_checks import AddressChecks, NewCheck
from tests.support.restore_stories import NOTHING, NOWHERE, Place, Story, becomes, passes, stays
from tests.support.signing import SATO
from web.common.operation_sender import Done
from workers import database, temporal
from workers.settings import Settings
from workers.wiring.derived import secret_keys
from workers.wiring.operations import operations_by_operators

GOES_ON, DECIDE, UNDONE = Verdict.CONTINUED, Verdict.TO_DECIDE, Verdict.UNDONE
CODE: Place = (CheckStage.CODE, None)
FINISHED, EXPIRED, CANCELLED = ((CheckStage.CLOSED, outcome) for outcome in CheckOutcome)
PLACES: set[Place] = {CODE, *((CheckStage.CLOSED, outcome) for outcome in CheckOutcome)}
"""Where a check can rest, and how it can have ended."""


class Check:
    """Somebody who registers a Yayoi ID, by number."""

    def __init__(self, number: int) -> None:
        self.yayoi_id = YayoiId(f"new-{number}@many.example.jp")
        self.check_id: UUID | None = None

    @property
    def workflow_id(self) -> str:
        return check_workflow_id(CheckPurpose.REGISTRATION, self.check_id) if self.check_id else ""

    @property
    def case_no(self) -> str:
        return case_no(self._id)

    async def begin(self, settings: Settings) -> None:
        """Begin it, and wait until its procedure has been started."""
        new = NewCheck(CheckPurpose.REGISTRATION, self.yayoi_id, "多数", "太郎", "not a hash", news_by_mail=False)
        async with database.opened(settings) as sessions:
            self.check_id = await self._checks(settings, sessions).begin(new, str(uuid4()), "")
            while not await self._is_started(sessions):  # noqa: ASYNC110 a row of another process
                await asyncio.sleep(0.2)

    async def finish(self, settings: Settings) -> None:
        async with database.opened(settings) as sessions:
            checks = self._checks(settings, sessions)
            assert await checks.finish(CheckPurpose.REGISTRATION, self._id, register) is None

    async def end(self, settings: Settings) -> None:
        """Have an operator end it."""
        async with temporal.opened(settings) as client, database.opened(settings) as sessions:
            operations = operations_by_operators(settings, client, sessions)
            reason = {"reason": "お電話"}
            outcome = await operations.send(self.workflow_id, CheckOperation.END, reason, SATO, str(uuid4()))
        assert isinstance(outcome, Done), outcome

    @property
    def _id(self) -> UUID:
        assert self.check_id is not None
        return self.check_id

    async def _is_started(self, sessions: DatabaseSessions) -> bool:
        async with sessions() as session:
            return (await session.get_one(AddressCheckRow, self._id)).notified_at is not None

    @staticmethod
    def _checks(settings: Settings, sessions: DatabaseSessions) -> AddressChecks:
        # Nobody is woken: the web's own reconciler looks for what was stored.
        return AddressChecks(sessions, secret_keys(settings), lambda: None, utc_now)


async def begins(check: Check, settings: Settings) -> None:
    await check.begin(settings)


async def finishes(check: Check, settings: Settings) -> None:
    await check.finish(settings)


async def is_ended(check: Check, settings: Settings) -> None:
    await check.end(settings)


expires = passes(2)
CHECK_STORIES: Mapping[str, Story[Check]] = {
    "code": Story(
        (stays, begins, finishes),
        (NOWHERE, CODE, FINISHED),
        becomes((UNDONE, NOWHERE), (GOES_ON, CODE), (GOES_ON, FINISHED)),
    ),
    "code later": Story(
        (stays, stays, begins),
        (NOWHERE, NOWHERE, CODE),
        becomes((NOTHING, NOWHERE), (NOTHING, NOWHERE), (GOES_ON, CODE)),
    ),
    "finished": Story(
        (begins, finishes, stays),
        (CODE, FINISHED, FINISHED),
        becomes((DECIDE, CODE), (NOTHING, FINISHED), (NOTHING, FINISHED)),
    ),
    "expired": Story(
        (begins, expires, stays),
        (CODE, EXPIRED, EXPIRED),
        becomes((DECIDE, EXPIRED), (NOTHING, EXPIRED), (NOTHING, EXPIRED)),
    ),
    "expired later": Story(
        (begins, stays, expires),
        (CODE, CODE, EXPIRED),
        becomes((GOES_ON, CODE), (GOES_ON, CODE), (GOES_ON, EXPIRED)),
    ),
    "cancelled": Story(
        (begins, is_ended, stays),
        (CODE, CANCELLED, CANCELLED),
        becomes((DECIDE, CANCELLED), (NOTHING, CANCELLED), (NOTHING, CANCELLED)),
    ),
    "cancelled later": Story(
        (begins, stays, is_ended),
        (CODE, CODE, CANCELLED),
        becomes((GOES_ON, CODE), (GOES_ON, CODE), (GOES_ON, CANCELLED)),
    ),
}
