"""The keys of cases of which nothing is left to read: what they are about was deleted, or has been kept long enough."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text

from models.backoffice.data_map import CASE, CLOSED_STAGE
from models.common.store.sessions import DatabaseSessions

SETTLED_FOR = timedelta(days=1)
"""A key is left alone this long after it was made: what it belongs to may only just begin."""
_AT_A_TIME = 500
_ROWS = {
    "draft": "drafts.draft_id",
    "registration": "address_checks.check_id",
    "password": "address_checks.check_id",
    "enquiry": "enquiries.receipt_no",
    "invitation": "member_invitations.invitation_id",
    "refused-form": "refused_forms.form_no",
    "webhook": "webhook_messages.message_id",
}
"""The column that names what a workflow is about, by the first part of its id. Applications and what MYICS stores stay,
without their persons: their keys end with these."""
KINDS = (*_ROWS, "application", "myics")
"""The first part of every owner's id but the house's."""


def _is_gone(kind: str, column: str) -> str:
    table, _, name = column.partition(".")
    found = f"select 1 from {table} r where r.{name}::text = split_part(k.owner, '/', 2)"  # noqa: S608 all are ours
    return f"(split_part(k.owner, '/', 1) = '{kind}' and not exists ({found}))"


_OWNER = "split_part(s.workflow_id, '/', 1) || '/' || split_part(s.workflow_id, '/', 2)"
_CLOSED = f"bool_and(s.outcome is not null or s.stage = '{CLOSED_STAGE}') and max(s.changed_at) < :before"
_KEPT_LONG_ENOUGH = f"k.owner in (select {_OWNER} from case_status s group by 1 having {_CLOSED})"  # noqa: S608
_UNUSED = text(
    "select k.owner from case_keys k where k.wrapped is not null and k.made_at < :settled and k.owner > :after "  # noqa: S608
    f"and ({' or '.join([*(_is_gone(*each) for each in _ROWS.items()), _KEPT_LONG_ENOUGH])}) "
    f"order by k.owner limit {_AT_A_TIME}"
)


async def unused_keys(sessions: DatabaseSessions, now: datetime, after: str) -> Sequence[str]:
    """Return some of their owners, in order, behind the owner `after`."""
    async with sessions() as session:
        found = {"settled": now - SETTLED_FOR, "before": now - CASE, "after": after}
        return (await session.scalars(_UNUSED, found)).all()
