"""`tetsuzuki smart-import run OFFICE`: one try to import an office's transactions (Y12)."""

import sys
from datetime import UTC, datetime

from models.yayoi.identifiers import OfficeToken
from models.yayoi.store.smart_import import SmartImportRuns
from workers import database
from workers.settings import Settings


async def import_once(settings: Settings, office_token: str) -> int:
    """Try it; 1, with the reason, if it was refused."""
    refused: str | None
    try:
        token = OfficeToken(office_token)
        async with database.opened(settings) as sessions:
            run = await SmartImportRuns(sessions).run(token, datetime.now(UTC))
    except (ValueError, LookupError) as error:
        refused = str(error)
    else:
        refused = run.refused_because
    if refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    sys.stdout.write(f"{token} のスマート取引取込を実行しました。\n")
    return 0
