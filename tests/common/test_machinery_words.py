"""What the SDK, a server or a library says in its own words reaches no customer, sender or report."""

import pytest
from temporalio import exceptions
from temporalio.client import WorkflowUpdateFailedError
from temporalio.converter._payload_validation_error import create_payload_validation_error
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    ServerError,
    TerminatedError,
    TimeoutType,
)

from models.common.messages import MAIL_REFUSED
from web.common.operation_sender import UNSAID, Refused, Why, _outcome_of
from workflows.common.failing_activities import refusal, why_given_up

WORDS = pytest.mark.robustness("words of the machinery")
OF_NOBODY = "弥生ID office-a@example.jp（Green Tea Shop）は、YS-000001 で使われています。"
QUOTING = (
    'duplicate key value violates unique constraint "pk"\nDETAIL:  Key (name)=(弥生 太郎) already exists.',
    "invalid input value for enum kind: 銀行",
    "Invalid name: '弥生 太郎'",
    'Field "姓" not found',
    "JSONDecodeError(弥生)",
    "could not open file /申込/データ: no such file",
)
"""What libraries and servers say, with what somebody has typed in it."""
ENGLISH = "connection was closed in the middle of operation"


def failed_by(error: FailureError) -> ActivityError:
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
    return failed


def given_up(error: FailureError) -> str:
    return why_given_up(failed_by(error))


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
        # The SDK's own are final as well, and say nothing to people.
        (create_payload_validation_error({"field": ENGLISH}), "処理の途中で問題が起きました（PayloadValidationError。"),
        (ApplicationError(ENGLISH, non_retryable=True), "処理の途中で問題が起きました（ApplicationError。"),
        (timed_out(ApplicationError(ENGLISH, type="X", non_retryable=True)), "処理の途中で問題が起きました（X。"),
        (ServerError(ENGLISH, non_retryable=True), "処理の途中で問題が起きました（ServerError。"),
        (ApplicationError("宛先がありません。", type=MAIL_REFUSED, non_retryable=True), "宛先がありません。"),
        (ApplicationError("すでに終了しています。", type="CaseClosed", non_retryable=True), "すでに終了しています。"),
    ],
    ids=str,
)
def test_a_report_says_in_japanese_why_a_step_was_given_up(error: FailureError, said: str) -> None:
    assert given_up(error).startswith(said)
    assert ENGLISH not in given_up(error)


@WORDS
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ApplicationError("登録されていません。", {"field": "yayoi_id"}, non_retryable=True), "登録されていません。"),
        (create_payload_validation_error(None), "処理の途中で問題が起きました（PayloadValidationError。"),
        (ApplicationError(ENGLISH, type="Vendor", non_retryable=True), "処理の途中で問題が起きました（Vendor。"),
        (ApplicationError("弥生 ID", type="Vendor", non_retryable=True), "弥生 ID"),
        (ApplicationError(OF_NOBODY, type="Vendor", non_retryable=True), OF_NOBODY),
        *(
            (ApplicationError(said, type="V", non_retryable=True), "処理の途中で問題が起きました（V。")
            for said in QUOTING
        ),
        (ApplicationError("Failed decoding heartbeat details", non_retryable=True), "処理の途中で問題が起きました（"),
        (ApplicationError("", non_retryable=True), ""),
    ],
    ids=str,
)
def test_a_refusal_of_another_system_is_shown_only_if_it_is_for_people(error: ApplicationError, said: str) -> None:
    assert refusal(failed_by(error)).startswith(said)
    assert refusal(error).startswith(said)  # of a local activity it comes as it is


@WORDS
def test_an_update_that_the_sdk_refuses_for_good_is_not_said_in_its_words() -> None:
    for cause in (create_payload_validation_error(None), ApplicationError(ENGLISH, non_retryable=True)):
        outcome = _outcome_of(WorkflowUpdateFailedError(cause))
        assert isinstance(outcome, Refused)
        assert (outcome.reason, outcome.why) == (UNSAID, Why.BY_THE_MACHINERY)
    ours = _outcome_of(WorkflowUpdateFailedError(ApplicationError("いまはできません。", non_retryable=True)))
    assert ours == Refused("いまはできません。")
