"""`tetsuzuki load FILE` as the person at the console sees it."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from workers import database
from workers.registry.file import LoadReport, load
from workers.settings import Settings


async def load_with_progress(settings: Settings, file: Path, size: int) -> int:
    """Load the file of so many bytes; 1 if any row was refused."""
    console = Console(stderr=True)
    columns = (TextColumn(file.name), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    async with database.opened(settings) as sessions:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("load", total=size)
            report = await load(sessions, file, lambda done: progress.update(task, completed=done))
    return _tell(report, console)


def _tell(report: LoadReport, console: Console) -> int:
    for row in report.refused:
        console.print(f"{row.line}行目: {row.reason}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"登録 {report.loaded}件、変更なし {report.unchanged}件、登録できなかった行 {len(report.refused)}件")
    return 1 if report.refused else 0
