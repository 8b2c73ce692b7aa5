"""`tetsuzuki migrate`: the database's schema and Temporal's namespace."""

from workers import database, schema, temporal
from workers.settings import Settings


async def set_up(settings: Settings, *, schema_only: bool, add_revision: str | None) -> None:
    """Bring both to what this build needs; they may be in use. A new revision is written after that."""
    await schema.migrate(database.url(settings))
    if add_revision is not None:
        await schema.add_revision(database.url(settings), add_revision)
    if not schema_only:
        await temporal.prepare(await temporal.connect(settings), settings)
