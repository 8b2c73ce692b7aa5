"""`tetsuzuki reconcile`: one reconciliation now, as the schedule runs it every day."""

import asyncio
import sys
from datetime import timedelta

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy

from models.backoffice.reconciliation import ReconciliationReport
from workers import temporal
from workers.program import ClearError
from workers.settings import Settings
from workflows.backoffice.daily_reconciliation import DailyReconciliation

WORKFLOW_ID = "reconciliation-now"
_WITHIN = timedelta(minutes=10)


async def reconcile_now(settings: Settings) -> int:
    """Run one and print what it found; 1 if anything needs a person."""
    async with temporal.opened(settings) as client:
        report = await _run(client, settings.temporal_task_queue)
    sys.stdout.write(_text(report))
    return 1 if report.for_people else 0


async def _run(client: Client, task_queue: str) -> ReconciliationReport:
    # Where one runs already, its report is printed.
    handle = await client.start_workflow(
        DailyReconciliation.run,
        id=WORKFLOW_ID,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary="登録内容と手続きの照合（手動）",
    )
    try:
        async with asyncio.timeout(_WITHIN.total_seconds()):
            return await handle.result()
    except TimeoutError:
        raise ClearError(
            f"照合は {_WITHIN.seconds // 60} 分以内に終わらず、ワークフロー {WORKFLOW_ID} として続いています。"
            "ワーカーが動いていることを確認してください。"
        ) from None
    except WorkflowFailureError as error:
        kind = type(error.cause).__name__
        raise ClearError(f"照合は最後まで行われませんでした（{kind}）。ログを確認してください。") from None


def _text(report: ReconciliationReport) -> str:
    if not report.findings:
        return "食い違いはありませんでした。\n"
    return "".join(
        f"{'修復済み' if finding.repaired else '要対応'}\t{finding.kind}\t{finding.about or '－'}\t{finding.detail}\n"
        for finding in report.findings
    )
