"""What an operator reads of an application as a whole: what its workflow knows, and the way to each office's page."""

from models.yayoi.application_state import ApplicationState
from models.yayoi.identifiers import office_workflow_id
from models.yayoi.messages import OfficeCase, Outcome
from models.yayoi.operator_actions import Action
from models.yayoi.operator_rules import OF_APPLICATIONS
from workflows.common.details import cell, day, history, page_of, table, to_do_now


def application_details(state: ApplicationState, namespace: str) -> str:
    """Return what the page of the whole application shows: one row per office, each a link to its own page."""
    rows = []
    for office in state.case.offices:
        ended = state.outcomes.get(office.part)
        name = f"[{office.part}. {cell(office.office_name)}]({_link(namespace, office)})"
        rows.append((name, ended.outcome if ended else "手続き中", (ended and ended.contract_id) or "—"))
    facts = [
        ("いまの段階", str(state.stage)),
        ("手続き", state.case.procedure),
        ("元のお客様番号", state.case.existing_contract_id),
        ("完了予定日", day(state.case.due_date)),
        ("最初の担当者", cell(state.in_charge or "—")),
    ]
    parts = [
        f"### 申込 {state.case.case_no}",
        f"**次にすること：**{cell(next_for_operator(state))}",
        *(
            f"**届けられなかったメール：**「{cell(kind.subject)}」　{cell(reason)}お客様に電話などで伝えてください。"
            for kind, reason in state.undelivered.items()
        ),
        table(("事業所データ", "結果", "契約ID"), rows),
        table(("項目", "内容"), facts),
    ]
    if not state.all_ended:
        parts += [
            "#### 申込全体を取り消すとき",
            *to_do_now(OF_APPLICATIONS, [Action.CANCEL], state.case),
            (
                "終わっていない事業所データを、すべて取り消します。1 件だけなら、その手続きの画面で取り消してください。"
                "お客様が STEP5 を始めている事業所データは、責任者が承認するまで取り消しません"
                "（その手続きの画面に、承認の操作が出ます）。"
            ),
        ]
    parts += history(state.timeline)
    return "\n\n".join(parts)


def next_for_operator(state: ApplicationState) -> str:
    """Return what the application needs now, in one or two sentences."""
    if state.refused:
        return f"処理が受け付けられませんでした。技術担当者に伝えてください。{state.refused}"
    if state.failing:
        return (
            "処理の失敗が続いています。「Pending Activities」のエラーを技術担当者に伝えてください。"
            "原因がなくなれば、自動で続きます。"
        )
    if not state.all_ended:
        return "操作は不要です。事業所データの名前を押すと、その手続きの画面が開きます。"
    if any(office.outcome is Outcome.TERMINATED for office in state.outcomes.values()):
        return "すべての手続きが終わりました。強制終了した手続きは、毎朝の照合で元に戻し、申込者に知らせます。"
    return "すべての手続きが終わりました。操作は不要です。"


def _link(namespace: str, office: OfficeCase) -> str:
    return page_of(namespace, office_workflow_id(office.case_no, office.part))
