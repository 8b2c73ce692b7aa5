"""`tetsuzuki backup DIR --check`: whether a backup can be restored, by restoring it into scratch."""

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select
from temporalio.service import RPCError

from models.backoffice.data_map import CLOSED_STAGE
from models.common.temporal_answers import is_unknown_workflow
from models.tables import CaseStatusRow
from workers import database, temporal
from workers.backup.manifest import JOURNAL, BackupError
from workers.backup.restoring import Copies, restore
from workers.codec import ENCODING
from workers.journal import JournalFile
from workers.program import Say
from workers.settings import Settings
from workers.stack.parts import stores_only
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

_KEYS = ("master_keys", "master_key_file", "vault_address", "vault_key", "vault_token_file", "temporal_namespace")


class CheckedBackup(NamedTuple):
    """What was found in a backup."""

    cases: int
    """Open ones, of which something was read."""
    journal_lines: int


async def check_backup(settings: Settings, folder: Path, say: Say) -> CheckedBackup:
    """Restore it beside the stack, which may run, and read something of each open case.

    Raises:
        BackupError: it is not whole, or names each case that cannot be read.

    """
    with tempfile.TemporaryDirectory(prefix="tetsuzuki-check-") as scratch:
        settled = alone(Path(scratch), **_keys(settings))
        await restore(settled, Copies(folder, folder), say, no_journal=True)
        async with Stack(settled, say=say, order=stores_only(_nothing)) as stack:
            cases = await _read_cases(stack.settings)
    return CheckedBackup(cases, len(await JournalFile(folder / JOURNAL).entries()))


async def _read_cases(settings: Settings) -> int:
    is_open = select(CaseStatusRow.workflow_id).where(
        CaseStatusRow.outcome.is_(None), CaseStatusRow.stage != CLOSED_STAGE, CaseStatusRow.first_run_id.is_not(None)
    )
    unread = []
    async with database.opened(settings) as sessions, sessions() as session, temporal.opened(settings) as client:
        ids = (await session.scalars(is_open)).all()
        for workflow_id in ids:
            try:
                events = client.get_workflow_handle(workflow_id).fetch_history_events(page_size=1)
                first = await anext(events)
            except RPCError as error:
                if not is_unknown_workflow(error):
                    raise
                continue  # Temporal was copied before it began: it is started anew
            [payload] = first.workflow_execution_started_event_attributes.input.payloads
            [read] = await client.data_converter.payload_codec.decode([payload])  # type: ignore[union-attr]
            if read.metadata.get("encoding") == ENCODING:
                unread.append(workflow_id)
    if unread:
        raise BackupError("these cases cannot be read with the keys that are here: " + ", ".join(unread))
    return len(ids)


def _keys(settings: Settings) -> dict[str, Any]:
    """Return the settings by which keys are found, and where they lie if nothing is set."""
    kept = {name: getattr(settings, name) for name in _KEYS if name in settings.model_fields_set}
    if "master_keys" not in kept and "master_key_file" not in kept:
        kept["master_key_file"] = settings.state_dir.absolute() / "master_keys"
    return kept


async def _nothing() -> None:
    pass
