"""What an operator reads of a file that is being processed."""

from models.myics.batch_operations import OPERATIONS, BatchOperation
from models.myics.batch_state import BatchState
from workflows.common.details import cell, named, table, to_do_now


def batch_details(state: BatchState) -> str:
    """Return how far it is, what was refused, and what can be done."""
    case, progress = state.case, state.progress
    parts = [f"### 一括登録（{case.kind.label}）", f"**次にすること：**{cell(next_for_operator(state))}"]
    if state.cancellation_asked:
        parts.append(
            "**取り消しの依頼（Request Cancellation）がありました。** だれの依頼かは分からないため、続けています。"
        )
    if state.lost:
        parts.append(f"**{cell(state.what_is_lost)}**必要な操作をもう一度行ってください。")
    parts.extend(to_do_now(OPERATIONS, OPERATIONS.available(state), state.case))
    share = round(100 * progress.done / progress.rows) if progress.rows else 100
    facts = [
        ("受付番号", case.case_no),
        ("お客様番号", case.customer_no or "—"),
        ("進み具合", f"{progress.done} / {progress.rows} 行（{share}％）"),
        ("登録した行", progress.accepted),
        ("登録できなかった行", progress.refused),
    ]
    parts.append(table(("項目", "内容"), facts))
    if progress.first_refused:
        parts.append("#### 登録できなかった行")
        parts.append("\n".join(f"- {line.line} 行目　{cell(line.reason)}" for line in progress.first_refused))
        if progress.refused > len(progress.first_refused):
            parts.append(f"ほかに {progress.refused - len(progress.first_refused)} 行あります（CSV で確認できます）。")
    return "\n\n".join(parts)


def next_for_operator(state: BatchState) -> str:
    """Return what the file needs now, in one or two sentences."""
    if state.refused:
        return (
            f"処理が受け付けられませんでした（{state.refused}）。"
            f"原因を取り除いたら、{named(BatchOperation.TRY_AGAIN)}を押してください。"
        )
    if state.progress.finished:
        return "終了しました。操作は不要です。"
    if state.failing:
        return "処理の失敗が続いています。「Pending Activities」のエラーを技術担当者に伝えてください。"
    if state.held_up:
        return (
            f"登録した行のうち {state.held_up} 件の手続きが、始まらないままです。Web のサーバーが動いているかを、"
            "技術担当者に確認してもらってください。始まれば、自動で続きます。"
        )
    if state.progress.stopped:
        return f"止めています。再開するときは{named(BatchOperation.RESUME)}を押してください。"
    return "システムが登録しています。操作は不要です。"
