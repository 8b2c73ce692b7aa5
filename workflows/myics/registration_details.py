"""What an operator reads of a registration in the Web UI."""

from models.common.calendar import day_in_japan
from models.myics.operations import OPERATIONS, RegistrationOperation, matters_now
from models.myics.registrations import RegistrationCase, RegistrationKind, RegistrationStage
from models.myics.state import RegistrationState
from workflows.common.details import also_possible, cell, day, history, how_to_act, named, table, to_do_now


def registration_details(state: RegistrationState) -> str:
    """Return what the page of one registration shows: what to do first, what is known after."""
    parts = [f"### {state.case.kind.label}", f"**次にすること：**{cell(next_for_operator(state))}"]
    possible = OPERATIONS.available(state)
    first = [operation for operation in first_for_operator(state) if operation in possible]
    parts.extend(to_do_now(OPERATIONS, first, state.case))
    parts.append(table(("項目", "内容"), _facts(state)))
    if state.users:
        rows = [(number, outcome or "登録待ち") for number, outcome in state.users.items()]
        parts.append(table(("ユーザーの受付番号", "状態"), rows))
    parts.extend(also_possible(OPERATIONS, [each for each in possible if each not in first], state.case))
    parts.extend(history(state.timeline))
    return "\n\n".join(parts)


def first_for_operator(state: RegistrationState) -> tuple[RegistrationOperation, ...]:
    """Return what matters now."""
    return () if state.failing else matters_now(state)


def next_for_operator(state: RegistrationState) -> str:
    """Return what the registration needs now, in one or two sentences."""
    withdraw = named(RegistrationOperation.WITHDRAW)
    if state.refused:
        otherwise = "" if state.leaving else f"進められない場合は{withdraw}で終了します。"
        return (
            f"処理が受け付けられませんでした（{state.refused}）。"
            f"原因を取り除いたら、{named(RegistrationOperation.TRY_AGAIN)}を押してください。{otherwise}"
        )
    if state.outcome:
        return "この手続きは終了しました。操作は不要です。"
    if state.leaving:
        return "終了の処理をしています。操作は不要です。"
    if state.failing:
        return (
            "処理の失敗が続いています。「Pending Activities」のエラーを技術担当者に伝えてください。"
            "原因がなくなれば、自動で続きます。"
        )
    if state.lost:
        note = named(RegistrationOperation.ADD_NOTE)
        return f"{cell(state.what_is_lost)}必要な操作をもう一度行い、{note}で記録してください。"
    if state.locked:
        return (
            "入力の誤りが続いたため、ロックしました。お電話などでご本人を確認できたら、"
            f"{named(RegistrationOperation.UNLOCK)}で解除してください。心当たりがない場合は{withdraw}で終了します。"
        )
    if state.undelivered:
        return _undelivered(state)
    waits = _WAITS.get(state.stage, "システムが処理しています。")
    if state.operator_turn:
        note = named(RegistrationOperation.ADD_NOTE)
        return f"{waits}お客様に連絡し、{note}で記録してください（申込者待ちに戻ります）。"
    return f"{waits}操作は不要です。お客様から連絡を受けたときは、次の操作で記録します。"


def _undelivered(state: RegistrationState) -> str:
    refused = "お客様のメールアドレスに、メールを届けられませんでした（理由は経過にあります）。お客様に"
    if state.case.kind is RegistrationKind.RENEWAL:
        return (
            f"{refused}連絡し、受信できるようになったら{named(RegistrationOperation.RESEND)}で送り直してください。"
            f"不要な場合は{named(RegistrationOperation.WITHDRAW)}で終了します。"
        )
    return (
        f"{refused}正しいアドレスを確認し、{named(RegistrationOperation.CORRECT_ADDRESS)}を押してください。"
        f"登録が不要な場合は{named(RegistrationOperation.WITHDRAW)}で終了します。"
    )


_WAITS = {
    RegistrationStage.INVITED: "メールの URL からの登録を待っています。",
    RegistrationStage.PROVISIONAL: "仮登録が済み、登録の完了を待っています。",
    RegistrationStage.RENEWING: "本人が、メールの URL から新しいパスワードを設定するのを待っています。",
    RegistrationStage.CONFIRMING: "新しいメールアドレスの方が、メールの URL から確認するのを待っています。",
    RegistrationStage.USERS: "顧問先のユーザーの登録を待っています。",
}


def _facts(state: RegistrationState) -> list[tuple[str, str]]:
    facts = [
        ("いまの段階", str(state.outcome or state.stage)),
        ("担当者", cell(state.assignee or "—")),
    ]
    if state.outcome is None:
        facts.insert(1, ("待っている相手", str(state.waiting_for)))
        facts.insert(2, ("期限切れになる日", day(state.expires_on)))
    if state.link_no:
        facts.append(("送った URL", f"{state.link_no} 本目（これより前の URL は使えません）"))
    return facts


def registration_static_details(case: RegistrationCase, name: str, requested_by: str) -> str:
    """Return what does not change: whose registration it is, and how an operation is sent."""
    facts = [
        ("受付番号", case.case_no),
        ("手続き", case.kind.label),
        (case.holder_no.label, case.holder_no),
        ("お名前", cell(name)),
        ("受付", f"{day_in_japan(case.requested_at)}（{cell(requested_by)}）"),
    ]
    return "\n\n".join((table(("項目", "内容"), facts), "**操作のしかた**", how_to_act(case)))
