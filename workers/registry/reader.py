"""Reading a registry file row by row, in bounded memory: CSV, or JSON as a list or one object after the other."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from models.common.json_rows import read_objects
from models.common.refusals import in_japanese
from models.common.table_files import EMPTY, UnreadableTableError, read_table
from models.common.text_lines import UnreadableFileError, read_lines
from workers.registry.records import COLUMNS, RECORD, Record

_TABLES = {".csv", ".tsv", ".txt"}
_NO_RECORD_COLUMN = "見出しの行に record の列がありません。1 行目に列の名前を書いてください。"


class Row(NamedTuple):
    """One row of the file: a record, or the reason (Japanese) why it is none."""

    line: int
    """Counted from 1; of a row that spans several lines, the first."""
    bytes_read: int
    record: Record | None = None
    refused_because: str = ""


class _Content(NamedTuple):
    """What a row says, by columns; or why it says nothing."""

    line: int
    values: Mapping[str, Any]
    wrong: str


def read_rows(path: Path) -> Iterator[Row]:
    """Yield every row of the file that is not blank. `.csv`, `.tsv` and `.txt` are tables, anything else is JSON.

    A file that cannot be read as a whole is one refused row. Raises `OSError`.
    """
    contents = _table_rows if path.suffix.lower() in _TABLES else _json_rows
    with path.open("rb") as file:
        before = again = 0
        try:
            for content in contents(file):
                before, again = content.line, again + 1 if content.line == before else 1
                record, wrong = _checked(content)
                # Of several on one line, a number says which.
                yield Row(content.line, file.tell(), record, f"{again} 件目：{wrong}" if wrong and again > 1 else wrong)
        except UnreadableTableError as unreadable:
            if str(unreadable) != EMPTY:
                yield Row(unreadable.line, file.tell(), refused_because=str(unreadable))
        except UnreadableFileError as unreadable:
            yield Row(1, 0, refused_because=str(unreadable))


def _table_rows(file: io.BufferedReader) -> Iterator[_Content]:
    table = read_table(file, COLUMNS)
    if "record" not in table.headings:
        raise UnreadableTableError(_NO_RECORD_COLUMN, table.line)
    yield from (_Content(*row) for row in table.rows)


def _json_rows(file: io.BufferedReader) -> Iterator[_Content]:
    yield from (_Content(*row) for row in read_objects(read_lines(file)))


def _checked(content: _Content) -> tuple[Record | None, str]:
    if content.wrong:
        return None, content.wrong
    try:
        return RECORD.validate_python(content.values), ""
    except ValidationError as refused:
        # The first part of each path is the kind of record, which the reader of the file knows.
        errors = in_japanese(refused.errors(include_url=False), skip=1)
        return None, " ".join(f"{error.field}: {error.message}" if error.field else error.message for error in errors)
