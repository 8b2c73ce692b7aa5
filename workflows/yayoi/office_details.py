"""What an operator reads in the Web UI: Current Details in Markdown, in Japanese. Short: they come from a query."""

from models.common.calendar import day_in_japan
from models.common.desk_links import desk_case_path
from models.common.waiting_for import WaitingFor
from models.yayoi.follow_up import FollowUp
from models.yayoi.identifiers import application_workflow_id
from models.yayoi.mails import MailKind
from models.yayoi.messages import OfficeCase, Relinked
from models.yayoi.office_state import OfficeState
from models.yayoi.operator_actions import Action
from models.yayoi.operator_rules import OPERATIONS
from models.yayoi.procedures import Stage
from workflows.common.details import also_possible, cell, day, history, how_to_act, named, page_of, table, to_do_now


def office_details(state: OfficeState) -> str:
    """Return what the page of one office's procedure shows: what to do first, what is known after."""
    parts = [f"### {cell(state.office_name)}", f"**次にすること：**{cell(next_for_operator(state))}"]
    if problems_in_words(state):
        parts.append("\n".join([*_problems(state), *_entered(state)]))
    possible = OPERATIONS.available(state)
    now, called = ([each for each in actions if each in possible] for actions in (_now(state), _when_called(state)))
    parts.extend(to_do_now(OPERATIONS, now, state.case))
    if called:
        parts.extend((f"#### {WHEN_CALLED}", *to_do_now(OPERATIONS, called, state.case)))
    parts.append(table(("項目", "内容"), _facts(state)))
    if state.notified_at and (not state.outcome or state.after_closing):
        parts.append(table(("設定・再連携", "状態"), _follow_up(state.follow_up)))
    if state.follow_up.relinked:
        parts.append("\n".join(_coverage(link) for link in state.follow_up.relinked))
    if state.outcome and state.outcome.kept and not state.after_closing:
        page = desk_case_path(state.case.case_no, state.case.part)
        parts.append(f"お客様の設定と再連携の記録は、終了した後も、[担当者の画面]({page})から追加・訂正できます。")
    parts.extend(also_possible(OPERATIONS, [each for each in possible if each not in (*now, *called)], state.case))
    parts.extend(history(state.timeline))
    return "\n\n".join(parts)


WHEN_CALLED = "お客様から連絡があったとき"


def _problems(state: OfficeState) -> list[str]:
    return [f"- {cell(each)}" for each in problems_in_words(state)]


def problems_in_words(state: OfficeState) -> list[str]:
    """Return what is wrong with the pair, as an operator says it."""
    if state.outcome or state.stage not in {Stage.CONFIRMATION, Stage.CORRECTION}:
        return []
    return [f"{problem.message}{problem.for_operators}" for problem in state.problems]


def first_for_operator(state: OfficeState) -> tuple[Action, ...]:
    """Return what matters now: what is the operator's to do, and what the customer may call about."""
    return (*_now(state), *_when_called(state))


def _entered(state: OfficeState) -> list[str]:
    """Say where the pair is found as it was entered: no address is known to a procedure until somebody corrects it."""
    page = desk_case_path(state.case.case_no, state.case.part)
    place = f"- 申し込まれた弥生ID と事業所トークン：[担当者の画面]({page})と、訂正の入力の画面に出ます"
    return [place, *(f"- 訂正後の{name}：{cell(value)}" for name, value in state.corrected.items())]


def _now(state: OfficeState) -> tuple[Action, ...]:
    """Return what is the operator's to do now."""
    if state.refused:
        return tuple(each for each in (Action.TRY_AGAIN, Action.CORRECT_PAIR, Action.CANCEL) if not state.leaving) or (
            Action.TRY_AGAIN,
        )
    if state.held:
        return (Action.RESUME,)
    if state.asked:
        return (Action.APPROVE, Action.DECLINE)
    if state.lost:
        return (Action.ADD_NOTE,)
    if state.cancellation_asked:
        return (Action.ADD_NOTE, Action.ASK_CANCEL if state.set_up_begun else Action.CANCEL)
    if state.waiting_for is WaitingFor.OPERATOR and not state.failing:
        if state.notice_undelivered:
            return (Action.RESEND_MAIL,)
        return (Action.RESEND_MAIL, Action.ADD_NOTE) if state.undelivered else (Action.ADD_NOTE,)
    return ()


def _when_called(state: OfficeState) -> tuple[Action, ...]:
    """Return what records what the customer says on the phone."""
    return () if state.held or state.failing else SAID_BY_CUSTOMERS.get(state.stage, ())


SAID_BY_CUSTOMERS = {
    Stage.CONFIRMATION: (Action.REPORT_CONFIRMED, Action.REPORT_NOT_CONFIRMED),
    Stage.CORRECTION: (Action.CORRECT_PAIR,),
    Stage.SHARING: (Action.REPORT_SHARING_RELEASED, Action.RELEASE_SHARING),
    Stage.SET_UP: (Action.REPORT_SET_UP_STEP,),
    Stage.RELINK: (Action.REPORT_RELINK,),
    Stage.AFTER_CLOSING: (Action.REPORT_SET_UP_STEP, Action.REPORT_RELINK, Action.REOPEN),
}
"""The stages at which customers are waited for, and the actions that record what they say on the phone."""


def next_for_operator(state: OfficeState) -> str:
    """Return what the case needs now, in one or two sentences."""
    if state.refused:
        otherwise = "お申し込みの内容が原因の場合は訂正し、進められない場合は取り消してください。"
        return (
            f"処理が受け付けられませんでした（{state.refused}）。"
            f"原因を取り除いたら、{named(Action.TRY_AGAIN)}を押してください。{'' if state.leaving else otherwise}"
        )
    if state.after_closing and not state.failing:
        return (
            f"残りの設定がある状態で終了しました。お客様は {day(state.waits_until)} まで、画面から設定できます。"
            f"操作は不要です（催促はしません）。連絡を受けたときは、「{WHEN_CALLED}」の操作で記録するか、"
            f"催促も含めて再開するときは{named(Action.REOPEN)}を押してください。"
        )
    if state.outcome and not state.after_closing:
        return "この手続きは終了しました。操作は不要です。"
    if state.early_exit:
        return "終了の処理をしています。操作は不要です。"
    if state.held:
        return f"保留中です。再開するときは{named(Action.RESUME)}を押してください。"
    if state.failing:
        return (
            "処理の失敗が続いています。「Pending Activities」のエラーを技術担当者に伝えてください。"
            "原因がなくなれば、自動で続きます。"
        )
    if state.waiting_for is WaitingFor.OPERATOR and (asked := _asked(state)):
        return asked
    if state.waiting_for is WaitingFor.SYSTEM:
        return "システムが処理しています。操作は不要です。"
    waits = _WAITS.get(state.stage, "")
    if state.waiting_for is WaitingFor.OPERATOR:
        return f"{waits}お客様に連絡し、{named(Action.ADD_NOTE)}で記録してください（申込者待ちに戻ります）。"
    return f"{waits}操作は不要です。連絡を受けたときは、「{WHEN_CALLED}」の操作で記録します。"


def _asked(state: OfficeState) -> str | None:
    """Say what an operator is asked for."""
    if state.asked:
        return (
            f"責任者の承認を待っています：{state.asked.shown}。依頼した人とは別の責任者が、"
            f"{day(state.asked.lapses_on)}までに、承認するかどうかを答えてください。過ぎると、依頼は失効します。"
        )
    if state.lost:
        note = named(Action.ADD_NOTE)
        return f"{cell(state.what_is_lost)}必要な操作をもう一度行い、{note}で記録してください。"
    if state.cancellation_asked:
        return (
            "Temporal から取り消しの依頼（Request Cancellation）がありました。だれの依頼かは分からないため、何も"
            "取り消していません。取り消さないときは、"
            f"{named(Action.ADD_NOTE)}で記録してください。"
        )
    return _undelivered(state, state.first_undelivered) if state.first_undelivered else None


def _undelivered(state: OfficeState, kind: MailKind) -> str:
    reason = state.undelivered[kind]
    goes_on = "届くまで先へ進みません" if state.stage is Stage.NOTIFY else "ほかの手続きは続いています"
    return (
        f"「{kind.subject}」のメールを届けられませんでした。{reason}お客様に電話などで連絡し、"
        f"受け取れるようになったら{named(Action.RESEND_MAIL)}で送り直してください（{goes_on}）。"
    )


_WAITS = {
    Stage.CONFIRMATION: "契約者（元のお客様番号の登録アドレスの方）の確認を待っています。",
    Stage.CORRECTION: "申込内容の訂正を待っています。",
    Stage.SHARING: "申込者が会計事務所との共有を解除するのを待っています。",
    Stage.SET_UP: "お客様の STEP5・STEP6 の設定を待っています。",
    Stage.RELINK: "お客様がサービスを再連携するのを待っています。",
}


_DEADLINES = {
    Stage.CONFIRMATION: "期限切れになる日",
    Stage.CORRECTION: "期限切れになる日",
    Stage.SHARING: "期限切れになる日",
    Stage.SET_UP: "終了にする日",
    Stage.RELINK: "終了にする日",
    Stage.AFTER_CLOSING: "受け付けが終わる日",
}


def _facts(state: OfficeState) -> list[tuple[str, str]]:
    waiting = [("待っている相手", f"{WaitingFor.OPERATOR}（再開）" if state.held else str(state.waiting_for))]
    if state.waits_until:
        waiting.append((_DEADLINES.get(state.stage, "期限"), day(state.waits_until)))
    facts = [
        ("いまの段階", _stage(state)),
        *(waiting if not state.outcome or state.after_closing else ()),
        ("完了予定日", day(state.case.due_date) + ("　**遅れています**" if state.overdue else "")),
        ("担当者", cell(state.assignee or "—")),
        ("新しい契約ID", state.contract_id or "—"),
    ]
    if state.shared_with:
        facts.append(("会計事務所との共有", "、".join(map(cell, state.shared_with))))
    return facts


def _stage(state: OfficeState) -> str:
    if state.after_closing:
        return f"{state.stage}（{state.outcome}）"
    return str(state.outcome or state.stage) + ("　**保留中**" if state.held else "")


def _follow_up(follow_up: FollowUp) -> list[tuple[str, str]]:
    return [
        *((step.label, "済" if step in follow_up.done else "まだ") for step in follow_up.steps),
        *((f"{link.label}の再連携", "まだ") for link in follow_up.open_links),
    ]


def _coverage(link: Relinked) -> str:
    """Say what the re-link covers (Y21); a list, since no table of so many columns fits beside the details."""
    covered = link.coverage
    return (
        f"- **{link.label}**　前回 {day(covered.last_imported_on)} まで、"
        f"今回 {day(covered.first_covered_on)} から　抜けのおそれ：{covered.missing or 'なし'}　"
        f"重複のおそれ：{covered.doubled or 'なし'}"
    )


def office_static_details(case: OfficeCase, namespace: str) -> str:
    """Return what does not change, shown beside Current Details: whose case, and how an action is sent."""
    application = page_of(namespace, application_workflow_id(case.case_no))
    facts = [
        ("申込番号", f"[{case.case_no}]({application})（申込全体の画面）"),
        ("手続き", case.procedure),
        ("元のお客様番号", case.existing_contract_id),
        ("申込日", day(day_in_japan(case.applied_at))),
    ]
    return "\n\n".join((table(("項目", "内容"), facts), "**操作のしかた**", how_to_act(case)))
