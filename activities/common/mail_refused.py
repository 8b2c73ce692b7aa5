"""A mail that no further try will deliver: its address is refused for good, or is none."""

from temporalio.exceptions import ActivityError, ApplicationError

MAIL_REFUSED = "MailRefused"
"""The type of the failure, by which a workflow knows it: `error.cause.type`."""


def mail_refused(because: str) -> ApplicationError:
    """Return the failure that ends an activity at once; `because` is for operators and holds no address."""
    return ApplicationError(because, type=MAIL_REFUSED, non_retryable=True)


def why_refused(failed: ActivityError) -> str:
    """Return why the mail was refused for good; a failure of another kind is raised again."""
    if (because := refusal(failed)) is None:
        raise failed
    return because


def refusal(failed: ActivityError) -> str | None:
    """Return why the mail was refused for good; None for a failure of another kind."""
    cause = failed.cause
    return cause.message if isinstance(cause, ApplicationError) and cause.type == MAIL_REFUSED else None
