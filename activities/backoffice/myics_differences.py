"""Registrations of MYICS, and files of them, that no procedure runs for or knows of (M8). Reads only."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from sqlalchemy import or_, select
from temporalio.client import Client

from activities.backoffice.waiting_rows import SOON
from activities.common.workflow_status import WorkflowStatus, statuses_of
from models.backoffice.reconciliation import Finding, FindingKind
from models.common.calendar import JST
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.myics.identifiers import BatchNo, RegistrationNo, registration_workflow_id
from models.tables import MyicsBatchRow, MyicsRegistrationRow

MOST = 100
"""Findings of a kind in one report: a file may hold thousands of registrations. The others are counted."""

Number = RegistrationNo | BatchNo


class MyicsDifferences:
    """Compares MYICS' rows that are open with Temporal. Only people repair it: Reset lets a procedure go on."""

    def __init__(self, sessions: DatabaseSessions, client: Client) -> None:
        self._sessions = sessions
        self._client = client

    async def find(self, at: datetime) -> list[Finding]:
        """Return what does not fit. Raises `RPCError` if Temporal does not answer."""
        async with self._sessions() as session:
            started = await _started(session)
            waiting = await _not_notified(session, at)
        statuses = await statuses_of(self._client, map(registration_workflow_id, started))
        async with self._sessions() as session:  # skip what was closed while Temporal was asked
            still_open = set(await _started(session))
        adrift = [
            number
            for number in started
            if statuses[registration_workflow_id(number)] is not WorkflowStatus.RUNNING and number in still_open
        ]
        return [*_abandoned(adrift, statuses), *_bounded(FindingKind.MYICS_NOT_NOTIFIED, waiting)]


def _abandoned(numbers: list[Number], statuses: Mapping[str, WorkflowStatus]) -> Iterator[Finding]:
    yield from _bounded(
        FindingKind.MYICS_ABANDONED,
        {
            number: (
                "手続きが強制終了されたか、失敗しています。URL の期限や再送は働きません。"
                "Web UI の Reset で手続きを再開してください。"
                if statuses[registration_workflow_id(number)] is WorkflowStatus.ENDED
                else "Temporal の記録と合いません（手続きが見つからないか、すでに完了しています）。"
                "接続先とバックアップからの復元の有無を確認してください。"
            )
            for number in numbers
        },
    )


def _bounded(kind: FindingKind, details: Mapping[Number, str]) -> Iterator[Finding]:
    for number, detail in list(details.items())[:MOST]:
        yield Finding(kind=kind, myics_no=number, detail=detail)
    if len(details) > MOST:
        yield Finding(kind=kind, detail=f"ほかに {len(details) - MOST} 件あります。")


async def _started(session: DatabaseSession) -> list[Number]:
    """Return what is open and whose procedure has been started."""
    registration, batch = MyicsRegistrationRow, MyicsBatchRow
    numbers: Iterable[str] = await session.scalars(
        select(registration.registration_no)
        .where(registration.closed_at.is_(None), registration.notified_at.is_not(None))
        .order_by(registration.registration_no)
    )
    batches: Iterable[str] = await session.scalars(
        select(batch.batch_no).where(batch.closed_at.is_(None), batch.notified_at.is_not(None)).order_by(batch.batch_no)
    )
    return [*map(RegistrationNo, numbers), *map(BatchNo, batches)]


async def _not_notified(session: DatabaseSession, at: datetime) -> dict[Number, str]:
    """Return what has waited too long to be started, or to be notified of a change."""
    found: dict[Number, str] = {}
    for table, key, number in (
        (MyicsRegistrationRow, MyicsRegistrationRow.registration_no, RegistrationNo),
        (MyicsBatchRow, MyicsBatchRow.batch_no, BatchNo),
    ):
        rows = await session.execute(
            select(key, table.notified_at, table.changed_at)
            .where(or_(table.notified_at.is_(None), table.notified_at < table.changed_at), table.changed_at < at - SOON)
            .order_by(table.changed_at)
        )
        for text, notified_at, changed_at in rows:
            since = f"{changed_at.astimezone(JST):%Y-%m-%d %H:%M}"
            what = (
                "の変更が、手続きに伝わっていません" if notified_at else "に受け付けましたが、手続きが始まっていません"
            )
            found[number(text)] = f"{since} {what}。Web の動作を確認してください。"
    return found
