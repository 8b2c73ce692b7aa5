"""The pairs that are open in our own records, with what their procedures have done so far."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select, tuple_

from models.common.identifiers import ledger_key
from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationOfficeRow, ApplicationRow, LedgerRow, RememberedLinkRow, SetUpStepRow
from models.yayoi.identifiers import ApplicationNo, OfficeToken, application_workflow_id, office_workflow_id
from models.yayoi.messages import OfficeRef
from models.yayoi.store.smart_import import FREEZE, THAW

_STEPS = (FREEZE, THAW, "issue", "attach")
_IN_ONE_QUERY = 1000


@dataclass(frozen=True)
class OpenPair:
    """One pair that has not been closed."""

    ref: OfficeRef
    token: OfficeToken | None
    holds_token: bool
    """Whether the token was found right: only then is its office frozen for the pair."""
    application_started_at: datetime | None
    steps: frozenset[str]
    """Of `_STEPS`, those that have taken effect."""
    begun: bool
    """Whether the customer has begun STEP5 or made a link again (Y27)."""
    closings: int = 0
    """How often it was closed before it was reopened (Y25)."""

    @property
    def name(self) -> str:
        """The pair as registry rows name it, such as `YS-000123:1`."""
        return f"{self.ref.case_no}:{self.ref.part}"

    @property
    def workflow_id(self) -> str:
        return office_workflow_id(self.ref.case_no, self.ref.part)

    @property
    def application_id(self) -> str:
        return application_workflow_id(self.ref.case_no)

    @property
    def issued(self) -> bool:
        return bool(self.steps & {"issue", "attach"})

    @property
    def keeps_frozen(self) -> OfficeToken | None:
        """The office whose smart import has to be frozen for the pair now; None if none has."""
        return self.token if FREEZE in self.steps and self.may_freeze(self.token) else None

    def may_freeze(self, token: OfficeToken | None) -> bool:
        """Whether smart import of this office may be frozen for the pair now."""
        return self.holds_token and self.token == token and THAW not in self.steps


async def open_pairs(session: DatabaseSession, only: OfficeRef | None = None) -> list[OpenPair]:
    """Read all open pairs, or one if it is open."""
    query = (
        select(ApplicationOfficeRow, ApplicationRow.started_at)
        .join(ApplicationRow, ApplicationRow.application_no == ApplicationOfficeRow.application_no)
        .where(ApplicationOfficeRow.closed_at.is_(None))
        .order_by(ApplicationOfficeRow.application_no, ApplicationOfficeRow.office_no)
    )
    if only:
        query = query.where(
            ApplicationOfficeRow.application_no == only.case_no, ApplicationOfficeRow.office_no == only.part
        )
    rows = (await session.execute(query)).all()
    refs = [OfficeRef(case_no=ApplicationNo(row.application_no), part=row.office_no) for row, _ in rows]
    done = await _steps_done(session, refs)
    begun = await _begun(session, refs)
    return [
        OpenPair(
            ref=ref,
            token=OfficeToken(row.office_token) if row.office_token else None,
            holds_token=row.holds_token,
            application_started_at=started_at,
            steps=frozenset(name for name in _STEPS if _key(ref, name) in done),
            begun=(ref.case_no, ref.part) in begun,
            closings=row.closings,
        )
        for ref, (row, started_at) in zip(refs, rows, strict=True)
    ]


def _key(ref: OfficeRef, step: str) -> str:
    return ledger_key(ref.case_no, ref.part, step)


async def _steps_done(session: DatabaseSession, refs: list[OfficeRef]) -> set[str]:
    keys = [_key(ref, name) for ref in refs for name in _STEPS]
    done: set[str] = set()
    for first in range(0, len(keys), _IN_ONE_QUERY):
        some = keys[first : first + _IN_ONE_QUERY]
        done.update(await session.scalars(select(LedgerRow.key).where(LedgerRow.key.in_(some))))
    return done


async def _begun(session: DatabaseSession, refs: list[OfficeRef]) -> set[tuple[str, int]]:
    pairs = [(str(ref.case_no), ref.part) for ref in refs]
    begun: set[tuple[str, int]] = set()
    for first in range(0, len(pairs), _IN_ONE_QUERY):
        some = pairs[first : first + _IN_ONE_QUERY]
        for query in _queries_of_begun(some):
            begun.update((application_no, office_no) for application_no, office_no in await session.execute(query))
    return begun


def _queries_of_begun(pairs: list[tuple[str, int]]) -> Iterable[Select[str, int]]:
    step, link = SetUpStepRow, RememberedLinkRow
    yield select(step.application_no, step.office_no).where(tuple_(step.application_no, step.office_no).in_(pairs))
    yield select(link.application_no, link.office_no).where(
        tuple_(link.application_no, link.office_no).in_(pairs), link.relinked_on.is_not(None)
    )
