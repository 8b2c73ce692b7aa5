"""Tables as files: read as spreadsheets and old programs write them, written so that spreadsheets run nothing.

One reader and one writer for every CSV file of ours. No cell is dropped unsaid, and what is written is read as it was.
"""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO, NamedTuple

from models.common.identifiers import fold
from models.common.names import UNUSABLE, composed, shows_nothing
from models.common.text_lines import TOO_LONG, TextLine, UnreadableFileError, read_lines

EMPTY = "ファイルが空です。1 行目に見出し、2 行目から内容を書いてください。"
NOT_CSV = 'CSV として読み取れません。引用符（"）の対応と、長すぎるセルがないかを確認してください。'
NOT_CLOSED = '引用符（"）が閉じていないため、この行から最後までを CSV として読み取れません。'
TOO_MANY_CELLS = "列の数が見出しの行より多くなっています。"
NO_HEADING = "見出しのない列に「{cell}」と書かれています。見出しを付けるか、この列を空欄にしてください。"
REPEATED = "見出し「{heading}」が 2 つあります。どちらか 1 つにしてください。"

_DELIMITERS = (",", "\t", ";")
_SEPARATED_BY = re.compile(r"sep=.\s*", re.IGNORECASE)
"""What some programs put before the headings, to tell spreadsheets the delimiter."""
_BOM = "\ufeff"
"""Without it spreadsheets take the file for Shift_JIS."""
_FORMULA = re.compile("'*(?:[\t\r\n]|[\\s\ufeff\u200b]*[=+\\-@＝＋－＠])")
_SHOWN = 40


class TableRow(NamedTuple):
    """One row, by its headings; an empty cell is none."""

    line: int
    """Counted from 1, as a text editor does; of a row of several lines, the first."""
    values: Mapping[str, str]
    wrong: str = ""
    """Why it cannot be read, in Japanese."""


@dataclass(frozen=True)
class Table:
    """A file's headings, and its rows, which are read as they are asked for."""

    headings: tuple[str, ...]
    """As `expected` has them, or as they were written."""
    line: int
    """That of the headings."""
    rows: Iterator[TableRow]


class UnreadableTableError(UnreadableFileError):
    """A table that cannot be read as a whole, because of what stands in this line."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line


def read_table(file: BinaryIO, expected: Collection[str]) -> Table:
    """Read a table whose first row that is not blank holds the headings.

    By the headings that are `expected`, in any width and case, encoding and delimiter (comma, tab, semicolon) are
    known; others are kept as well. Rows without anything, and lines of 0x1A, are none.

    Raises:
        UnreadableFileError: the file as a whole; `UnreadableTableError` where a line is the reason.
        OSError: the file cannot be read.

    """
    known = {_comparable(heading): heading for heading in expected}
    lines = read_lines(file, fits=lambda first: bool(_delimiter(first, known)[1]))
    before: list[TextLine] = []
    for line in lines:
        before.append(line)
        if not _is_blank([line.text]) and not _SEPARATED_BY.fullmatch(line.text):
            break
    else:
        raise UnreadableTableError(EMPTY)
    delimiter, _ = _delimiter(before[-1].text, known)
    rows = _rows(chain(before[-1:], lines), delimiter)
    heads = next(rows, None)
    if heads is None:
        raise UnreadableTableError(EMPTY)
    if heads.wrong:
        raise UnreadableTableError(heads.wrong, heads.line)
    headings = tuple(known.get(_comparable(cell), composed(cell)) for cell in heads.cells)
    if any("\0" in heading for heading in headings):  # each is named where it is refused, and no database stores it
        raise UnreadableTableError(UNUSABLE.format(code="U+0000"), heads.line)
    named = [heading for heading in headings if heading]
    if repeated := next((heading for heading in named if named.count(heading) > 1), None):
        raise UnreadableTableError(REPEATED.format(heading=repeated[:_SHOWN]), heads.line)
    return Table(headings, heads.line, (_by_heading(row, headings) for row in rows))


def write_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a file that spreadsheets show as it is: UTF-8 with its mark, and no text that is a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(headings)
    writer.writerows([disarmed(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return (_BOM + text.getvalue()).encode()


def disarmed(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula, and before what would look like that."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def as_it_was(cell: str) -> str:
    """Take off the apostrophe that `disarmed` has put on, and no other."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


class _Cells(NamedTuple):
    line: int
    cells: list[str]
    wrong: str = ""


def _rows(lines: Iterator[TextLine], delimiter: str) -> Iterator[_Cells]:
    """Yield rows that are not blank. A line that cannot be read makes its row one that cannot."""
    taken: list[TextLine] = []

    def texts() -> Iterator[str]:
        is_rest = False  # of a line that is too long
        for line in lines:
            if not is_rest:
                taken.append(line if line.whole else line._replace(wrong=TOO_LONG))
                yield line.text
            is_rest = not line.whole

    reader = csv.reader(texts(), delimiter=delimiter, strict=True)
    while True:
        taken.clear()
        cells, wrong = [], ""
        try:
            cells = [*map(as_it_was, next(reader))]
        except StopIteration:
            return
        except csv.Error as error:
            wrong = _why(error)
        wrong = next((line.wrong for line in taken if line.wrong), wrong)
        if wrong or not _is_blank(cells):
            yield _Cells(taken[0].number, cells, wrong)


def _why(error: csv.Error) -> str:
    return NOT_CLOSED if "unexpected end" in str(error) else NOT_CSV


def _by_heading(row: _Cells, headings: Sequence[str]) -> TableRow:
    if row.wrong:
        return TableRow(row.line, {}, row.wrong)
    if not _is_blank(row.cells[len(headings) :]):
        return TableRow(row.line, {}, TOO_MANY_CELLS)
    filled = [(heading, cell) for heading, cell in zip(headings, row.cells, strict=False) if not shows_nothing(cell)]
    if any("\0" in cell for _, cell in filled):  # no database stores it
        return TableRow(row.line, {}, UNUSABLE.format(code="U+0000"))
    nameless = next((cell for heading, cell in filled if not heading), None)
    wrong = NO_HEADING.format(cell=nameless[:_SHOWN]) if nameless else ""
    return TableRow(row.line, {heading: cell for heading, cell in filled if heading}, wrong)


def _delimiter(line: str, known: Mapping[str, str]) -> tuple[str, int]:
    """Return by what the headings are separated, and how many are known then."""
    return max(((each, _how_many_known(line, each, known)) for each in _DELIMITERS), key=lambda found: found[1])


def _how_many_known(line: str, delimiter: str, known: Mapping[str, str]) -> int:
    try:
        cells = next(csv.reader([line.lstrip(_BOM)], delimiter=delimiter), [])
    except csv.Error:
        return 0
    return sum(_comparable(cell) in known for cell in cells)


def _comparable(heading: str) -> str:
    return fold(heading).casefold()


def _is_blank(cells: Iterable[str]) -> bool:
    return all(shows_nothing(cell.replace("\x1a", "")) for cell in cells)
