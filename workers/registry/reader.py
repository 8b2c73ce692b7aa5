"""Reading a registry file row by row, in bounded memory: CSV, or JSON as a list or one object after the other."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydantic import ValidationError

from models.common.json_rows import JsonRow, read_objects
from models.common.refusals import in_japanese
from models.common.table_files import EMPTY, TableRow, UnreadableTableError, read_table
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


def read_rows(path: Path) -> Iterator[Row]:
    """Yield every row of the file that is not blank. `.csv`, `.tsv` and `.txt` are tables, anything else is JSON.

    A file that cannot be read as a whole is one refused row. Raises `OSError`.
    """
    with path.open("rb") as file:
        before = again = 0
        try:
            for line, values, unread in _table_rows(file) if path.suffix.lower() in _TABLES else _json_rows(file):
                before, again = line, again + 1 if line == before else 1
                record, wrong = (None, unread) if unread else _checked(values)
                # Of several on one line, a number says which.
                yield Row(line, file.tell(), record, f"{again} 件目：{wrong}" if wrong and again > 1 else wrong)
        except UnreadableFileError as unreadable:
            if str(unreadable) != EMPTY:
                line = unreadable.line if isinstance(unreadable, UnreadableTableError) else 1
                yield Row(line, file.tell(), refused_because=str(unreadable))


def _table_rows(file: BinaryIO) -> Iterator[TableRow]:
    table = read_table(file, COLUMNS)
    if "record" not in table.headings:
        raise UnreadableTableError(_NO_RECORD_COLUMN, table.line)
    return table.rows


def _json_rows(file: BinaryIO) -> Iterator[JsonRow]:
    return read_objects(read_lines(file))


def _checked(values: Mapping[str, Any]) -> tuple[Record | None, str]:
    try:
        return RECORD.validate_python(values), ""
    except ValidationError as refused:
        # The first part of each path is the kind of record, which the reader of the file knows.
        errors = in_japanese(refused.errors(include_url=False), skip=1)
        return None, " ".join(f"{error.field}: {error.message}" if error.field else error.message for error in errors)
