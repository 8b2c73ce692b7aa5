"""How a step takes effect once: effect, ledger row and audit row commit in one transaction."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self, TypeVar

from pydantic import BaseModel
from sqlalchemy import ColumnElement, SQLColumnExpression, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from models.common.case_status import CaseStatus
from models.common.identifiers import ledger_key
from models.common.message import Message
from models.common.signed_acts import SignedAct
from models.common.store.audit import audit
from models.common.store.case_status import Publish, publish_nothing, supersede_status, write_status
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.common.store.statements import bound
from models.tables import LedgerRow, table_of

Result = TypeVar("Result", bound=BaseModel)

_LEDGER = table_of(LedgerRow)
_TAKE = insert(_LEDGER).values(key=bindparam("step"), result={}).on_conflict_do_nothing().returning(_LEDGER.c.key)
_TAKEN = select(_LEDGER.c.result).where(_LEDGER.c.key == bindparam("step"))
_DONE = update(_LEDGER).where(_LEDGER.c.key == bindparam("step")).values(bound(_LEDGER, "new_", ["result"]))

SYSTEM = "system"
"""Who acts when no person does."""


@dataclass(frozen=True)
class StepTransaction:
    """One transaction of one step.

    A registry behind a network ignores `session` and hands `key`, with the name of what it does, on as its idempotency
    key; the key is empty where a registry is only read.
    """

    session: DatabaseSession
    key: str
    case_no: str
    part: int | None
    at: datetime
    act: SignedAct | None = None
    """The signed operation that the step belongs to."""
    update_id: str | None = None
    """The operation that the step belongs to; None: the procedure takes it by itself."""

    @property
    def pair(self) -> str:
        """The pair as registry rows name it, such as `YS-000123:1`."""
        return pair_name(self.case_no, self.part)

    @classmethod
    def to_read(cls, session: DatabaseSession, at: datetime, case_no: str = "", part: int | None = None) -> Self:
        """Return one that only reads, for a pair, an application or no case at all."""
        return cls(session, "", case_no, part, at)

    def audit(
        self, action: str, *, by: str = SYSTEM, reason: str = "", detail: str = "", rule: str = "", **facts: Any
    ) -> None:
        """Add an entry about the step's case and part. For the parameters see `models/common/store/audit.py`."""
        said: dict[str, Any] = {
            "reason": reason,
            "detail": detail,
            "rule": rule,
            "act": self.act,
            "update_id": self.update_id,
        }
        audit(self.session, self.case_no, action, by=by, at=self.at, part=self.part, **said, **facts)


class StepInput(Protocol):
    """What is done for a case, for one of its offices or (None) for all."""

    @property
    def case_no(self) -> str: ...

    @property
    def part(self) -> int | None: ...

    @property
    def at(self) -> datetime: ...

    @property
    def status(self) -> CaseStatus | None: ...

    @property
    def act(self) -> SignedAct | None: ...

    @property
    def asked_as(self) -> str | None: ...


class NoResult(Message):
    """The result of a step that returns nothing else."""


def pair_name(case_no: str, part: int | None) -> str:
    """Return what registry rows call a part of a case, such as `YS-000123:1`."""
    return f"{case_no}:{part}"


Effect = Callable[[StepTransaction], Awaitable[Result]]


def key_of(case_no: SQLColumnExpression[str], part: SQLColumnExpression[int], step: str) -> ColumnElement[str]:
    """Return `ledger_key`, of a row's columns."""
    return func.concat_ws(":", case_no, part, step)


async def once(
    session: DatabaseSession, step: StepInput, name: str, result: type[Result], effect: Effect[Result]
) -> Result:
    """Run `effect` in the session's transaction with its ledger row, or return what it returned before.

    Two at the same time: the second waits for the first one's commit at the ledger's key, then reads its result.
    """
    key = ledger_key(step.case_no, step.part, name)
    if await session.scalar(_TAKE, {"step": key}) is None:
        return result.model_validate(await session.scalar(_TAKEN, {"step": key}))
    transaction = StepTransaction(session, key, step.case_no, step.part, step.at, step.act, step.asked_as)
    done = await effect(transaction)
    if stored := done.model_dump(mode="json"):
        await session.execute(_DONE, {"step": key, "new_result": stored})
    return done


def step_taken(session: DatabaseSession, case_no: str, part: int | None, name: str, result: BaseModel) -> None:
    """Record a step that the transaction which stores the case has taken itself: nobody else can have."""
    session.add(LedgerRow(key=ledger_key(case_no, part, name), result=result.model_dump(mode="json")))


class Ledger:
    """Runs each step's effect once, in a transaction of its own; an effect that raises leaves nothing behind.

    The transaction also writes where the case is while the step is taken, and publishes it.
    """

    def __init__(self, sessions: DatabaseSessions, publish: Publish = publish_nothing) -> None:
        self._sessions = sessions
        self._publish = publish

    async def once(self, step: StepInput, name: str, result: type[Result], effect: Effect[Result]) -> Result:
        """Run `effect`, or return what it returned before."""
        async with self._sessions.begin() as session:
            done = await once(session, step, name, result, effect)
            if step.status:
                await write_status(session, step.case_no, step.part, step.status, self._publish)
            return done

    async def write_status(self, step: StepInput) -> None:
        """Write where a case is, for one that comes to rest without another step."""
        async with self._sessions.begin() as session:
            if step.status:
                await write_status(session, step.case_no, step.part, step.status, self._publish)

    async def supersede_status(self, transaction: StepTransaction, **changed: Any) -> None:
        """Write what has become of a case whose workflow has ended, in the step's transaction, and publish it."""
        await supersede_status(
            transaction.session, transaction.case_no, transaction.part, transaction.at, self._publish, **changed
        )

    async def record(self, step: StepInput, name: str, action: str, *, by: str, reason: str, detail: str = "") -> None:
        """Put what somebody did into the audit trail."""

        async def record(transaction: StepTransaction) -> NoResult:
            transaction.audit(action, by=by, reason=reason, detail=detail)
            return NoResult()

        await self.once(step, name, NoResult, record)
