"""Which actions are possible when (Y27): one rule each, for what is shown and for what enters history."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from models.common.approvals import ASKED_ALREADY, NOTHING_ASKED, NOTHING_NAMED, AskedFor, Decision
from models.common.calendar import day_in_japan
from models.common.operations import Operations, usual_example
from models.common.operator_message import ActionMessage
from models.common.placeholders import ISSUED_CONTRACT_ID, OFFICE_TOKEN, TO, YAYOI_ID
from models.yayoi.deadlines import EXTENSION_DAYS, MOST_EXTENSION_DAYS
from models.yayoi.early_exits import EXPIRING
from models.yayoi.follow_up import GROUP_EXISTS
from models.yayoi.messages import Relinked, RememberedLink
from models.yayoi.office_state import OfficeState
from models.yayoi.operator_actions import (
    Action,
    CorrectPair,
    CorrectRelink,
    ExtendDeadline,
    LinkHolder,
    ResendMail,
    RetractRelink,
    RetractSetUpStep,
    ServiceRelinked,
    SetUpStepDone,
)
from models.yayoi.procedures import Procedure, Stage
from models.yayoi.relink_form import RelinkRule
from models.yayoi.service_links import LinkKind


def example(action: Action, state: OfficeState) -> dict[str, Any]:
    """Return the JSON of an action, ready to copy: a placeholder for each value that only a person knows."""
    common = usual_example(action)
    match action:
        case Action.CORRECT_PAIR:
            wrong = {field for problem in state.problems for field in problem.fields}
            wrong_parts = [each for each in (YAYOI_ID, ISSUED_CONTRACT_ID, OFFICE_TOKEN) if each.field in wrong]
            return common | {each.field: each.text for each in wrong_parts or [YAYOI_ID]}
        case Action.EXTEND_DEADLINE:
            return {**common, "until": str(state.expires_on + timedelta(days=EXTENSION_DAYS))}
        case Action.RESEND_MAIL:
            return {**common, "kind": state.first_undelivered or next(reversed(state.mails), "")}
        case Action.RENEW_LINK:
            return {**common, "whose": LinkHolder.APPLICANT}
        case Action.HAND_OVER:
            return {**common, "to": TO.text}
        case Action.APPROVE | Action.DECLINE:
            return {**common, **(state.asked.named if state.asked else NOTHING_NAMED)}
        case Action.REPORT_SET_UP_STEP:
            return {**common, "step": next(iter(state.follow_up.open_steps), "")}
        case Action.RETRACT_SET_UP_STEP:
            return {**common, "step": state.follow_up.retractable or ""}
        case Action.REPORT_RELINK | Action.CORRECT_RELINK | Action.RETRACT_RELINK:
            return {**common, **_link(action, state)}
        case _:
            return common


def _link(action: Action, state: OfficeState) -> dict[str, Any]:
    """Return the link that it is probably about, and the day, which only a person knows."""
    links: Sequence[RememberedLink | Relinked] = state.follow_up.relinked[::-1]
    if action is Action.REPORT_RELINK:
        links = state.follow_up.open_links
    link = next(iter(links), None)
    such_as = day_in_japan(state.timeline[-1].at)
    day = {} if action is Action.RETRACT_RELINK else {"relinked_on": f"再連携した日（例：{such_as}）"}
    return {"kind": link.kind if link else LinkKind.OTHER, "service": link.service if link else "", **day}


def _refusal(action: Action, state: OfficeState) -> str | None:
    """Return why an action of this kind cannot be done now, whatever it says."""
    if state.leaving and not (state.refused and action is Action.TRY_AGAIN):
        return "この手続きは、すでに終了したか、終了の処理中です。"
    if state.after_closing and action not in _AFTER_CLOSING:
        return "この手続きは終了し、残りの設定を受け付けています。ほかの操作は、再開（reopen）してから送ってください。"
    return _RULES[action](state) if action in _RULES else None


_AFTER_CLOSING = {
    Action.REPORT_SET_UP_STEP,
    Action.REPORT_RELINK,
    Action.CORRECT_RELINK,
    Action.RETRACT_SET_UP_STEP,
    Action.RETRACT_RELINK,
    Action.REOPEN,
    Action.ADD_NOTE,
    Action.RESEND_MAIL,
    Action.RENEW_LINK,
    Action.HAND_OVER,
    Action.TRY_AGAIN,
}
"""What can be done with a case that was closed with something open (Y25)."""


def _correcting(state: OfficeState) -> str | None:
    if state.refused and not state.notified_at:
        return None
    if state.stage is Stage.CONFIRMATION or (state.stage is Stage.CORRECTION and state.problems):
        return None
    return "訂正を待っている段階ではありません。"


def _answering_for_holder(state: OfficeState) -> str | None:
    if state.stage is not Stage.CONFIRMATION or not state.waits_for_holder:
        return "契約者の確認を待っている段階ではありません。"
    return None


def _before_notice(state: OfficeState) -> str | None:
    return (
        "完了のお知らせを送った後は却下できません。取り消し（cancel）を使ってください。" if state.notified_at else None
    )


def _sharing(state: OfficeState) -> str | None:
    if not state.case.procedure.linked:
        return "会計連携を利用しない申し込みのため、共有の解除は不要です。"
    if state.sharing_ended:
        return "共有の解除は、すでに記録されています。"
    if state.token_in_doubt:
        return (
            "事業所トークンの訂正を待っているため、どの事業所データのことか分かりません。訂正の後に記録してください。"
        )
    return None


def _releasing(state: OfficeState) -> str | None:
    if reason := _sharing(state):
        return reason
    return None if state.stage is Stage.SHARING else "まだ共有を確認する段階ではありません。"


def _extending(state: OfficeState) -> str | None:
    if state.stage in EXPIRING:
        return None
    return "期限を待っている段階ではありません。"


def _set_up(state: OfficeState) -> str | None:
    if reason := _notified(state):
        return reason
    return None if state.follow_up.open_steps else "STEP5・STEP6 は、すべて記録されています。"


def _relinking(state: OfficeState) -> str | None:
    if reason := _notified(state):
        return reason
    return None if state.follow_up.open_links else "再連携を待っているサービスはありません。"


def _relinked(state: OfficeState) -> str | None:
    if reason := _notified(state):
        return reason
    return None if state.follow_up.relinked else "記録された再連携はありません。"


def _retracting(state: OfficeState) -> str | None:
    if reason := _notified(state):
        return reason
    if state.follow_up.retractable:
        return None
    return GROUP_EXISTS if state.follow_up.done else "STEP5・STEP6 は、まだ記録されていません。"


def _notified(state: OfficeState) -> str | None:
    if state.notified_at is None:
        return "順番が違います。完了のお知らせは、まだ送られていません。"
    return None


def _withdrawing(state: OfficeState) -> str | None:
    if state.set_up_begun:
        return "STEP5 を始めた後は取り下げられません。取り消しの承認を、責任者に依頼してください（ask_cancel）。"
    return None


def _cancelling(state: OfficeState) -> str | None:
    if state.set_up_begun:
        return f"STEP5 を始めた後の取り消しには、責任者の承認が必要です。{_ASK}"
    return None


_ASK = "承認を責任者に依頼してください（ask_cancel）。"


def _asking_to_cancel(state: OfficeState) -> str | None:
    if state.asked:
        return ASKED_ALREADY
    return None if state.set_up_begun else "STEP5 を始める前の取り消しには、承認は不要です（cancel）。"


def _answering(state: OfficeState) -> str | None:
    return None if state.asked else NOTHING_ASKED


def lapsed_because(asked: AskedFor, state: OfficeState) -> str | None:
    """Return why what a supervisor is asked for can no longer be done: the case has moved on (Y27)."""
    if state.leaving or state.after_closing:
        return "手続きが終了したか、終了の処理中です。"
    return None if state.stage == asked.stage else f"手続きが進みました（{state.stage}）。"


_RULES: dict[Action, Callable[[OfficeState], str | None]] = {
    Action.CORRECT_PAIR: _correcting,
    Action.REPORT_CONFIRMED: _answering_for_holder,
    Action.REPORT_NOT_CONFIRMED: _answering_for_holder,
    Action.REJECT: _before_notice,
    Action.RELEASE_SHARING: _releasing,
    Action.REPORT_SHARING_RELEASED: _sharing,
    Action.EXTEND_DEADLINE: _extending,
    Action.REPORT_SET_UP_STEP: _set_up,
    Action.REPORT_RELINK: _relinking,
    Action.CORRECT_RELINK: _relinked,
    Action.RETRACT_SET_UP_STEP: _retracting,
    Action.RETRACT_RELINK: _relinked,
    Action.REOPEN: lambda state: (
        None if state.after_closing else "残りの設定がある状態で終了した手続きではありません。"
    ),
    Action.RESEND_MAIL: lambda state: None if state.mails else "送ったメールは、まだありません。",
    Action.RENEW_LINK: lambda state: (
        "契約者の確認を待っているため、申込者にはまだメールを送れません。" if state.waits_for_holder else None
    ),
    Action.HOLD: lambda state: "すでに保留中です。" if state.held else None,
    Action.RESUME: lambda state: None if state.held else "保留中ではありません。",
    Action.TRY_AGAIN: lambda state: None if state.refused else "受け付けられなかった処理はありません。",
    Action.WITHDRAW: _withdrawing,
    Action.CANCEL: _cancelling,
    Action.ASK_CANCEL: _asking_to_cancel,
    Action.APPROVE: _answering,
    Action.DECLINE: _answering,
}


def _refusal_of(message: ActionMessage, state: OfficeState) -> str | None:
    """Return what is wrong with what this message says."""
    match message:
        case CorrectPair(event_id=str()) if state.stage not in {Stage.CONFIRMATION, Stage.CORRECTION}:
            return "訂正を待っている段階ではありません。"
        case CorrectPair(issued_contract_id=str()) if state.case.procedure is not Procedure.LINK_ADDITION:
            return "issued_contract_id は、会計連携の追加のお申し込みだけで訂正できます。"
        case CorrectPair(yayoi_id=None, office_token=None, issued_contract_id=None):
            also = "、issued_contract_id" if state.case.procedure is Procedure.LINK_ADDITION else ""
            return f"yayoi_id か office_token{also} を指定してください。"
        case Decision() if state.asked:
            return state.asked.refuse(message)
        case ResendMail(kind=kind) if kind not in state.mails:
            sent = "、".join(state.mails)
            return f"{kind} のメールは送っていません。送ったもの：{sent}。"
        case SetUpStepDone(step=step):
            return state.follow_up.refuse_step(step)
        case RetractSetUpStep(step=step):
            return state.follow_up.refuse_retraction(step)
        case CorrectRelink(kind=kind, service=service) | RetractRelink(kind=kind, service=service):
            return state.follow_up.refuse_correction(kind, service)
        case ServiceRelinked(kind=kind, service=service):
            return state.follow_up.refuse_relink(kind, service)
        case _:
            return None


def refuse_days(message: ActionMessage, state: OfficeState, today: date) -> str | None:
    """Return what is wrong today with the days that a message names; None if nothing is.

    A deadline that was moved too far by mistake can be moved back, never before what the applicant was first given.
    """
    match message:
        case ExtendDeadline(until=until):
            first = max(state.case.expires_on, min(today, state.expires_on))
            last = state.case.expires_on + timedelta(days=MOST_EXTENSION_DAYS)
            if until == state.expires_on:
                return f"いまの期限（{until}）と同じ日です。"
            if not first <= until <= last:
                return f"期限は、{first} から {last} までの日を指定してください。"
        case ServiceRelinked(kind=kind, service=service, relinked_on=relinked_on, asked_from=asked_from):
            links = (link for link in state.follow_up.links if (link.kind, link.service) == (kind, service))
            imported = next((link.last_imported_on for link in links), None)
            rule = RelinkRule(kind, today, day_in_japan(state.case.applied_at), imported)
            return "".join(rule.errors(relinked_on, asked_from).values()) or None
    return None


OPERATIONS = Operations[Action, OfficeState](tuple(Action), _refusal, _refusal_of, example)
"""What operators and applicants can do with an office's procedure."""
