"""The reason that operators read when an activity was given up."""

from temporalio import exceptions

from activities.common.mail_refused import refusal


def why_given_up(failed: exceptions.ActivityError) -> str:
    """Return what kept it from working; a cancellation is raised again."""
    if exceptions.is_cancelled_exception(failed):
        raise failed
    cause = failed.cause
    if isinstance(cause, exceptions.TimeoutError) and cause.cause:
        cause = cause.cause  # the error of its last try is the reason, not the timeout
    return refusal(failed) or str(cause)
