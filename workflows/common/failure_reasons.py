"""What is said of an activity that was given up, so that one thing that is not possible holds up no other."""

from temporalio import exceptions

from activities.common.mail_refused import refusal


def why_given_up(failed: exceptions.ActivityError) -> str:
    """Return for operators what kept it from working. That it was cancelled is raised again."""
    if exceptions.is_cancelled_exception(failed):
        raise failed
    cause = failed.cause
    if isinstance(cause, exceptions.TimeoutError) and cause.cause:
        cause = cause.cause  # its last try says more than that time is over
    return refusal(failed) or str(cause)
