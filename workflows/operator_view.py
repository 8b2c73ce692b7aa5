"""What an operator reads in the Web UI: Current Details in Markdown, in Japanese. Short: they come from a query."""

from collections.abc import Sequence

from models.actions import Action
from models.calendar import day_in_japan
from models.follow_up import FollowUp
from models.identifiers import application_workflow_id, office_workflow_id
from models.messages import ApplicationCase, OfficeCase, OfficeProgress, Relinked
from models.office_state import OfficeState
from models.permissions import OPERATIONS, available
from models.procedures import Stage, WaitingFor
from workflows.details import also_possible, cell, day, history, how_to_send, page_of, table, to_do_now


def office_details(state: OfficeState) -> str:
    """Return what the page of one office's procedure shows: what to do first, what is known after."""
    parts = [f"### {cell(state.office_name)}", f"**次にすること：**{next_for_operator(state)}"]
    if state.problems and state.stage is Stage.CORRECTION:
        parts.append("\n".join(f"- **{problem.rule}** {cell(problem.message)}" for problem in state.problems))
    possible = available(state)
    first = [action for action in _first(state) if action in possible]
    parts.extend(to_do_now(OPERATIONS, first, state))
    parts.append(table(("項目", "内容"), _facts(state)))
    if state.notified_at and not state.outcome:
        parts.append(table(("設定・再連携", "状態"), _follow_up(state.follow_up)))
    if state.follow_up.relinked:
        parts.append("\n".join(_coverage(link) for link in state.follow_up.relinked))
    parts.extend(also_possible(OPERATIONS, [action for action in possible if action not in first], state))
    parts.extend(history(state.timeline))
    return "\n\n".join(parts)


def _first(state: OfficeState) -> tuple[Action, ...]:
    """Return the actions that matter now; the others stand in one compact block further down."""
    if state.held:
        return (Action.RESUME,)
    if state.failing:
        return ()
    note = (Action.ADD_NOTE,) if state.waiting_for is WaitingFor.OPERATOR else ()
    return (*_FIRST.get(state.stage, ()), *note)


_FIRST = {
    Stage.CORRECTION: (Action.CORRECT_PAIR, Action.ACCEPT_PAIR),
    Stage.SHARING: (Action.REPORT_SHARING_RELEASED, Action.RELEASE_SHARING),
    Stage.SET_UP: (Action.REPORT_SET_UP_STEP,),
    Stage.RELINK: (Action.REPORT_RELINK,),
}


def next_for_operator(state: OfficeState) -> str:
    """Return what the case needs now, in one or two sentences."""
    if state.outcome:
        return "この手続きは終了しました。操作は不要です。"
    if state.way_out:
        return "終了の処理をしています。操作は不要です。"
    if state.held:
        return "保留中です。再開するときは `resume` を送ってください。"
    if state.failing:
        return (
            "処理の失敗が続いています。「Pending Activities」のエラーを技術担当者に伝えてください。"
            "原因がなくなれば、自動で続きます。"
        )
    if state.waiting_for is WaitingFor.SYSTEM:
        return "システムが処理しています。操作は不要です。"
    if state.waiting_for is WaitingFor.OPERATOR:
        return (
            f"{_WAITS[state.stage]}お客様に連絡し、対応したら `add_note` で記録してください（申込者待ちに戻ります）。"
        )
    return f"{_WAITS[state.stage]}操作は不要です。お客様から連絡を受けたときは、次の操作で記録します。"


_WAITS = {
    Stage.CORRECTION: "申込内容の訂正を待っています。",
    Stage.SHARING: "申込者が会計事務所との共有を解除するのを待っています。",
    Stage.SET_UP: "お客様の STEP5・STEP6 の設定を待っています。",
    Stage.RELINK: "お客様がサービスを再連携するのを待っています。",
}


_DEADLINES = {
    Stage.CORRECTION: "期限切れになる日",
    Stage.SHARING: "期限切れになる日",
    Stage.SET_UP: "終了にする日",
    Stage.RELINK: "終了にする日",
}


def _facts(state: OfficeState) -> list[tuple[str, str]]:
    waiting = [("待っている相手", str(state.waiting_for))]
    if state.waits_until:
        waiting.append((_DEADLINES.get(state.stage, "期限"), day(state.waits_until)))
    facts = [
        ("いまの段階", str(state.outcome or state.stage) + ("　**保留中**" if state.held else "")),
        *(waiting if not state.outcome else ()),
        ("完了予定日", day(state.case.due_date) + ("　**遅れています**" if state.overdue else "")),
        ("担当者", cell(state.assignee or "—")),
        ("新しい契約ID", state.contract_id or "—"),
    ]
    if state.shared_with:
        facts.append(("会計事務所との共有", "、".join(map(cell, state.shared_with))))
    return facts


def _follow_up(follow_up: FollowUp) -> list[tuple[str, str]]:
    return [
        *((step.label, "済" if step in follow_up.done else "まだ") for step in follow_up.steps),
        *((f"{link.kind.label}「{cell(link.service)}」の再連携", "まだ") for link in follow_up.open_links),
    ]


def _coverage(link: Relinked) -> str:
    """Say what the re-link covers (Y21); a list, since no table of so many columns fits beside the details."""
    covered = link.coverage
    return (
        f"- **{link.kind.label}「{cell(link.service)}」**　前回 {day(covered.last_imported_on)} まで、"
        f"今回 {day(covered.first_covered_on)} から　抜けのおそれ：{covered.missing or 'なし'}　"
        f"重複のおそれ：{covered.doubled or 'なし'}"
    )


def office_static_details(case: OfficeCase, namespace: str) -> str:
    """Return what does not change, shown beside Current Details: whose case, and how an action is sent."""
    application = page_of(namespace, application_workflow_id(case.application_no))
    facts = [
        ("申込番号", f"[{case.application_no}]({application})（申込全体の画面）"),
        ("手続き", case.procedure),
        ("元のお客様番号", case.existing_contract_id),
        ("申込日", day(day_in_japan(case.applied_at))),
    ]
    return "\n\n".join((table(("項目", "内容"), facts), "**操作の送り方**", how_to_send("correct_pair")))


def application_details(case: ApplicationCase, offices: Sequence[OfficeProgress], namespace: str) -> str:
    """Return what the page of the whole application shows: one row per office, each a link to its own page."""
    rows = [
        (
            f"[{office.office_no}. {cell(office.office_name)}]({_link(namespace, case, office)})",
            office.outcome or office.stage,
            "—" if office.outcome else _waiting(office),
            office.contract_id or "—",
        )
        for office in offices
    ]
    facts = [
        ("手続き", case.procedure),
        ("元のお客様番号", case.existing_contract_id),
        ("完了予定日", day(case.due_date)),
    ]
    return "\n\n".join(
        (
            f"### 申込 {case.application_no}",
            table(("事業所データ", "段階", "待っている相手", "契約ID"), rows),
            "事業所データの名前を押すと、その手続きの画面が開きます。",
            table(("項目", "内容"), facts),
        )
    )


def _waiting(office: OfficeProgress) -> str:
    until = f"（{office.waits_until:%m月%d日} まで）" if office.waits_until else ""
    return f"{office.waiting_for}{until}"


def _link(namespace: str, case: ApplicationCase, office: OfficeProgress) -> str:
    return page_of(namespace, office_workflow_id(case.application_no, office.office_no))
