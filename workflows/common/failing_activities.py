"""Showing operators that an activity keeps failing, as long as it does, or why it was given up."""

from typing import Any

from temporalio import exceptions, workflow
from temporalio.common import SearchAttributeUpdate

from activities.common.failures import FailureActivities
from models.common.messages import ACTIVITY_FAILING, MAIL_REFUSED, TRY_LATER, WorkflowRun
from models.common.refusals import OperationRefusal, is_for_people
from workflows.common.activity_options import LOOK_UP
from workflows.common.cancellation import GoesOn
from workflows.common.search_attributes import FAILING


class FailureFlag(GoesOn):
    """The base of a workflow that is in the operators' list of failures while one of its activities keeps failing."""

    _failing = False

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗を調べる依頼（システム用）")
    async def activity_failing(self) -> None:
        if await failing_activities():
            self.show_failing(failing=True)

    def show_failing(self, *, failing: bool) -> None:
        """Show that an activity keeps failing, or does no longer; Pending Activities say what and why."""
        if failing != self._failing:
            self._failing = failing
            workflow.upsert_search_attributes(self.failing_columns(failing=failing))

    def failing_columns(self, *, failing: bool) -> list[SearchAttributeUpdate[Any]]:
        """Return what the operators' lists say of it."""
        return [FAILING.value_set(failing)]


async def failing_activities() -> frozenset[str]:
    """Return which of the workflow's activities keep failing, by their types, as Temporal itself says."""
    info = workflow.info()
    found = await workflow.execute_local_activity_method(
        FailureActivities.failing_activities,
        WorkflowRun(workflow_id=info.workflow_id, run_id=info.run_id),
        **LOOK_UP | {"summary": "失敗が続いている処理を調べる"},
    )
    return frozenset(found.names)


def error_of(failed: exceptions.FailureError) -> BaseException | None:
    """Return what an activity has raised; a local activity's error comes as it is, another's as the cause."""
    return failed.cause if isinstance(failed, exceptions.ActivityError) else failed


def is_final(failed: exceptions.FailureError) -> bool:
    """Whether a system has refused the step for good: no further try changes that.

    What an update could not wait for is final to the update alone.
    """
    error = error_of(failed)
    return isinstance(error, exceptions.ApplicationError) and error.non_retryable and error.type != TRY_LATER


def refusal(failed: exceptions.FailureError) -> str:
    """Return why a system has refused a step, in its own words, and which field it is about if it says so.

    What is not for people to read stays in the logs.
    """
    error = error_of(failed)
    reason = error.message if isinstance(error, exceptions.FailureError) else str(error)
    if reason and not is_for_people(reason):
        reason = _in_words(getattr(error, "type", None) or type(error).__name__, "")
    details = error.details[0] if isinstance(error, exceptions.ApplicationError) and error.details else None
    field = details.get("field") if isinstance(details, dict) else None
    return OperationRefusal(reason, field=str(field)) if field else reason


def mail_refusal(failed: exceptions.FailureError) -> str | None:
    """Return why a mail was refused for good; None for a failure of another kind."""
    error = error_of(failed)
    return error.message if isinstance(error, exceptions.ApplicationError) and error.type == MAIL_REFUSED else None


def why_given_up(failed: exceptions.FailureError) -> str:
    """Return the reason that operators read of an activity that was given up; a cancellation is raised again.

    What the server, a library or the SDK says stays in the logs: here it is called by what it means.
    """
    if exceptions.is_cancelled_exception(failed):
        raise failed
    error = error_of(failed)
    if isinstance(error, exceptions.TimeoutError) and error.cause:
        error = error.cause  # the error of its last try is the reason, not the timeout
    if isinstance(error, exceptions.ApplicationError):
        ours = error.non_retryable and is_for_people(error.message)
        return error.message if ours else _in_words(error.type or "ApplicationError", error.message)
    return _in_words("TimeoutError" if isinstance(error, exceptions.TimeoutError) else type(error).__name__, "")


def _in_words(kind: str, said: str) -> str:
    """Say what an error means that is none of ours, by its type."""
    if kind == "MailNotTakenError":
        return f"メールサーバーが受け付けませんでした：{said}"
    if kind == "TimeoutError":
        return "時間内に終わりませんでした"
    if kind in _OF_THE_DATABASE:
        return "データベースが応答しませんでした"
    if kind == "RPCError":
        return "Temporal が応答しませんでした"
    return f"処理の途中で問題が起きました（{kind}。くわしくはログにあります）"


_OF_THE_DATABASE = frozenset(
    {
        "DBAPIError",
        "OperationalError",
        "InterfaceError",
        "ConnectionDoesNotExistError",
        "ConnectionRefusedError",
        "OSError",
    }
)


def why_refused(failed: exceptions.FailureError) -> str:
    """Return why a mail was refused for good; a failure of another kind is raised again."""
    if (because := mail_refusal(failed)) is None:
        raise failed
    return because
