"""A mail that no further try will bring: its address is refused for good, or is none."""

from temporalio.exceptions import ApplicationError

MAIL_REFUSED = "MailRefused"
"""The type of the failure, by which a workflow knows it: `error.cause.type`."""


def mail_refused(because: str) -> ApplicationError:
    """Return the failure that ends an activity at once; `because` is for operators and holds no address."""
    return ApplicationError(because, type=MAIL_REFUSED, non_retryable=True)
