"""Cases that cannot go on because of the program itself: its code fails, or does not fit what the case has done."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from models.backoffice.reconciliation import Finding, FindingKind

REPORTED = "TemporalReportedProblems"
"""The search attribute in which Temporal says of which workflows the tasks fail again and again."""
PROBLEMS_UNTIL_REPORTED = 2
"""After how many failed tasks in a row, where the server is ours: the second comes within seconds."""
_FAILED = "category=WorkflowTaskFailed"
"""A task that timed out is none of these: the worker is busy, gone, or waits for the keys of histories."""
_NOT_DETERMINISTIC = "cause=WorkflowTaskFailedCauseNonDeterministicError"


class WhyBroken(StrEnum):
    """What stops a case; the values are what operators read."""

    OTHER_STEPS = "新しいプログラムの手順が、この案件でこれまでに行った手順と合いません。"
    CODE_FAILS = "プログラムの不具合で、手続きを進められません。"
    NOT_TAKEN = "新しいプログラムでは続けられないことが分かったため、この案件だけ止めています。"


@dataclass(frozen=True)
class BrokenCase:
    """A workflow that cannot go on until another build runs."""

    workflow_id: str
    why: WhyBroken

    @property
    def finding(self) -> Finding:
        """What the reconciliation says of it."""
        detail = f"{self.why}技術担当者に連絡してください。直ったプログラムが動けば、自動で再開します。"
        return Finding(kind=FindingKind.BROKEN, procedure=self.workflow_id, detail=detail)


def failing_query(task_queue: str) -> str:
    """Return the visibility query of the workflows whose tasks fail."""
    return f"ExecutionStatus = 'Running' AND TaskQueue = '{task_queue}' AND {REPORTED} = '{_FAILED}'"


def why_failing(problems: Iterable[str]) -> WhyBroken:
    """Return what Temporal's own words mean."""
    return WhyBroken.OTHER_STEPS if _NOT_DETERMINISTIC in problems else WhyBroken.CODE_FAILS
