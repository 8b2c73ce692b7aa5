"""Making two stores fit, as they lie, before anything uses them: whatever they are, and wherever they came from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from temporalio.client import Client

from models.backoffice.restored_cases import RestoredCase
from models.backoffice.store.ended_again import end_again
from models.backoffice.store.erased_again import erase_again
from models.backoffice.store.restored_rows import (
    end_log_ins,
    hold_mails,
    last_recorded,
    move_numbers,
    notify_again,
    promise_numbers,
)
from models.common.calendar import utc_now
from models.common.journal import JournalEntry, JournalError, merged
from models.common.store.mark_rows import mark_of_postgres, raise_epoch
from models.common.store.operators import audit_operator
from models.common.store.sessions import DatabaseSessions
from models.common.store_marks import Fit, fit
from models.common.task_queues import erasing_queue
from models.tables import HeldCaseRow
from workers import database, schema, store_marks, temporal
from workers.backup.manifest import BackupError
from workers.backup.restored_workflows import RestoredWorkflows
from workers.commands.acting import command_actor
from workers.commands.master_key_changes import begin
from workers.journal import JournalFile
from workers.settings import Settings
from workers.tls import database_tls
from workers.wiring.derived import role_passwords

IN_PLACE_SINCE = timedelta(days=1)
"""How far back things are done once more, at least, where no manifest says when Temporal was copied."""
A_MOMENT = timedelta(seconds=10)
"""Temporal notes a step a moment after Postgres has it."""


@dataclass(frozen=True)
class Times:
    """When the stores were copied, as a manifest says; None: it is asked of the store itself."""

    temporal: datetime | None = None
    """What has changed in Postgres since then is done once more: Temporal may have lost it."""
    postgres: datetime | None = None
    """How far its records go."""


@dataclass
class RestoreReport:
    """What a restore has found and done."""

    fit: Fit
    records_until: datetime
    """Up to when the records go: what was recorded later is lost."""
    replaced: Path | None
    """Where the stores lie that were there before."""
    ended: int = 0
    erased: int = 0
    held: int = 0
    cases: Sequence[RestoredCase] = field(default_factory=list)


async def restore_in_place(settings: Settings, *, accept_loss: bool, no_journal: bool) -> RestoreReport:
    """Make the stores fit that these settings name; no process uses them. Raises as `make_fit`."""
    entries = await newest_journal(settings, (), no_journal=no_journal)
    JournalFile.of(settings).write(entries)
    return await make_fit(settings, entries, Times(), accept_loss=accept_loss)


async def make_fit(
    settings: Settings, entries: Sequence[JournalEntry], times: Times, *, accept_loss: bool
) -> RestoreReport:
    """Raise the epoch of two stores that nothing uses, and bring each case's workflow to its row.

    Raises:
        BackupError: Postgres is older than Temporal and nobody has said that the loss is accepted; nothing is changed.
        MasterKeyError: the cases' master key is not here.

    """
    await schema.migrate(database.url(settings), role_passwords(settings), database_tls(settings))
    await begin(settings)
    async with database.opened(settings) as sessions, temporal.opened(settings) as client:
        before = await store_marks.mark_of_temporal(client)
        async with sessions() as session:
            found = fit(await mark_of_postgres(session), before)
            recorded = await last_recorded(session) or utc_now()
        _check_fit(found, accept_loss=accept_loss)
        report = RestoreReport(found, recorded, None)
        epoch = before.epoch if before else 0
        gap, since = settings.restore_gap, times.temporal or await _as_temporal_says(client)
        since -= A_MOMENT
        workflows = await _change_rows(sessions, entries, report, gap=gap, since=since, epoch=epoch)
        # Only now: what the rows say is what workflows are brought to.
        queues = (settings.temporal_task_queue, erasing_queue(settings.temporal_task_queue))
        settling = RestoredWorkflows(client, sessions, queues, since=since, until=times.postgres or recorded + A_MOMENT)
        report.cases = await settling.settle()
        async with sessions() as session:
            report.held = await session.scalar(select(func.count()).select_from(HeldCaseRow)) or 0
        await settling.delete_all(workflows)
        await _mark(client, sessions)
    return report


async def _change_rows(
    sessions: DatabaseSessions,
    entries: Sequence[JournalEntry],
    report: RestoreReport,
    *,
    gap: int,
    since: datetime,
    epoch: int,
) -> list[str]:
    """Change what is to be changed in Postgres, in one transaction; return the workflows of who was erased."""
    at = utc_now()
    async with sessions.begin() as session:
        await move_numbers(session, gap)
        await promise_numbers(session, entries)
        report.ended = await end_again(session, entries)
        await end_log_ins(session, at)
        workflows = await erase_again(session, entries, at)
        report.erased = len(workflows)
        await hold_mails(session, at)
        await notify_again(session, since)
        mark = await raise_epoch(session, epoch, at)
        who = str(command_actor())
        audit_operator(session, who, "restored", by=who, at=at, epoch=mark.epoch, fit=report.fit.value)
    return workflows


async def _as_temporal_says(client: Client) -> datetime:
    """Return since when Temporal may have lost something: it was copied after it had taken its mark."""
    a_day_ago = utc_now() - IN_PLACE_SINCE
    marked_at = await store_marks.marked_at(client)
    return min(a_day_ago, marked_at) if marked_at else a_day_ago


async def _mark(client: Client, sessions: DatabaseSessions) -> None:
    """Have Temporal carry the new epoch, last: a restore that was interrupted is not served."""
    async with sessions() as session:
        mark = await mark_of_postgres(session)
    if mark:
        await store_marks.mark_temporal(client, mark)


def _check_fit(found: Fit, *, accept_loss: bool) -> None:
    if found is Fit.STRANGERS:
        raise BackupError("these two stores have never been used together: take both from the same backup")
    if found is Fit.POSTGRES_OLDER and not accept_loss:
        raise BackupError(
            "Postgres is older than Temporal: what cases have done in the time between is lost, and cases that began "
            "in it are ended. Take both stores from the same backup, or Temporal from the older one; if that is not "
            "possible, say --accept-loss"
        )


async def newest_journal(settings: Settings, copies: Sequence[JournalFile], *, no_journal: bool) -> list[JournalEntry]:
    """Return the longer of the one in use and those copies. Raises `BackupError` if there is none in use."""
    own = JournalFile.of(settings)
    if not own.path.exists() and not no_journal:
        raise BackupError(
            f"the journal is not at {own.path}: bring its newest copy back, since it alone knows which numbers were "
            "given out and who was erased after the backup. If there is none, say --no-journal"
        )
    try:
        entries = await own.entries()
        for copy in copies:
            entries = merged(entries, await copy.entries())
    except JournalError as error:
        raise BackupError(f"the journal cannot be used: {error}") from None
    return entries
