"""Which actions are possible when (Y27): one rule each, for what is shown and for what enters history."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from models.common.actors import Actor
from models.common.approvals import ASKED_ALREADY, NOTHING_ASKED, AskedFor, Decision
from models.common.calendar import day_in_japan
from models.common.operations import Operations
from models.common.operator_message import ActionMessage
from models.common.possible_operations import Choice
from models.common.refusals import OperationRefusal
from models.yayoi.application_state import ApplicationState
from models.yayoi.deadlines import EXTENSION_DAYS, MOST_EXTENSION_DAYS
from models.yayoi.early_exits import EXPIRING
from models.yayoi.follow_up import GROUP_EXISTS, FollowUp
from models.yayoi.mails import MailKind
from models.yayoi.messages import NumberedLink, SendMail
from models.yayoi.office_state import OfficeState
from models.yayoi.operator_actions import (
    Action,
    CorrectNames,
    CorrectPair,
    CorrectRelink,
    ExtendDeadline,
    LinkHolder,
    RenewLink,
    ResendMail,
    RetractRelink,
    RetractSetUpStep,
    ServiceRelinked,
    SetUpStepDone,
)
from models.yayoi.procedures import Procedure, SetUpStep, Stage
from models.yayoi.relink_form import RelinkRule


def _known(action: Action, state: OfficeState) -> dict[str, str]:
    if action is Action.EXTEND_DEADLINE:
        return {"until": str(state.expires_on + timedelta(days=EXTENSION_DAYS))}
    return {}


def _choices(action: Action, state: OfficeState) -> tuple[Choice, ...]:
    match action:
        case Action.RESEND_MAIL:
            newest = list(state.mails)[::-1]
            newest.sort(key=lambda kind: kind != state.first_undelivered)
            return tuple(_mail(state.mails[kind]) for kind in newest)
        case Action.RENEW_LINK:
            return tuple(Choice(label=each.label, values={"whose": each}) for each in _links_sent(state))
        case Action.RETRACT_REQUEST | Action.APPROVE | Action.DECLINE:
            return (Choice(label=state.asked.shown, values=state.asked.named),) if state.asked else ()
        case _:
            return choices_of_record(action, state.follow_up)


RECORDS = (
    Action.REPORT_SET_UP_STEP,
    Action.REPORT_RELINK,
    Action.CORRECT_RELINK,
    Action.RETRACT_SET_UP_STEP,
    Action.RETRACT_RELINK,
)
"""What says only what the customer has done after the notice: possible as long as the case is kept (Y21, Y25)."""


def choices_of_record(action: Action, follow_up: FollowUp) -> tuple[Choice, ...]:
    """Return what an action of `RECORDS` can be about now; nothing for any other."""
    match action:
        case Action.REPORT_SET_UP_STEP:  # each needs those before it (Y20)
            return _steps(follow_up.open_steps[:1])
        case Action.RETRACT_SET_UP_STEP:
            return _steps([follow_up.retractable] if follow_up.retractable else [])
        case Action.REPORT_RELINK:
            return _links(follow_up.open_links)
        case Action.CORRECT_RELINK | Action.RETRACT_RELINK:
            return _links(follow_up.relinked[::-1])
        case _:
            return ()


def _links_sent(state: OfficeState) -> Sequence[LinkHolder]:
    """Return whose links can have been mailed: as long as the contract's holder is waited for, theirs alone (Y5a)."""
    if state.waits_for_holder:
        return [LinkHolder.HOLDER]
    asked = MailKind.CONFIRM_APPLICATIONS in state.mails
    return [each for each in LinkHolder if asked or each is not LinkHolder.HOLDER]


def _mail(mail: SendMail) -> Choice:
    asked = mail.model_dump(mode="json", exclude_defaults=True)
    return Choice(label=mail.kind.subject, values={"kind": mail.kind}, mail=asked)


def _steps(steps: Sequence[SetUpStep]) -> tuple[Choice, ...]:
    return tuple(Choice(label=step.label, values={"step": step}) for step in steps)


def _links(links: Sequence[NumberedLink]) -> tuple[Choice, ...]:
    return tuple(Choice(label=link.label, values={"link": str(link.number)}) for link in links)


def _unneeded(action: Action, state: OfficeState) -> tuple[str, ...]:
    """Only an addition names an ID that was issued before, and only offices that are not linked are called as typed."""
    procedure = state.case.procedure
    if action is Action.CORRECT_PAIR and procedure is not Procedure.LINK_ADDITION:
        return ("issued_contract_id",)
    return ("office_name",) if action is Action.CORRECT_NAMES and procedure.linked else ()


def _refusal(action: Action, state: OfficeState) -> str | None:
    """Return why an action of this kind cannot be done now, whatever it says."""
    if state.leaving and not (state.refused and action is Action.TRY_AGAIN):
        return "この手続きは、すでに終了したか、終了の処理中です。"
    if state.after_closing and action not in _AFTER_CLOSING:
        return "この手続きは終了し、残りの設定を受け付けています。ほかの操作は、再開してから行ってください。"
    return _RULES[action](state) if action in _RULES else None


_AFTER_CLOSING = {
    *RECORDS,
    Action.CORRECT_NAMES,
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
    return "完了のお知らせを送った後は却下できません。「取り消す」を使ってください。" if state.notified_at else None


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
        return "STEP5 を始めた後は取り下げられません。取り消しの承認を、責任者に依頼してください。"
    return None


def _cancelling(state: OfficeState) -> str | None:
    if state.set_up_begun:
        return f"STEP5 を始めた後の取り消しには、責任者の承認が必要です。{_ASK}"
    return None


_ASK = "承認を責任者に依頼してください。"


def _asking_to_cancel(state: OfficeState) -> str | None:
    if state.asked:
        return ASKED_ALREADY
    return None if state.set_up_begun else "STEP5 を始める前の取り消しには、承認は不要です。"


def _answering(state: OfficeState) -> str | None:
    return None if state.asked else NOTHING_ASKED


def refuse_answer(action: Action, asked: AskedFor, who: Actor | None) -> str | None:
    """Return why this actor cannot answer what a supervisor is asked for, or take it back."""
    if action is Action.APPROVE:
        return asked.refuse_approval(who)
    return asked.refuse_retraction(who) if action is Action.RETRACT_REQUEST else None


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
    Action.HOLD: lambda state: "すでに保留中です。" if state.held else None,
    Action.RESUME: lambda state: None if state.held else "保留中ではありません。",
    Action.TRY_AGAIN: lambda state: None if state.refused else "受け付けられなかった処理はありません。",
    Action.WITHDRAW: _withdrawing,
    Action.CANCEL: _cancelling,
    Action.ASK_CANCEL: _asking_to_cancel,
    Action.RETRACT_REQUEST: _answering,
    Action.APPROVE: _answering,
    Action.DECLINE: _answering,
}


def _refusal_of(message: ActionMessage, state: OfficeState) -> str | None:
    """Return what is wrong with what this message says."""
    match message:
        case CorrectPair():
            return _refusal_of_correction(message, state)
        case CorrectNames():
            return _refusal_of_names(message, state)
        case Decision() if state.asked:
            return _beside("asked", state.asked.refuse(message))
        case ResendMail(kind=kind) if kind not in state.mails:
            sent = "、".join(state.mails)
            return OperationRefusal(f"{kind} のメールは送っていません。送ったもの：{sent}。", field="kind")
        case RenewLink(whose=whose):
            return _beside("whose", _not_mailed(whose, state))
        case _:
            return refuse_record(message, state.follow_up)


def refuse_record(message: ActionMessage, follow_up: FollowUp) -> str | None:
    """Return why what the customer has done cannot be recorded as this message says; None if it can."""
    match message:
        case SetUpStepDone(step=step):
            return _beside("step", follow_up.refuse_step(step))
        case RetractSetUpStep(step=step):
            return _beside("step", follow_up.refuse_retraction(step))
        case CorrectRelink(link=link) | RetractRelink(link=link):
            return _beside("link", follow_up.refuse_correction(link))
        case ServiceRelinked(link=link):
            return _beside("link", follow_up.refuse_relink(link))
        case _:
            return None


def _refusal_of_correction(message: CorrectPair, state: OfficeState) -> str | None:
    match message:
        case CorrectPair(event_id=str()) if state.stage not in {Stage.CONFIRMATION, Stage.CORRECTION}:
            return "訂正を待っている段階ではありません。"
        case CorrectPair(issued_contract_id=str()) if state.case.procedure is not Procedure.LINK_ADDITION:
            return OperationRefusal(
                "発行済みのサービス契約ID は、会計連携の追加のお申し込みだけで訂正できます。",
                field="issued_contract_id",
            )
        case CorrectPair(yayoi_id=None, office_token=None, issued_contract_id=None):
            fields = {"yayoi_id": "弥生ID", "office_token": "事業所トークン", "issued_contract_id": "サービス契約ID"}
            names = [name for field, name in fields.items() if field not in _unneeded(Action.CORRECT_PAIR, state)]
            return OperationRefusal(f"{'・'.join(names)}のうち、訂正するものを入力してください。", field="yayoi_id")
        case _:
            return None


def _refusal_of_names(message: CorrectNames, state: OfficeState) -> str | None:
    if message.office_name and state.case.procedure.linked:
        return OperationRefusal("会計連携を利用する事業所データの名前は、登録されている名前です。", field="office_name")
    if not (message.family_name or message.given_name or message.office_name):
        return OperationRefusal("訂正する名前を入力してください。", field="family_name")
    return None


def _not_mailed(whose: LinkHolder, state: OfficeState) -> str | None:
    """Return why there is no link of theirs."""
    if whose in _links_sent(state):
        return None
    if state.waits_for_holder:
        return "契約者の確認を待っているため、申込者にはまだメールを送れません。"
    return "契約者に確認を依頼したお申し込みではありません。"


def _beside(field: str, reason: str | None) -> OperationRefusal | None:
    return None if reason is None else OperationRefusal(reason, field=field)


def refuse_days(message: ActionMessage, state: OfficeState, today: date) -> str | None:
    """Return what is wrong today with the days that a message names; None if nothing is.

    A deadline that was moved too far by mistake can be moved back, never before what the applicant was first given.
    """
    match message:
        case ExtendDeadline(until=until):
            first = max(state.case.expires_on, min(today, state.expires_on))
            last = state.case.expires_on + timedelta(days=MOST_EXTENSION_DAYS)
            if until == state.expires_on:
                return OperationRefusal(f"いまの期限（{until}）と同じ日です。", field="until")
            if not first <= until <= last:
                return OperationRefusal(f"期限は、{first} から {last} までの日を指定してください。", field="until")
        case ServiceRelinked():
            return refuse_relink_days(message, state.follow_up, day_in_japan(state.case.applied_at), today)
    return None


def refuse_relink_days(message: ServiceRelinked, follow_up: FollowUp, applied_on: date, today: date) -> str | None:
    """Return what is wrong today with the days of a re-link; None if nothing is, or there is no such link (Y21)."""
    link = next((each for each in follow_up.links if each.number == message.link), None)
    if link is None:
        return None
    rule = RelinkRule(link.kind, today, applied_on, link.last_imported_on)
    errors = rule.errors(message.relinked_on, message.asked_from)
    return OperationRefusal("".join(errors.values()), field=next(iter(errors))) if errors else None


OPERATIONS = Operations[Action, OfficeState](tuple(Action), _refusal, _refusal_of, _known, _choices, _unneeded)
"""What operators and applicants can do with an office's procedure."""


def _cancelling_all(_: Action, state: ApplicationState) -> str | None:
    if state.all_ended:
        return "すべての事業所データの手続きが、すでに終了しています。取り消すものはありません。"
    return None


CANCEL_ALL = "申込全体を取り消す"
OF_APPLICATIONS = Operations[Action, ApplicationState](
    (Action.CANCEL,), _cancelling_all, labels={Action.CANCEL: CANCEL_ALL}
)
"""What they can do with an application as a whole."""
