"""What an operator reads in the Web UI: Current Details in Markdown, in Japanese. Short: they come from a query."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from urllib.parse import quote

from models.calendar import JST
from models.follow_up import FollowUp
from models.identifiers import office_workflow_id
from models.messages import ApplicationCase, OfficeCase, OfficeProgress

_WEEKDAYS = "月火水木金土日"
TIMELINE_LENGTH = 12
"""How many of the newest entries are shown."""


def day(value: date | None) -> str:
    return f"{value}（{_WEEKDAYS[value.weekday()]}）" if value else "—"


def moment(value: datetime) -> str:
    return f"{value.astimezone(JST):%m-%d %H:%M}"


def cell(text: object) -> str:
    """Keep a text inside its table cell and free of markup."""
    return str(text).translate(_ESCAPES)


_ESCAPES = str.maketrans({c: f"\\{c}" for c in "\\|`*_[]<>#"} | {"\n": " "})


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *([str(value) for value in row] for row in rows)]
    # The Web UI puts no space between columns: an ideographic one keeps them apart.
    return "\n".join(f"| {'　| '.join(line)} |" for line in lines)


def office_details(
    case: OfficeCase,
    progress: OfficeProgress,
    follow_up: FollowUp,
    *,
    to_do: str,
    shared_with: Sequence[str],
    timeline: Sequence[tuple[datetime, str]],
) -> str:
    """Return what the page of one office's procedure shows."""
    facts: list[tuple[str, str]] = [
        ("いまの段階", str(progress.stage)),
        ("待っている相手", str(progress.waiting_for)),
        ("いつまで", day(progress.waits_until)),
        ("完了予定日", day(case.due_date) + ("　**遅れています**" if progress.overdue else "")),
        ("手続き", str(case.procedure)),
        ("元のお客様番号", case.existing_contract_id),
        ("新しい契約ID", progress.contract_id or "—"),
    ]
    if shared_with:
        facts.append(("会計事務所との共有", "、".join(map(cell, shared_with))))
    parts = [f"### {cell(case.office_name)}", f"**次にすること：**{to_do}", table(("項目", "内容"), facts)]
    if progress.contract_id and not progress.outcome:
        parts.append(
            table(
                ("設定・再連携", "状態"),
                [
                    *((step.label, "済" if step in follow_up.done else "まだ") for step in follow_up.steps),
                    *((f"{link.kind.label}「{cell(link.service)}」", "まだ") for link in follow_up.open_links),
                ],
            )
        )
    if follow_up.relinked:
        parts.append(
            table(
                ("再連携したサービス", "前回まで", "今回から", "抜けのおそれ", "重複のおそれ"),
                [
                    (
                        f"{link.kind.label}「{cell(link.service)}」",
                        link.coverage.last_imported_on or "—",
                        link.coverage.first_covered_on,
                        link.coverage.missing or "—",
                        link.coverage.doubled or "—",
                    )
                    for link in follow_up.relinked
                ],
            )
        )
    parts.append("#### 経過（新しい順）")
    newest = reversed(timeline[-TIMELINE_LENGTH:])
    parts.append("\n".join(f"- {moment(at)}　{cell(text)}" for at, text in newest))
    return "\n\n".join(parts)


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
    until = f"（{office.waits_until:%m-%d} まで）" if office.waits_until else ""
    return f"{office.waiting_for}{until}"


def _link(namespace: str, case: ApplicationCase, office: OfficeProgress) -> str:
    workflow_id = quote(office_workflow_id(case.application_no, office.office_no), safe="")
    return f"/namespaces/{quote(namespace, safe='')}/workflows/{workflow_id}"
