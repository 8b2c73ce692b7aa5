"""The parts of every procedure's page in the Web UI: Markdown, in Japanese. Short: it comes from a query."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TypeVar
from urllib.parse import quote

from models.common.calendar import JST, weekday
from models.common.messages import TimelineEntry
from models.common.operations import Operation, Operations

Op = TypeVar("Op", bound=Operation)
State = TypeVar("State")

TIMELINE_LENGTH = 12
"""How many of the newest entries are shown."""


def day(value: date | None) -> str:
    return f"{value}（{weekday(value)}）" if value else "—"


def day_and_hour(value: datetime) -> str:
    return f"{value.astimezone(JST):%m月%d日 %H:%M}"


def cell(text: object) -> str:
    """Keep a text inside its table cell and free of markup."""
    return str(text).translate(_ESCAPES)


_ESCAPES = str.maketrans({c: f"\\{c}" for c in "\\|`*_[]<>#~"} | {"\n": " "})


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    # The Web UI puts no space between columns: an ideographic one keeps them apart.
    lines = ["　| ".join(str(value) for value in row) for row in (heads, *rows)]
    lines.insert(1, " | ".join("---" for _ in heads))
    return "\n".join(f"| {line} |" for line in lines)


def to_do_now(operations: Operations[Op, State], first: Iterable[Op], state: State) -> list[str]:
    """Return the operations that matter now, each with its JSON over several lines, ready to copy."""
    return [
        f"**{operation.label}**　`{operation.value}`\n```json\n{operations.json(operation, state, indent=2)}\n```"
        for operation in first
    ]


def also_possible(operations: Operations[Op, State], others: Sequence[Op], state: State) -> list[str]:
    """Return the other operations in one compact block; nothing if there are none."""
    if not others:
        return []
    lines = (f"- {each.label}　`{each.value}` `{operations.json(each, state)}`" for each in others)
    return ["#### ほかにできる操作", "\n".join(lines)]


def history(timeline: Sequence[TimelineEntry]) -> list[str]:
    """Return the newest entries of the timeline, the newest first."""
    newest = reversed(timeline[-TIMELINE_LENGTH:])
    return ["#### 経過（新しい順）", "\n".join(f"- {day_and_hour(entry.at)}　{cell(entry.text)}" for entry in newest)]


def page_of(namespace: str, workflow_id: str) -> str:
    """Return where the Web UI shows a workflow, as a link inside its own pages."""
    return f"/namespaces/{quote(namespace, safe='')}/workflows/{quote(workflow_id, safe='')}"


def how_to_send(example: str) -> str:
    """Return how an operation is sent; `example` is the name of one."""
    return f"""\
1. 右の欄で、送る操作の JSON（{{ から }} まで）をコピーします。
2. 右上の「More Actions」から「Send an Update」を選びます。
3. 「Name」で操作の名前（{cell(example)} など）を選びます。
4. 「Data」に JSON を貼り付け、「理由」などを書き換えます。
5. 「Submit」を押します。画面が閉じたら、R キーを押すと、右の欄に結果が出ます。

`reason` は監査の記録だけに残り、お客様には届きません。手続きを終わらせる操作では、\
お客様に伝えることを `text_for_customer` に書きます（空のままなら、決まった文をお送りします）。"""
