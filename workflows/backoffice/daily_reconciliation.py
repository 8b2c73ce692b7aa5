"""The daily reconciliation: differences are found, repaired where that is safe, and reported (Y27)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.backoffice.reconciliation import ReconciliationActivities
from activities.yayoi.case_records import CaseRecordActivities
from activities.yayoi.contracts import ContractActivities
from activities.yayoi.mail import MailActivities
from activities.yayoi.sharing import SharingActivities
from activities.yayoi.smart_import import SmartImportActivities
from models.backoffice.reconciliation import (
    Finding,
    FindingKind,
    Reconcile,
    ReconciliationReport,
    Repair,
    UndoNeeded,
)
from models.common.messages import CaseStep
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.mails import MailKind
from models.yayoi.messages import CloseOffice, OfficeRef, OfficeStep, Outcome, SendMail
from workflows.common.activity_options import LONG_LOOK, REPAIR, REPAIR_MAIL, REPORT, by_mail
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.details import cell, table
from workflows.common.failing_activities import FailureFlag, why_given_up

NEVER_STARTED = "弊社の都合により、手続きを始めることができませんでした。"
Input = TypeVar("Input")
Output = TypeVar("Output")


@workflow.defn
class DailyReconciliation(FailureFlag):
    """Compares registry, cases and Temporal; two at once, or one after the other, repair once."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self) -> ReconciliationReport:
        at = workflow.now()
        found = await _run(
            ReconciliationActivities.find_differences, Reconcile(at=at), "登録内容と手続きを照合する", LONG_LOOK
        )
        repaired = await asyncio.gather(*(_repair(finding, at) for finding in found.findings))
        undone = [each for findings in repaired for each in findings if each.repaired and each.repair is Repair.UNDO]
        # Only now, when all are closed: one mail is about all offices of an application.
        repaired += await asyncio.gather(*(_mail_end(finding, at) for finding in undone))
        # Only now: what was just closed may have been the last of its application.
        repaired += await asyncio.gather(*(_repair(finding, at) for finding in await _left_open(at)))
        report = ReconciliationReport(at=at, findings=tuple(chain.from_iterable(repaired)))
        workflow.set_current_details(_details(report))
        if report.findings:
            await _report(report)
        return report


async def _left_open(at: datetime) -> tuple[Finding, ...]:
    """Look for them; if that is not possible, this is reported as well."""
    try:
        return (
            await _run(
                ReconciliationActivities.find_left_open, Reconcile(at=at), "終了していない申込を調べる", LONG_LOOK
            )
        ).findings
    except ActivityError as error:
        return (Finding(kind=FindingKind.LEFT_OPEN, detail=f"調べることができませんでした（{why_given_up(error)}）。"),)


async def _repair(finding: Finding, at: datetime) -> tuple[Finding, ...]:
    """Do what is safe; empty: nothing is wrong any more. One that cannot be repaired is reported, the others go on."""
    done: bool = True
    unsent: tuple[Finding, ...] = ()
    try:
        match finding.repair:
            case Repair.UNDO:
                ref = _office(finding)
                needed = await _run(ReconciliationActivities.look_again, ref, f"もう一度確認する（{ref.spoken}）")
                done = needed.abandoned
                if done:
                    await _undo(ref, needed, at)
            case Repair.THAW:
                step = OfficeStep.of(_office(finding), at)
                done = (await _run(ReconciliationActivities.thaw_left_frozen, step, "残った凍結を解除する")).done
            case Repair.FREEZE:
                step = OfficeStep.of(_office(finding), at)
                done = (await _run(ReconciliationActivities.freeze_again, step, "外れた凍結をやり直す")).done
            case Repair.EXPIRE:
                done, unsent = await _expire(_number(finding), at)
            case Repair.CLOSE:
                unsent = await _close_application(_number(finding), at)
            case Repair.HAND_OVER if finding.handed_over:
                lost, summary = finding.handed_over, "やり直されていない操作を担当者に回す"
                await _run(ReconciliationActivities.hand_over_lost, lost, summary)
                return (finding,)
            case _:
                return (finding,)
    except ActivityError as error:
        detail = f"{finding.detail}自動で修復できませんでした（{why_given_up(error)}）。"
        return (finding.model_copy(update={"detail": detail}),)
    return (finding.model_copy(update={"repaired": True}), *unsent) if done else ()


async def _undo(ref: OfficeRef, needed: UndoNeeded, at: datetime) -> None:
    """Leave things as they were before the application, in the order of every early exit."""
    step = OfficeStep.of(ref, at)
    if needed.issued:
        await _run(ContractActivities.revoke_contract_id, step, "サービス契約ID を取り消す")
    if needed.frozen:
        await _run(SharingActivities.restore_sharing, step, "会計事務所との共有を元に戻す")
        await _run(SmartImportActivities.thaw_smart_import, step, "スマート取引取込の凍結を解除する")
    close = CloseOffice.of(ref, at, outcome=Outcome.TERMINATED, open_points=(), occurrence=needed.closing)
    await _run(CaseRecordActivities.close_office, close, f"手続きを終了する（{ref.spoken}）")


async def _mail_end(finding: Finding, at: datetime) -> tuple[Finding, ...]:
    """Notify the applicant that an office was undone."""
    return await _mail(SendMail.of(_office(finding), at, kind=MailKind.TERMINATED))


async def _expire(number: ApplicationNo, at: datetime) -> tuple[bool, tuple[Finding, ...]]:
    """Close an application that was never started, as expired, and notify the applicant; False: it was started."""
    step = CaseStep(case_no=number, at=at)
    left = await _run(ReconciliationActivities.give_up_start, step, f"始めることを取りやめる（{number}）")
    if not left.parts:
        return False, ()
    offices = [OfficeRef(case_no=number, part=part) for part in left.parts]
    for office in offices:
        await _run(SmartImportActivities.thaw_smart_import, OfficeStep.of(office, at), "取込の凍結を解除する")
    unsent = await _mail(SendMail.of(step, at, kind=MailKind.NOT_STARTED))
    for office in offices:  # last: as long as one is open, tomorrow's reconciliation finds the application again
        close = CloseOffice.of(office, at, outcome=Outcome.EXPIRED, open_points=(NEVER_STARTED,))
        await _run(CaseRecordActivities.close_office, close, f"手続きを終了する（{office.spoken}）")
    await _run(CaseRecordActivities.close_application, step, "申込の手続きを終了する")
    return True, unsent


async def _close_application(number: ApplicationNo, at: datetime) -> tuple[Finding, ...]:
    step = CaseStep(case_no=number, at=at)
    closed = await _run(CaseRecordActivities.close_application, step, "申込の手続きを終了する")
    return () if closed.mailed else await _mail(SendMail.of(step, at, kind=MailKind.FINISHED))


async def _mail(mail: SendMail) -> tuple[Finding, ...]:
    """Mail it; one that cannot be sent is reported, and the repair stays."""
    try:
        await _run(MailActivities.send_mail, mail, f"メール：{mail.kind.subject}", by_mail(REPAIR_MAIL))
    except ActivityError as error:
        detail = f"「{mail.kind.subject}」を送信できませんでした（{why_given_up(error)}）。"
        about = {"application_no": mail.case_no, "office_no": mail.part}
        return (Finding(kind=FindingKind.PENDING_MAIL, detail=detail, **about),)
    return ()


async def _report(report: ReconciliationReport) -> None:
    """Mail the report; if that is not possible, its own page and tomorrow's report say so."""
    try:
        await _run(ReconciliationActivities.report_differences, report, "見つかったことを知らせる", by_mail(REPORT))
    except ActivityError as error:
        unsent = f"**この結果を担当窓口へメールで知らせることができませんでした。**{why_given_up(error)}"
        workflow.set_current_details(f"{unsent}\n\n{_details(report)}")


def _number(finding: Finding) -> ApplicationNo:
    return ApplicationNo(finding.application_no or "")


def _office(finding: Finding) -> OfficeRef:
    return OfficeRef(case_no=_number(finding), part=finding.office_no or 0)


def _details(report: ReconciliationReport) -> str:
    if not report.findings:
        return "食い違いはありませんでした。"
    rows = [
        (finding.kind, cell(finding.about), cell(finding.detail), "修復済み" if finding.repaired else "**要対応**")
        for finding in report.findings
    ]
    return table(("種類", "対象", "内容", "結果"), rows)


async def _run(
    activity: Callable[[Any, Input], Awaitable[Output]],
    input_: Input,
    summary: str,
    options: workflow.ActivityConfig = REPAIR,
) -> Output:
    return await workflow.execute_activity_method(activity, input_, **options | {"summary": summary})
