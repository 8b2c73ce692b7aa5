"""What every case answers to the desk: where it is, what can be done now, and what is known of it."""

from collections.abc import Iterable, Sequence

from temporalio import workflow

from models.common.case_state import CaseState
from models.common.operations import Operations
from models.common.possible_operations import CaseNow
from workflows.common.case_view import CaseView
from workflows.common.details import TIMELINE_LENGTH, Op, State

CASE_NOW_DESCRIPTION = "いまの状況とできる操作（担当者の画面用）"


def answer_case_now(
    operations: Operations[Op, State],
    rules_on: State,
    state: CaseState,
    view: CaseView,
    *,
    title: str,
    next_step: str,
    first: Iterable[Op] = (),
    problems: Sequence[str] = (),
    asked_by: str = "",
) -> CaseNow:
    """Answer the query. `rules_on` is what the rules look at, which need not be the whole state."""
    info, possible = workflow.info(), operations.offered(rules_on)
    names = {each.operation for each in possible}
    return CaseNow(
        workflow_type=info.workflow_type,
        run_id=info.run_id,
        version=view.version,
        title=title,
        stage=str(state.outcome or state.stage),
        next_step=next_step,
        problems=tuple(problems),
        first=tuple(each.value for each in first if each.value in names),
        possible=possible,
        refusals=operations.refusals(rules_on),
        asked_by=asked_by,
        timeline=tuple(state.timeline[-TIMELINE_LENGTH:]),
        happened=len(state.timeline),
    )
