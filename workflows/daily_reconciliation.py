"""The daily reconciliation: what does not fit together is found, repaired where that is safe, and reported (Y27)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.case_records import CaseRecordActivities
    from activities.contracts import ContractActivities
    from activities.failing import ACTIVITY_FAILING
    from activities.mail import MailActivities
    from activities.reconciliation import ReconciliationActivities
    from activities.sharing import SharingActivities
    from activities.smart_import import SmartImportActivities
    from models.identifiers import ApplicationNo
    from models.mails import MailKind
    from models.messages import CloseApplication, CloseOffice, OfficeRef, OfficeStep, Outcome, SendMail
    from models.reconciliation import Finding, FreezeStep, Reconcile, ReconciliationReport, Repair
    from workflows.details import cell, table
    from workflows.options import LONG_LOOK, MAIL, REGISTRY
    from workflows.search_attributes import FAILING

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


@workflow.defn
class DailyReconciliation:
    """Compares registry, cases and Temporal; two at once, or one after the other, repair once."""

    @workflow.run
    async def run(self) -> ReconciliationReport:
        at = workflow.now()
        looked = await _ask(
            ReconciliationActivities.find_differences, Reconcile(at=at), "登録内容と手続きを照合する", LONG_LOOK
        )
        repaired = await asyncio.gather(*(_repair(finding, at) for finding in looked.findings))
        # Only now: what was just closed may have been the last of its application.
        left = await _ask(
            ReconciliationActivities.find_left_open, Reconcile(at=at), "終了していない申込を調べる", LONG_LOOK
        )
        repaired += await asyncio.gather(*(_repair(finding, at) for finding in left.findings))
        report = ReconciliationReport(at=at, findings=tuple(finding for finding in repaired if finding))
        workflow.set_current_details(_details(report))
        if report.findings:
            await _ask(ReconciliationActivities.report_differences, report, "見つかったことを知らせる", MAIL)
        return report

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗が続いていることの報告（システム用）")
    def activity_failing(self, activity: str) -> None:  # noqa: ARG002 the list shows that, Pending Activities what
        workflow.upsert_search_attributes([FAILING.value_set(True)])


async def _repair(finding: Finding, at: datetime) -> Finding | None:
    """Do what is safe; None: there is nothing wrong any more. One that cannot be repaired holds up no other."""
    try:
        match finding.repair:
            case Repair.UNDO:
                done = await _undo(OfficeRef(application_no=_number(finding), office_no=finding.office_no or 0), at)
            case Repair.THAW:
                await _ask(ReconciliationActivities.thaw_left_frozen, _freeze_step(finding, at), "残った凍結を解除する")
                done = True
            case Repair.FREEZE:
                step = _freeze_step(finding, at)
                done = (await _ask(ReconciliationActivities.freeze_again, step, "外れた凍結をやり直す")).done
            case Repair.CLOSE:
                await _close_application(_number(finding), at)
                done = True
            case None:
                return finding
    except ActivityError as error:
        detail = f"{finding.detail}自動で修復できませんでした（{error.cause}）。"
        return finding.model_copy(update={"detail": detail})
    return finding.model_copy(update={"repaired": True}) if done else None


async def _undo(ref: OfficeRef, at: datetime) -> bool:
    """Leave things as they were before the application, in the order of every way out, and tell the applicant."""
    needed = await _ask(ReconciliationActivities.look_again, ref, f"もう一度確認する（{ref.spoken}）")
    if not needed.abandoned:
        return False
    step = OfficeStep.of(ref, at)
    if needed.issued:
        await _ask(ContractActivities.revoke_contract_id, step, "サービス契約ID を取り消す")
    if needed.frozen:
        await _ask(SharingActivities.restore_sharing, step, "会計事務所との共有を元に戻す")
        await _ask(SmartImportActivities.thaw_smart_import, step, "スマート取引取込の凍結を解除する")
    mail = SendMail(application_no=ref.application_no, office_no=ref.office_no, kind=MailKind.TERMINATED, at=at)
    await _ask(MailActivities.send_mail, mail, f"メール：{mail.kind.subject}", MAIL)
    close = CloseOffice.of(ref, at, outcome=Outcome.TERMINATED, open_points=())
    await _ask(CaseRecordActivities.close_office, close, f"手続きを終了する（{ref.spoken}）")
    return True


async def _close_application(number: ApplicationNo, at: datetime) -> None:
    step = CloseApplication(application_no=number, at=at)
    await _ask(CaseRecordActivities.close_application, step, "申込の手続きを終了する")
    mail = SendMail(application_no=number, kind=MailKind.FINISHED, at=at)
    await _ask(MailActivities.send_mail, mail, f"メール：{mail.kind.subject}", MAIL)


def _number(finding: Finding) -> ApplicationNo:
    return ApplicationNo(finding.application_no or "")


def _freeze_step(finding: Finding, at: datetime) -> FreezeStep:
    ref = OfficeRef(application_no=_number(finding), office_no=finding.office_no or 0)
    return FreezeStep.of(ref, at, office_token=finding.office_token)


def _details(report: ReconciliationReport) -> str:
    if not report.findings:
        return "食い違いはありませんでした。"
    rows = [
        (finding.kind, cell(finding.about), cell(finding.detail), "修復済み" if finding.repaired else "**要対応**")
        for finding in report.findings
    ]
    return table(("種類", "対象", "内容", "結果"), rows)


async def _ask(
    activity: Callable[[Any, Asked], Awaitable[Answer]],
    asked: Asked,
    summary: str,
    options: dict[str, Any] = REGISTRY,
) -> Answer:
    answer: Answer = await workflow.execute_activity_method(activity, asked, summary=summary, **options)
    return answer
