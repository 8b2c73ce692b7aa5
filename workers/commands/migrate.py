"""`tetsuzuki migrate`, with which `up` begins too: schema, roles and master key, Temporal's namespace, the build."""

import sys
from contextlib import AsyncExitStack

from models.backoffice.store.builds import note_passed
from models.common.calendar import utc_now
from workers import database, schema, store_marks, temporal
from workers.build_id import build_id, installed_code
from workers.commands.master_key_changes import begin
from workers.commands.replay import replay_check
from workers.journal import JournalFile
from workers.settings import Settings
from workers.tls import database_tls
from workers.wiring.derived import role_passwords


async def set_up(settings: Settings, *, schema_only: bool = False, add_revision: str | None = None) -> None:
    """Bring all three to this build; they may be in use. A new revision is written after the schema.

    A new database gets a master key, too.

    Raises:
        StoresApartError: the two stores do not belong together.
        ReplayCheckError: open cases would break; nothing was changed.
        MasterKeyError: cases have keys in this database, and their master key is not here.

    """
    async with AsyncExitStack() as stack:
        client = None if schema_only else await stack.enter_async_context(temporal.opened(settings))
        if client:
            await replay_check(client, settings)
        address, tls = database.url(settings), database_tls(settings)
        await schema.migrate(address, role_passwords(settings), tls)
        if add_revision is not None:
            await schema.add_revision(address, add_revision, tls)
        if client:
            JournalFile.of(settings).begin()
            await begin(settings)
            async with database.opened(settings) as sessions:
                async with sessions.begin() as session:
                    await note_passed(session, build_id(settings), installed_code(), utc_now())
                await store_marks.begin(client, sessions)
            for left in await temporal.prepare(client, settings):
                sys.stderr.write(f"left to whoever administers Temporal: {left}\n")
