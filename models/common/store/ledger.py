"""How a step takes effect once: effect, ledger row and audit row commit in one transaction."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self, TypeVar

from pydantic import BaseModel
from sqlalchemy import ColumnElement, SQLColumnExpression, func, select
from sqlalchemy.dialects.postgresql import insert

from models.common.identifiers import ledger_key
from models.common.message import Message
from models.common.store.audit import audit
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import LedgerRow

Result = TypeVar("Result", bound=BaseModel)

SYSTEM = "system"
"""Who acts when no person does."""


@dataclass(frozen=True)
class StepTransaction:
    """One transaction of one step.

    A registry behind a network ignores `session` and hands `key` on as its idempotency key
    (`activities.yayoi.registry.protocols`); the key is empty where a registry is only read.
    """

    session: DatabaseSession
    key: str
    application_no: str
    office_no: int | None
    at: datetime

    @property
    def pair(self) -> str:
        """The pair as registry rows name it, such as `YS-000123:1`."""
        return f"{self.application_no}:{self.office_no}"

    @classmethod
    def to_read(
        cls, session: DatabaseSession, at: datetime, application_no: str = "", office_no: int | None = None
    ) -> Self:
        """Return one that only reads, for a pair, an application or no case at all."""
        return cls(session, "", application_no, office_no, at)

    def audit(self, action: str, *, by: str = SYSTEM, reason: str = "", **facts: Any) -> None:
        number, office_no = self.application_no, self.office_no
        audit(self.session, number, action, by=by, at=self.at, office_no=office_no, reason=reason, **facts)


class StepInput(Protocol):
    """What is done for a case, for one of its offices or (None) for all.

    Cases of other procedures give their own number as `application_no`.
    """

    @property
    def application_no(self) -> str: ...

    @property
    def office_no(self) -> int | None: ...

    @property
    def at(self) -> datetime: ...


class NoResult(Message):
    """The result of a step that returns nothing else."""


Effect = Callable[[StepTransaction], Awaitable[Result]]


def key_of(
    application_no: SQLColumnExpression[str], office_no: SQLColumnExpression[int], step: str
) -> ColumnElement[str]:
    """Return `ledger_key`, of a row's columns."""
    return func.concat_ws(":", application_no, office_no, step)


async def once(
    session: DatabaseSession, step: StepInput, name: str, result: type[Result], effect: Effect[Result]
) -> Result:
    """Run `effect` in the session's transaction with its ledger row, or return what it returned before.

    Two at the same time: the second waits for the first one's commit at the ledger's key, then reads its result.
    """
    key = ledger_key(step.application_no, step.office_no, name)
    inserted = insert(LedgerRow).values(key=key, result={}).on_conflict_do_nothing().returning(LedgerRow.key)
    if await session.scalar(inserted) is None:
        stored = await session.scalar(select(LedgerRow.result).where(LedgerRow.key == key))
        return result.model_validate(stored)
    done = await effect(StepTransaction(session, key, step.application_no, step.office_no, step.at))
    row = await session.get_one(LedgerRow, key)
    row.result = done.model_dump(mode="json")
    return done


class Ledger:
    """Runs each step's effect once, in a transaction of its own; an effect that raises leaves nothing behind."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    async def once(self, step: StepInput, name: str, result: type[Result], effect: Effect[Result]) -> Result:
        """Run `effect`, or return what it returned before."""
        async with self._sessions.begin() as session:
            return await once(session, step, name, result, effect)

    async def record(self, step: StepInput, name: str, action: str, *, by: str, reason: str) -> None:
        """Put what somebody did into the audit trail."""

        async def record(transaction: StepTransaction) -> NoResult:
            transaction.audit(action, by=by, reason=reason)
            return NoResult()

        await self.once(step, name, NoResult, record)
