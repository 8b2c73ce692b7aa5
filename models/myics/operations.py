"""What operators can do with a registration, and when (M8)."""

from collections.abc import Callable
from datetime import timedelta

from pydantic import Field

from models.common.identifiers import MailAddress
from models.common.operations import Operation, Operations
from models.common.operator_actions import EndCase, HandOver
from models.common.operator_message import ActionMessage
from models.common.refusals import OperationRefusal
from models.common.typed_days import TypedDay
from models.myics.deadlines import EXTENSION_DAYS, MOST_EXTENSION_YEARS
from models.myics.registrations import RegistrationKind, RegistrationStage
from models.myics.state import RegistrationState


class ExtendLink(ActionMessage):
    """Give the registrant longer: a new link that can be used until then (M8)."""

    until: TypedDay = Field(title="新しい期限")


class CorrectMailAddress(ActionMessage):
    """Send to another address from now on; the link that went to the old one ends (M8)."""

    mail_address: MailAddress = Field(title="正しいメールアドレス")


class RegistrationOperation(Operation):
    """The updates, by their names in the Web UI's list."""

    RESEND = "resend", ActionMessage, "URL を送り直す（前の URL は使えなくなります）"
    EXTEND_DEADLINE = "extend_deadline", ExtendLink, "期限を延ばす（新しい URL を送ります）"
    CORRECT_ADDRESS = "correct_address", CorrectMailAddress, "メールアドレスを訂正する（新しい URL を送ります）"
    UNLOCK = "unlock", ActionMessage, "本人を確認して、ロックを解除する"
    ADD_NOTE = "add_note", ActionMessage, "対応を記録する（メモ）"
    HAND_OVER = "hand_over", HandOver, "担当者を替える"
    TRY_AGAIN = "try_again", ActionMessage, "受け付けられなかった処理を、もう一度試す"
    WITHDRAW = "withdraw", EndCase, "取り下げる"


def _refusal(operation: RegistrationOperation, state: RegistrationState) -> str | None:
    if state.leaving and not (state.refused and operation is RegistrationOperation.TRY_AGAIN):
        return "この手続きは、すでに終了したか、終了の処理中です。"
    return _RULES[operation](state) if operation in _RULES else None


def _linked(state: RegistrationState) -> str | None:
    if not state.case.kind.has_link:
        return "この手続きでは、URL をメールで送りません。"
    if not state.link_no:
        return "最初の URL を、まだ送っていません。少し待ってから、もう一度操作してください。"
    return None


def _invited(state: RegistrationState) -> str | None:
    if state.case.kind is RegistrationKind.RENEWAL:
        return (
            "パスワードの再設定では、期限もメールアドレスも変えられません。URL は、ご登録のアドレスにだけ送ります。"
            "期限が過ぎたときは、お客様に「パスワードをお忘れの方」の画面からもう一度お申し込みいただいてください。"
        )
    return _linked(state)


def _locked(state: RegistrationState) -> str | None:
    return None if state.locked else "ロックされていません。"


_RULES: dict[RegistrationOperation, Callable[[RegistrationState], str | None]] = {
    RegistrationOperation.RESEND: _linked,
    RegistrationOperation.EXTEND_DEADLINE: _invited,
    RegistrationOperation.CORRECT_ADDRESS: _invited,
    RegistrationOperation.UNLOCK: _locked,
    RegistrationOperation.TRY_AGAIN: lambda state: None if state.refused else "受け付けられなかった処理はありません。",
}


def _refusal_of(message: ActionMessage, state: RegistrationState) -> str | None:
    match message:
        case ExtendLink(until=until) if until <= state.expires_on:
            return OperationRefusal(f"いまの期限（{state.expires_on}）より後の日を指定してください。", field="until")
        case ExtendLink(until=until) if until > state.expires_on + timedelta(days=366 * MOST_EXTENSION_YEARS):
            return OperationRefusal(f"期限を延ばせるのは {MOST_EXTENSION_YEARS} 年までです。", field="until")
        case _:
            return None


def _known(operation: RegistrationOperation, state: RegistrationState) -> dict[str, str]:
    if operation is RegistrationOperation.EXTEND_DEADLINE:
        return {"until": str(state.expires_on + timedelta(days=EXTENSION_DAYS))}
    return {}


OPERATIONS = Operations[RegistrationOperation, RegistrationState](
    tuple(RegistrationOperation), _refusal, _refusal_of, _known
)


def matters_now(state: RegistrationState) -> tuple[RegistrationOperation, ...]:
    """Return the operations that matter most at the registration's stage."""
    if state.refused:
        return (RegistrationOperation.TRY_AGAIN, RegistrationOperation.WITHDRAW)
    if state.locked:
        return (RegistrationOperation.UNLOCK,)
    if state.undelivered:
        renewal = state.case.kind is RegistrationKind.RENEWAL
        return (
            RegistrationOperation.RESEND if renewal else RegistrationOperation.CORRECT_ADDRESS,
            RegistrationOperation.WITHDRAW,
        )
    note = (RegistrationOperation.ADD_NOTE,) if state.operator_turn else ()
    if state.stage is RegistrationStage.RENEWING:
        return (RegistrationOperation.RESEND, *note)
    if state.stage in {RegistrationStage.INVITED, RegistrationStage.PROVISIONAL, RegistrationStage.CONFIRMING}:
        return (RegistrationOperation.RESEND, RegistrationOperation.CORRECT_ADDRESS, *note)
    return note
