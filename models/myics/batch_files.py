"""Files of firms, clients or users: what a table holds for them, and refused rows as a table again (M8)."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from models.common.refusals import FieldError, RefusedError
from models.common.table_files import NOT_CLOSED, Table, TableRow, read_table, write_table
from models.common.text_lines import UnreadableFileError
from models.myics.batches import BatchKind
from models.myics.deadlines import MOST_BYTES, MOST_ROWS

LINE, REASON = "行", "登録できなかった理由"
"""What a file of refused rows has beside the columns of its kind; read again, these are ours."""
UNKNOWN_COLUMNS = (
    "「{columns}」に書かれた内容は登録できません。この列を空欄にするか、削除してください（見出しは {wanted} です）。"
)


@dataclass(frozen=True)
class FileRow:
    """One row: its line, as a text editor counts from 1, and its values by field."""

    line: int
    values: dict[str, str] = field(default_factory=dict)
    refused_because: str = ""
    """Why it cannot be read, in Japanese. What it says is not checked yet."""


@dataclass(frozen=True)
class BatchFile:
    """What a file holds. Each row is accepted or refused by itself."""

    headings: tuple[str, ...]
    rows: tuple[FileRow, ...]


def batch_template(kind: BatchKind) -> bytes:
    """Return a file to begin with: the headings, and rows that show what is written under each."""
    return write_table(list(kind.columns), kind.examples)


def refused_table(kind: BatchKind, rows: Iterable[tuple[int, Mapping[str, str], str]]) -> bytes:
    """Return refused rows (line, values by field, reason) as a file that is ready to be corrected and sent again."""
    cells = [[*(values.get(each, "") for each in kind.columns.values()), line, reason] for line, values, reason in rows]
    return write_table([*kind.columns, LINE, REASON], cells)


def read_batch_file(content: bytes, kind: BatchKind) -> BatchFile:
    """Read the file. Raises `RefusedError` for one that cannot be read as a whole, saying what to change."""
    if len(content) > MOST_BYTES:
        raise _refused(f"ファイルが大きすぎます（{MOST_BYTES // 1_000_000} MB まで）。分けて登録してください。")
    try:
        table = read_table(io.BytesIO(content), [*kind.columns, LINE, REASON])
        _check_headings(table.headings, kind)
        rows = _rows(table, kind)
    except UnreadableFileError as unreadable:
        raise _refused(str(unreadable)) from None
    if not rows:
        raise _refused("見出しの行だけで、登録する行がありません。")
    return BatchFile(table.headings, rows)


def _rows(table: Table, kind: BatchKind) -> tuple[FileRow, ...]:
    rows: list[FileRow] = []
    for row in table.rows:
        if row.wrong == NOT_CLOSED:  # whatever follows is not known
            raise _refused(f"{row.line} 行目：{row.wrong}")
        if len(rows) == MOST_ROWS:
            raise _refused(f"1 つのファイルで登録できるのは {MOST_ROWS} 行までです。分けて登録してください。")
        rows.append(_file_row(row, kind))
    return tuple(rows)


def _file_row(row: TableRow, kind: BatchKind) -> FileRow:
    if row.wrong:
        return FileRow(row.line, refused_because=row.wrong)
    values = {kind.columns[heading]: cell for heading, cell in row.values.items() if heading in kind.columns}
    unknown = [heading for heading in row.values if heading not in {*kind.columns, LINE, REASON}]
    wrong = UNKNOWN_COLUMNS.format(columns="」「".join(unknown), wanted="、".join(kind.columns)) if unknown else ""
    return FileRow(row.line, values, wrong)


def _check_headings(headings: Sequence[str], kind: BatchKind) -> None:
    missing = [
        heading for heading, each in kind.columns.items() if heading not in headings and each not in kind.optional
    ]
    if missing:
        wanted = "、".join(kind.columns)
        raise _refused(f"見出しに「{'」「'.join(missing)}」がありません。1 行目は {wanted} としてください。")


def _refused(reason: str) -> RefusedError:
    return RefusedError([FieldError(field="file", message=reason)])
