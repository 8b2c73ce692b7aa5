"""Files of firms, clients or users: read as spreadsheets write them (CSV in UTF-8 or Shift_JIS), and written (M8)."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.common.identifiers import fold
from models.common.refusals import FieldError, RefusedError
from models.myics.batches import BatchKind
from models.myics.deadlines import MOST_BYTES, MOST_ROWS

_ENCODINGS = ("utf-8-sig", "cp932")
_BOM = "\ufeff"
"""Without it spreadsheets take the file for Shift_JIS."""


@dataclass(frozen=True)
class FileRow:
    """One row: its line, as a text editor counts from 1, and its values by field."""

    line: int
    values: dict[str, str]


@dataclass(frozen=True)
class BatchFile:
    """What a file holds. Rows are not checked yet: each is accepted or refused by itself."""

    headings: tuple[str, ...]
    rows: tuple[FileRow, ...]


def write_batch_file(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a file that spreadsheets open."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([headings, *rows])
    return (_BOM + text.getvalue()).encode()


def batch_template(kind: BatchKind) -> bytes:
    """Return a file to begin with: the headings, and rows that show what is written under each."""
    return write_batch_file(list(kind.columns), kind.examples)


def read_batch_file(content: bytes, kind: BatchKind) -> BatchFile:
    """Read the file. Raises `RefusedError` for one that cannot be read as a whole, saying what to change."""
    if len(content) > MOST_BYTES:
        raise _refused(f"ファイルが大きすぎます（{MOST_BYTES // 1_000_000} MB まで）。分けて登録してください。")
    reader = csv.reader(io.StringIO(_decoded(content), newline=""), strict=True)
    try:
        # Counted before quoted line breaks: a row's line is where it begins.
        lines = []
        begins = 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((begins, cells))
            begins = reader.line_num + 1
    except csv.Error:
        raise _refused('CSV として読み取れません。「"」の閉じ忘れがないかを確認してください。') from None
    if not lines:
        raise _refused("ファイルが空です。1 行目に見出し、2 行目から内容を書いてください。")
    headings = tuple(fold(heading) for heading in lines[0][1])
    fields = _fields(headings, kind)
    if len(lines) == 1:
        raise _refused("見出しの行だけで、登録する行がありません。")
    if len(lines) - 1 > MOST_ROWS:
        raise _refused(f"1 つのファイルで登録できるのは {MOST_ROWS} 行までです。分けて登録してください。")
    return BatchFile(headings, tuple(FileRow(line, _values(cells, fields)) for line, cells in lines[1:]))


def _decoded(content: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise _refused("文字コードを読み取れません。UTF-8 か Shift_JIS の CSV ファイルで保存し直してください。")


def _fields(headings: tuple[str, ...], kind: BatchKind) -> dict[int, str]:
    """Return which column is which field."""
    columns = {fold(heading): field for heading, field in kind.columns.items()}
    found = {index: columns[heading] for index, heading in enumerate(headings) if heading in columns}
    missing = [
        heading for heading, field in kind.columns.items() if field not in found.values() and field not in kind.optional
    ]
    wanted = "、".join(kind.columns)
    if missing:
        raise _refused(f"見出しに「{'」「'.join(missing)}」がありません。1 行目は {wanted} としてください。")
    if len(set(found.values())) < len(found):
        raise _refused(f"見出しが重なっています。1 行目は {wanted} としてください。")
    return found


def _values(cells: list[str], fields: dict[int, str]) -> dict[str, str]:
    """Return the values of a row; an empty cell has none."""
    return {field: cells[index] for index, field in fields.items() if index < len(cells) and cells[index].strip()}


def _refused(reason: str) -> RefusedError:
    return RefusedError([FieldError(field="file", message=reason)])
