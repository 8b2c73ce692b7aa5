"""What is recorded of a case, for its audit export: the entries of the trail, and the rows about it."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, select
from sqlalchemy.dialects.postgresql import distinct_on

from models.backoffice.history_summary import SUMMARISED
from models.common.audit_export import EntryContent, ExportedEntry
from models.common.audit_heads import PartHead
from models.common.audit_trail import AuditEntry, SignedPart, instant
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import AuditRow, Base, NoticeRow, table_of

_NUMBERS = ("case_no", "application_no", "registration_no", "batch_no")
"""The columns by which rows belong to a case."""
_NOT_EXPORTED = {"audit_trail", "audit_contents", "ledger", "webhook_messages", "enquiries"}
"""The trail is exported as itself; a ledger's results are in it; messages to subscribers repeat the stages; an enquiry
names whatever case somebody has typed."""
_SECRET = ("password_hash", "keyword_hash", "token_hash", "salt", "digest")
NOT_KEPT = "履歴は保存期間が過ぎ、Temporal には残っていません。要約は、監査の記録（{places}）にあります。"
NEVER_KEPT = "履歴は Temporal に残っていません。要約も記録されていません。"


async def entries_of(session: DatabaseSession, case_no: str) -> list[ExportedEntry]:
    """Return every entry of a case, by part and in order."""
    rows = await session.scalars(
        select(AuditRow).where(AuditRow.case_no == case_no).order_by(AuditRow.part, AuditRow.sequence)
    )
    return [ExportedEntry(entry=entry_of(row), about=_about(row)) for row in rows]


def entry_of(row: AuditRow) -> AuditEntry:
    """Return a row as what is hashed."""
    fields = {name: getattr(row, name) for name in AuditEntry.model_fields}
    times = {"happened_at": instant(row.happened_at), "recorded_at": instant(row.recorded_at)}
    return AuditEntry(**fields | times | {"signed": SignedPart(**row.signed) if row.signed else None})


def _about(row: AuditRow) -> EntryContent | None:
    if row.content_row is None:
        return None
    return EntryContent(salt=row.content_row.salt, content=json.loads(row.content_row.content))


async def records_of(session: DatabaseSession, case_no: str) -> dict[str, list[dict[str, Any]]]:
    """Return all rows about a case by table: form data, mails, stages, contracts, events; no password, salt or hash."""
    found = {}
    for table in Base.metadata.sorted_tables:
        if table.name in _NOT_EXPORTED or not (of_case := _of_case(table, case_no)):
            continue
        shown = [column for column in table.columns if column.name not in _SECRET]
        rows = await session.execute(select(*shown).where(of_case[0]).order_by(*table.primary_key.columns))
        if read := [{name: as_json(value) for name, value in row.items()} for row in rows.mappings()]:
            found[table.name] = read
    return found


def _of_case(table: Table, case_no: str) -> list[ColumnElement[bool]]:
    if table.name == NoticeRow.__tablename__:
        return [(table.c.case_no == case_no) | table.c.cases.contains([case_no])]
    return [table.c[name] == case_no for name in _NUMBERS if name in table.c][:1]


def as_json(value: Any) -> Any:
    """Return a column's value as JSON of one spelling."""
    match value:
        case datetime():
            return instant(value)
        case date() | UUID():
            return str(value)
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping():
            return {str(name): as_json(each) for name, each in value.items()}
        case list() | tuple():
            return [as_json(each) for each in value]
        case int() if abs(value) >= 2**53:
            return str(value)
        case _:
            return value


def decisions_in(entries: Iterable[ExportedEntry]) -> list[dict[str, Any]]:
    """Return what was decided by one of our rules, and by which."""
    return [
        {"part": each.part, "sequence": each.sequence, "rule": each.rule, "action": each.action, "by": each.by}
        for each in (exported.entry for exported in entries)
        if each.rule
    ]


def history_said(entries: Iterable[ExportedEntry]) -> str:
    """Return where the history is, once Temporal no longer has it."""
    summaries = [each.entry for each in entries if each.entry.action == SUMMARISED]
    places = "、".join(f"part {each.part} の {each.sequence} 番目" for each in summaries)
    return NOT_KEPT.format(places=places) if places else NEVER_KEPT


async def heads_since(sessions: DatabaseSessions, since: datetime | None) -> Sequence[PartHead]:
    """Return how far each part is that has an entry recorded since; without a time, every part."""
    trail = table_of(AuditRow)
    heads = select(trail.c.case_no, trail.c.part, trail.c.sequence.label("entries"), trail.c.hash.label("last"))
    if since is not None:
        changed = select(trail.c.case_no, trail.c.part).where(trail.c.recorded_at >= since).distinct().subquery()
        heads = heads.join(changed, (changed.c.case_no == trail.c.case_no) & (changed.c.part == trail.c.part))
    newest = heads.ext(distinct_on(trail.c.case_no, trail.c.part))
    newest = newest.order_by(trail.c.case_no, trail.c.part, trail.c.sequence.desc())
    async with sessions() as session:
        return [PartHead(**row) for row in (await session.execute(newest)).mappings()]
