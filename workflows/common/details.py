"""The parts of every procedure's page in the Web UI: Markdown, in Japanese. Short: it comes from a query."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TypeVar
from urllib.parse import quote

from models.common.calendar import JST, weekday
from models.common.desk_links import desk_case_path, operation_path
from models.common.messages import CaseRef, TimelineEntry
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


def to_do_now(operations: Operations[Op, State], first: Sequence[Op], case: CaseRef) -> list[str]:
    """Return the operations that matter now, each a link to its form; nothing if there are none."""
    return ["\n".join(f"- **{_form(operations, each, case)}**" for each in first)] if first else []


def also_possible(operations: Operations[Op, State], others: Sequence[Op], case: CaseRef) -> list[str]:
    """Return the other operations, each a link to its form; nothing if there are none."""
    if not others:
        return []
    return ["#### ほかにできる操作", "\n".join(f"- {_form(operations, each, case)}" for each in others)]


def _form(operations: Operations[Op, State], operation: Op, case: CaseRef) -> str:
    return f"[{operations.label(operation)}]({operation_path(case.case_no, case.part, operation)})"


def named(operation: Operation) -> str:
    """Return how texts name an operation."""
    return f"「{operation.label}」"


def history(timeline: Sequence[TimelineEntry]) -> list[str]:
    """Return the newest entries of the timeline, the newest first."""
    newest = reversed(timeline[-TIMELINE_LENGTH:])
    return ["#### 経過（新しい順）", "\n".join(f"- {day_and_hour(entry.at)}　{cell(entry.text)}" for entry in newest)]


def page_of(namespace: str, workflow_id: str) -> str:
    """Return where the Web UI shows a workflow, as a link inside its own pages."""
    return f"/namespaces/{quote(namespace, safe='')}/workflows/{quote(workflow_id, safe='')}"


def how_to_act(case: CaseRef) -> str:
    """Return how operations are sent, and where the desk says more of the case."""
    return (
        "操作の名前を押すと、入力の画面が別のタブで開きます。理由は社内の記録だけに残り、お客様には届きません。"
        f"お客様の情報は、[担当者の画面]({desk_case_path(case.case_no, case.part)})にあります。"
    )
