"""The daily reconciliation's steps: looking, repairing what is safe, and reporting (Y27)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from jinja2 import Environment
from temporalio import activity

from activities.backoffice.differences import Differences
from activities.backoffice.history_checks import HistoryChecks
from activities.backoffice.late_refusals import LateRefusals
from activities.backoffice.restored_findings import RestoredFindings
from activities.common.outbox import MailIdentity, Outbox, WrittenMail
from activities.yayoi.open_pairs import open_pairs
from activities.yayoi.registry.protocols import SmartImport
from models.backoffice.case_names import CaseNames
from models.backoffice.case_places import place_of
from models.backoffice.reconciliation import (
    RECONCILIATION_SUBJECT,
    Finding,
    Found,
    LostInReset,
    NeverStarted,
    Reconcile,
    ReconciliationReport,
    Repaired,
    UndoNeeded,
)
from models.common.desk_links import desk_case_path
from models.common.messages import CaseStep, SentMail
from models.common.store.case_status import status_of
from models.common.store.ledger import Ledger, StepTransaction
from models.common.store.operators import names_of_operators
from models.common.store.sessions import DatabaseSession
from models.common.web_ui_links import WorkflowLink
from models.tables import CaseStatusRow
from models.yayoi.identifiers import ApplicationNo, OfficeToken
from models.yayoi.messages import OfficeRef, OfficeStep


@dataclass(frozen=True)
class DescribedFinding:
    """A finding as its mail shows it."""

    found: Finding
    status: CaseStatusRow | None = None
    links: Sequence[tuple[str, str]] = ()
    """Where an operator sees it and acts, the likeliest first."""


class ReconciliationActivities:
    """The steps that are no procedure's own."""

    def __init__(
        self,
        ledger: Ledger,
        differences: Differences,
        refusals: LateRefusals,
        histories: HistoryChecks,
        smart_import: SmartImport,
        *,
        restored: RestoredFindings,
        outbox: Outbox,
        templates: Environment,
        workflow_link: WorkflowLink,
        desk_url: str,
        desk: str,
    ) -> None:
        """Take how workflows are linked to, where operators reach their desk, and its mail address."""
        self._ledger = ledger
        self._differences = differences
        self._refusals = refusals
        self._histories = histories
        self._restored = restored
        self._smart_import = smart_import
        self._outbox = outbox
        self._workflow_link = workflow_link
        self._desk_url = desk_url
        self._desk = desk
        self._template = templates.get_template("reconciliation.md")

    @activity.defn
    async def find_differences(self, step: Reconcile) -> Found:
        """Compare registry, cases and Temporal. Reads only; fails, and is tried again, while Temporal is away."""
        findings = await self._differences.find(step.at)
        late = await self._refusals.find(step.at)
        restored = await self._restored.find()
        return Found(findings=(*restored, *findings, *late, *await self._histories.find()))

    @activity.defn
    async def find_left_open(self, step: Reconcile) -> Found:  # noqa: ARG002 it is read as it is now
        """Find applications that were ended by hand and have nothing left to do. Reads only."""
        return Found(findings=tuple(await self._differences.left_open()))

    @activity.defn
    async def look_again(self, ref: OfficeRef) -> UndoNeeded:
        """Return what is to be undone of a case, which may have been reset or closed meanwhile. Reads only."""
        pair = await self._differences.abandoned(ref)
        if pair is None:
            return UndoNeeded(abandoned=False)
        return UndoNeeded(abandoned=True, issued=pair.issued, frozen="freeze" in pair.steps, closing=pair.closings + 1)

    @activity.defn
    async def give_up_start(self, step: CaseStep) -> NeverStarted:
        """Have nobody start an application any more that could not be started in time; return its open offices."""
        return NeverStarted(parts=await self._differences.never_started(ApplicationNo(step.case_no), step.at))

    @activity.defn
    async def thaw_left_frozen(self, step: OfficeStep) -> Repaired:
        """Let smart import run again that was left frozen for this pair (Y12). Once per reconciliation."""

        async def thaw(transaction: StepTransaction) -> Repaired:
            pairs = await open_pairs(transaction.session, step)
            frozen = await self._smart_import.frozen(StepTransaction.to_read(transaction.session, step.at))
            of_this_pair = [token for token, name in frozen.items() if name == transaction.pair]
            left = [token for token in of_this_pair if not any(pair.may_freeze(token) for pair in pairs)]
            for token in left:
                await self._smart_import.thaw(transaction, token)
                transaction.audit("残っていた凍結を解除した", reason="日次の照合", rule="Y12")
            return Repaired(done=bool(left))

        return await self._ledger.once(step, f"thaw_left_frozen.{step.at.isoformat()}", Repaired, thaw)

    @activity.defn
    async def freeze_again(self, step: OfficeStep) -> Repaired:
        """Freeze again what the procedure has frozen and not thawed (Y12). Once per reconciliation."""

        async def freeze(transaction: StepTransaction) -> Repaired:
            token = await _keeps_frozen(transaction.session, step)
            if token is None:
                return Repaired(done=False)
            await self._smart_import.freeze(transaction, token)
            # Read while the office's row is locked: the procedure may have thawed it in the meantime.
            if await _keeps_frozen(transaction.session, step) != token:
                await self._smart_import.thaw(transaction, token)
                return Repaired(done=False)
            transaction.audit("外れていた凍結をやり直した", reason="日次の照合", rule="Y12")
            return Repaired(done=True)

        return await self._ledger.once(step, f"freeze_again.{step.at.isoformat()}", Repaired, freeze)

    @activity.defn
    async def hand_over_lost(self, lost: LostInReset) -> None:
        """Have a case wait for an operator, who decides what a Reset has not taken again. Once for each operation."""
        await self._histories.hand_over(lost)

    @activity.defn
    async def report_differences(self, report: ReconciliationReport) -> SentMail:
        """Mail the report to the operators' desk unless it was sent before."""
        mail = MailIdentity(key=f"reconciliation:{report.at.isoformat()}", kind="reconciliation")
        sent = await self._outbox.send(mail, partial(self._write, report=report))
        await self._refusals.mark_reported(report)
        await self._restored.mark_reported(report)
        return sent

    async def _write(self, session: DatabaseSession, report: ReconciliationReport) -> WrittenMail:
        names = CaseNames(operators=await names_of_operators(session))
        named = (each.model_copy(update={"detail": names.named(each.detail)}) for each in report.findings)
        findings = [await self._described(session, finding) for finding in named]
        body = self._template.render(at=report.at, findings=findings)
        return WrittenMail(self._desk, RECONCILIATION_SUBJECT, body)

    async def _described(self, session: DatabaseSession, finding: Finding) -> DescribedFinding:
        """Return where the case is and since when, and where an operator acts."""
        if (workflow_id := finding.workflow_id) is None:
            return DescribedFinding(finding)
        place, links = place_of(workflow_id), [("Temporal Web UI", self._workflow_link(workflow_id))]
        if place is None:
            return DescribedFinding(finding, links=links)
        page = ("案件の画面", self._desk_url + desk_case_path(*place))
        return DescribedFinding(finding, await status_of(session, *place), [page, *links])


async def _keeps_frozen(session: DatabaseSession, ref: OfficeRef) -> OfficeToken | None:
    return next((pair.keeps_frozen for pair in await open_pairs(session, ref)), None)
