"""`tetsuzuki load FILE` and `tetsuzuki smart-import run OFFICE`: what the registry takes from outside (Y12)."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from models.yayoi.identifiers import OfficeToken
from models.yayoi.store.smart_import import SmartImportRuns
from workers import database
from workers.registry.file import load
from workers.settings import Settings


async def load_with_progress(settings: Settings, file: Path, size: int) -> int:
    """Load the file of so many bytes; 1 if any row was refused."""
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    columns = (TextColumn(file.name), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    async with database.opened(settings) as sessions:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("load", total=size)
            pool = range(settings.contract_id_first, settings.contract_id_last + 1)
            report = await load(sessions, file, lambda done: progress.update(task, completed=done), pool)
    for row in report.refused:
        console.print(f"{row.line}行目: {row.reason}")
    console.print(f"登録 {report.loaded}件、変更なし {report.unchanged}件、登録できなかった行 {len(report.refused)}件")
    return 1 if report.refused else 0


async def import_once(settings: Settings, office_token: str) -> int:
    """Try to import an office's transactions; 1, with the reason, if that was refused."""
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
