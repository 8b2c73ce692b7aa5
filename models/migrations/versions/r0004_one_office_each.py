"""An office's contract ID and business group are no other office's (Y1)."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from models.migrations.refusal import NotMigratableError

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_COLUMNS = ("contract_id", "group_id")


def upgrade() -> None:
    for column in _COLUMNS:
        _refuse_doubles(column)
        op.create_unique_constraint(f"offices_{column}_key", "offices", [column], deferrable=True, initially="DEFERRED")


def _refuse_doubles(column: str) -> None:
    offices = sa.table("offices", sa.column(column), sa.column("office_token"))
    shared = (
        sa.select(offices.c[column], sa.func.string_agg(offices.c.office_token, ", "))
        .where(offices.c[column].is_not(None))
        .group_by(offices.c[column])
        .having(sa.func.count() > 1)
    )
    doubles = [f"{value}: {tokens}" for value, tokens in op.get_bind().execute(shared)]
    if doubles:
        raise NotMigratableError(
            f"several offices have one {column} ({'; '.join(doubles)}): leave it to the one that it belongs to, then "
            "start again; nothing was changed"
        )
