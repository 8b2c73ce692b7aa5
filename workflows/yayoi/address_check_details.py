"""What operators read of a mailed code that is waited for; neither address nor code."""

from models.yayoi.address_checks import (
    MOST_CODES,
    MOST_TRIES,
    OPERATIONS,
    AddressCheck,
    CheckPurpose,
    CheckStage,
    CheckState,
)
from models.yayoi.deadlines import CODE_VALID
from workflows.common.details import also_possible, day_and_hour, history, how_to_act, table

_WAITING = "お客様が確認コードを入力するのを待っています。担当者の操作は必要ありません。"
_CLOSED = "この手続きは終了しました。担当者の操作は必要ありません。"
_MINUTES = int(CODE_VALID.total_seconds()) // 60
_ANSWERS = f"""\
- **確認コードが届かない**：迷惑メールのフォルダーと、メールアドレスの入力間違いを確認していただきます。\
入力画面の「確認コードをもう一度送る」で、あと数回（全部で {MOST_CODES} 回まで）送信できます。
- **確認コードが使えない**：有効期限は {_MINUTES} 分、入力は {MOST_TRIES} 回までです。\
もう一度送ると、新しいコードになります。
- **やり直したい**：最初の画面から、いつでも新しく始められます。この手続きは、期限が来ると自動で削除されます。"""


def summary(check: AddressCheck) -> str:
    """What the list shows."""
    return f"{check.purpose.label}（受付番号 {check.receipt_no}）"


def static_details(check: AddressCheck) -> str:
    """What does not change."""
    finished = (
        "弥生ID が登録されます" if check.purpose is CheckPurpose.REGISTRATION else "新しいパスワードが設定されます"
    )
    return (
        f"お客様に確認コードをメールで送り、入力画面に正しく入力されると、{finished}。"
        "お客様の画面とメールには、同じ受付番号が表示されています。\n\n#### 操作のしかた\n" + how_to_act(check)
    )


def next_for_operator(state: CheckState) -> str:
    """Return what an operator is to do: nothing."""
    return _CLOSED if state.stage is CheckStage.CLOSED else _WAITING


def details(check: AddressCheck, state: CheckState) -> str:
    """Its stage, until when, what to answer customers, and what can be done."""
    stage, closed = state.stage, state.stage is CheckStage.CLOSED
    facts = [
        ("受付番号", check.receipt_no),
        ("段階", stage),
        ("期限", f"{day_and_hour(check.ends_at)}（過ぎると、入力された内容を削除して終了します）"),
        ("確認コード", f"{state.codes_sent} 回目まで（全部で {MOST_CODES} 回まで）"),
    ]
    parts = [f"### {check.purpose.label}", f"**次にすること：**{next_for_operator(state)}"]
    parts.append(table(("項目", "内容"), facts))
    if not closed:
        parts += ["#### お客様からお問い合わせがあったとき", _ANSWERS]
        parts += also_possible(OPERATIONS, OPERATIONS.available(stage), check)
    if state.timeline:
        parts += history(state.timeline)
    return "\n\n".join(parts)
