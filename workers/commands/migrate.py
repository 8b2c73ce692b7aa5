"""`tetsuzuki migrate`, with which `up` begins too: schema, roles and master key, Temporal's namespace, the build."""

from contextlib import AsyncExitStack

from workers import database, schema, temporal
from workers.commands.master_key_changes import begin
from workers.commands.replay import replay_check
from workers.settings import Settings
from workers.wiring.derived import role_passwords


async def set_up(settings: Settings, *, schema_only: bool = False, add_revision: str | None = None) -> None:
    """Bring all three to this build; they may be in use. A new revision is written after the schema.

    A new database gets a master key, too.

    Raises:
        ReplayCheckError: open cases would break; nothing was changed.
        MasterKeyError: cases have keys in this database, and their master key is not here.

    """
    async with AsyncExitStack() as stack:
        client = None if schema_only else await stack.enter_async_context(temporal.opened(settings))
        if client:
            await replay_check(client, settings)
        await schema.migrate(database.url(settings), role_passwords(settings))
        if add_revision is not None:
            await schema.add_revision(database.url(settings), add_revision)
        if client:
            await begin(settings)
            await temporal.prepare(client, settings)
