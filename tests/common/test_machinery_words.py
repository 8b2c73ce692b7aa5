"""What the SDK, a server or a library says in its own words reaches no customer, sender or report."""

import pytest
from temporalio import exceptions
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TerminatedError, TimeoutType

from models.common.messages import MAIL_REFUSED
from workflows.common.failing_activities import why_given_up

WORDS = pytest.mark.robustness("words of the machinery")
ENGLISH = "connection was closed in the middle of operation"


def given_up(error: FailureError) -> str:
    failed = ActivityError(
        "Activity task failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="17@worker",
        activity_type="close_office",
        activity_id="1",
        retry_state=None,
    )
    failed.__cause__ = error
    return why_given_up(failed)


def timed_out(by: FailureError | None) -> exceptions.TimeoutError:
    too_late = TimeoutType.SCHEDULE_TO_CLOSE
    error = exceptions.TimeoutError("activity ScheduleToClose timeout", type=too_late, last_heartbeat_details=[])
    error.__cause__ = by
    return error


@WORDS
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ApplicationError(ENGLISH, type="DBAPIError"), "データベースが応答しませんでした"),
        (ApplicationError(ENGLISH, type="InterfaceError"), "データベースが応答しませんでした"),
        (timed_out(ApplicationError(ENGLISH, type="OperationalError")), "データベースが応答しませんでした"),
        (ApplicationError(ENGLISH, type="RPCError"), "Temporal が応答しませんでした"),
        (timed_out(None), "時間内に終わりませんでした"),
        (ApplicationError(ENGLISH, type="TimeoutError"), "時間内に終わりませんでした"),
        (ApplicationError(ENGLISH, type="KeyError"), "処理の途中で問題が起きました（KeyError。"),
        (TerminatedError(ENGLISH), "処理の途中で問題が起きました（TerminatedError。"),
        (
            ApplicationError("SMTPDataError: 554 5.6.0 content", type="MailNotTakenError"),
            "メールサーバーが受け付けませんでした：SMTPDataError: 554 5.6.0 content",
        ),
        (ApplicationError("宛先がありません。", type=MAIL_REFUSED, non_retryable=True), "宛先がありません。"),
        (ApplicationError("すでに終了しています。", type="CaseClosed", non_retryable=True), "すでに終了しています。"),
    ],
    ids=str,
)
def test_a_report_says_in_japanese_why_a_step_was_given_up(error: FailureError, said: str) -> None:
    assert given_up(error).startswith(said)
    assert ENGLISH not in given_up(error)
