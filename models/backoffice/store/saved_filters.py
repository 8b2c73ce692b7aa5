"""Filters of the worklist that operators have given a name; each sees and removes their own alone."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from models.backoffice.worklist import MOST_SAVED, WorklistFilter
from models.common.refusals import FieldError, RefusedError
from models.common.store.sessions import DatabaseSessions
from models.tables import OperatorRow, SavedFilterRow

TOO_MANY = f"保存できるのは {MOST_SAVED} 件までです。使わないものを削除してから、もう一度保存してください。"


class SavedFilters:
    """Keeps them."""

    def __init__(self, sessions: DatabaseSessions) -> None:
        self._sessions = sessions

    async def of(self, operator: OperatorRow) -> Sequence[SavedFilterRow]:
        """Return an operator's filters, by name."""
        own = select(SavedFilterRow).where(SavedFilterRow.operator_id == operator.operator_id)
        async with self._sessions() as session:
            return (await session.scalars(own.order_by(SavedFilterRow.name))).all()

    async def save(self, operator: OperatorRow, name: str, filter_: WorklistFilter) -> None:
        """Keep a filter; one of the same name is replaced. Raises `RefusedError` where there are too many."""
        values = {"operator_id": operator.operator_id, "name": name, "conditions": filter_.query}
        saved = insert(SavedFilterRow).values(values)
        others = select(func.count()).where(
            SavedFilterRow.operator_id == operator.operator_id, SavedFilterRow.name != name
        )
        async with self._sessions.begin() as session:
            await session.execute(
                saved.on_conflict_do_update(
                    index_elements=[SavedFilterRow.operator_id, SavedFilterRow.name],
                    set_={"conditions": saved.excluded.conditions},
                )
            )
            if (await session.scalar(others) or 0) >= MOST_SAVED:
                raise RefusedError([FieldError(field="name", message=TOO_MANY)])

    async def remove(self, operator: OperatorRow, filter_id: int) -> None:
        """Forget one of one's own; another's stays."""
        own = SavedFilterRow.operator_id == operator.operator_id
        async with self._sessions.begin() as session:
            await session.execute(delete(SavedFilterRow).where(own, SavedFilterRow.filter_id == filter_id))
