"""Showing operators that an activity keeps failing, as long as it does, or why it was given up."""

from temporalio import exceptions, workflow

with workflow.unsafe.imports_passed_through():
    from models.common.messages import ACTIVITY_FAILING, MAIL_REFUSED
    from workflows.common.search_attributes import FAILING


class FailureFlag:
    """The base of a workflow that is in the operators' list of failures while one of its activities keeps failing."""

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗が続いていることの報告（システム用）")
    def activity_failing(self, activity: str) -> None:
        self.show_failing(activity)

    def show_failing(self, activity: str) -> None:  # noqa: ARG002 Pending Activities say what and why
        """Show that an activity, named by its type, keeps failing; by default, only in the list."""
        workflow.upsert_search_attributes([FAILING.value_set(True)])


def no_longer_failing(failing: set[str], activity: str) -> bool:
    """Remove an activity that has ended from those that keep failing; True if it was the last of them."""
    was_failing = bool(failing)
    failing.discard(activity)
    return was_failing and not failing


def why_given_up(failed: exceptions.ActivityError) -> str:
    """Return the reason that operators read of an activity that was given up; a cancellation is raised again."""
    if exceptions.is_cancelled_exception(failed):
        raise failed
    cause = failed.cause
    if isinstance(cause, exceptions.TimeoutError) and cause.cause:
        cause = cause.cause  # the error of its last try is the reason, not the timeout
    return refusal(failed) or str(cause)


def why_refused(failed: exceptions.ActivityError) -> str:
    """Return why a mail was refused for good; a failure of another kind is raised again."""
    if (because := refusal(failed)) is None:
        raise failed
    return because


def refusal(failed: exceptions.ActivityError) -> str | None:
    """Return why a mail was refused for good; None for a failure of another kind."""
    cause = failed.cause
    return cause.message if isinstance(cause, exceptions.ApplicationError) and cause.type == MAIL_REFUSED else None
