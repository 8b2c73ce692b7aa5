"""An office's contract ID and business group are no other office's (Y1)."""

from collections.abc import Sequence

from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_COLUMNS = ("contract_id", "group_id")


def upgrade() -> None:
    for column in _COLUMNS:
        op.create_unique_constraint(f"offices_{column}_key", "offices", [column], deferrable=True, initially="DEFERRED")
