"""What every case answers to the desk: where it is, what can be done now, and what is known of it."""

from collections.abc import Iterable, Sequence

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from models.common.case_state import CaseState
from models.common.operations import Operations
from models.common.possible_operations import CaseNow, OperationToJudge
from workflows.common.details import TIMELINE_LENGTH, Op, State
from workflows.common.operator_updates import OperatedProcedure

CASE_NOW_DESCRIPTION = "いまの状況とできる操作（担当者の画面用）"
NO_SUCH_OPERATION = "この手続きには、この操作はありません。"


def answer_case_now(
    procedure: OperatedProcedure,
    operations: Operations[Op, State],
    rules_on: State,
    state: CaseState,
    asked: OperationToJudge | None,
    *,
    title: str,
    next_step: str,
    first: Iterable[Op] = (),
    problems: Sequence[str] = (),
    asked_by: str = "",
) -> CaseNow:
    """Answer the query. `rules_on` is what the rules look at, which need not be the whole state.

    `asked`: an operation of which is said whether it could be done now, by the rules that its validator keeps.
    """
    info, possible = workflow.info(), operations.offered(rules_on)
    names = {each.operation for each in possible}
    return CaseNow(
        workflow_type=info.workflow_type,
        run_id=info.run_id,
        version=procedure.view.version,
        title=title,
        stage=str(state.outcome or state.stage),
        next_step=next_step,
        problems=tuple(problems),
        first=tuple(each.value for each in first if each.value in names),
        possible=possible,
        refusals=operations.refusals(rules_on),
        judged=_judged(procedure, operations, asked) if asked else None,
        asked_by=asked_by,
        timeline=tuple(state.timeline[-TIMELINE_LENGTH:]),
        happened=len(state.timeline),
    )


def _judged(procedure: OperatedProcedure, operations: Operations[Op, State], asked: OperationToJudge) -> str | None:
    operation = next((each for each in operations.every if each.value == asked.operation), None)
    if operation is None:
        return NO_SUCH_OPERATION
    try:
        procedure.check_possible(operation, operation.message.model_validate(asked.message).read_strictly())
    except ApplicationError as refusal:
        # Who asks about one operation chooses none of the others.
        return refusal.message.partition("いまできる操作：")[0]
    return None
