"""Reading a registry file row by row, in bounded memory: CSV, JSON with one object per line, or JSON Lines."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydantic import ValidationError

from models.common.refusals import in_japanese
from workers.registry.records import RECORD, Record

MAX_LINE_BYTES = 1_000_000
_NOT_UTF_8 = "UTF-8 の文字として読み取れません。ファイルを UTF-8 で保存し直してください。"
_TOO_LONG = f"1 行が長すぎます（{MAX_LINE_BYTES:,} バイトまで）。1 行に 1 件を書いてください。"
_NOT_JSON = "JSON として読み取れません。1 行に 1 件の { … } を書いてください。"
_NO_RECORD_COLUMN = "見出しの行に record の列がありません。1 行目に列の名前を書いてください。"
_REPEATED_COLUMN = "見出しの行に同じ名前の列が 2 つあります。"
_TOO_MANY_CELLS = "列の数が見出しの行より多くなっています。"
_BROKEN_CSV = 'CSV として読み取れません。引用符（"）の対応を確認してください。'
_NOT_DECODED = re.compile("[\udc80-\udcff]")

_Content = dict[str, Any] | str
"""What a row says, by columns; or why it says nothing."""


class Row(NamedTuple):
    """One row of the file: a record, or the reason (Japanese) why it is none."""

    line: int
    """Counted from 1; of a CSV row that spans several lines, the first."""
    bytes_read: int
    record: Record | None = None
    refused_because: str = ""


def read_rows(path: Path) -> Iterator[Row]:
    """Yield every row of the file that is not blank. `.csv` is CSV, anything else JSON. Raises `OSError`."""
    rows_of = _csv_rows if path.suffix.lower() == ".csv" else _json_rows
    with path.open("rb") as file:
        for line, text, content in rows_of(_lines(file)):
            yield Row(line, file.tell(), *_checked(_unreadable(text) or content))


def _lines(file: BinaryIO) -> Iterator[str]:
    encoding = "utf-8-sig"
    while raw := file.readline(MAX_LINE_BYTES):
        # What is not UTF-8 becomes lone surrogates, so that the one row is refused and not the whole file.
        yield raw.decode(encoding, errors="surrogateescape")
        encoding = "utf-8"


def _unreadable(text: str) -> str | None:
    if len(text) >= MAX_LINE_BYTES:
        return _TOO_LONG
    return _NOT_UTF_8 if _NOT_DECODED.search(text) else None


def _checked(content: _Content) -> tuple[Record | None, str]:
    if isinstance(content, str):
        return None, content
    try:
        return RECORD.validate_python(content), ""
    except ValidationError as refused:
        # The first part of each path is the kind of record, which the reader of the file knows.
        errors = in_japanese(refused.errors(include_url=False), skip=1)
        return None, " ".join(f"{error.field}: {error.message}" if error.field else error.message for error in errors)


def _json_rows(lines: Iterator[str]) -> Iterator[tuple[int, str, _Content]]:
    for number, text in enumerate(lines, start=1):
        # The brackets and commas of a list may be anywhere around the objects; an object ends with "}".
        content = text.strip().removeprefix("[").strip().removesuffix("]").rstrip().removesuffix(",").rstrip()
        if content:
            yield number, text, _json_object(content)


def _json_object(content: str) -> _Content:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return _NOT_JSON
    return value if isinstance(value, dict) else _NOT_JSON


def _csv_rows(lines: Iterator[str]) -> Iterator[tuple[int, str, _Content]]:
    reader = csv.reader(lines, strict=True)
    columns: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield line, "", _BROKEN_CSV
            continue
        if not any(map(str.strip, cells)):
            continue
        if columns is None:
            columns = [cell.strip() for cell in cells]
            named = [column for column in columns if column]
            if "record" not in columns or len(set(named)) < len(named):
                yield line, "", _REPEATED_COLUMN if "record" in columns else _NO_RECORD_COLUMN
                return
        elif any(map(str.strip, cells[len(columns) :])):
            yield line, "".join(cells), _TOO_MANY_CELLS
        else:
            # An empty cell is a column that this kind of record does not have, or does not fill.
            filled = {column: cell for column, cell in zip(columns, cells, strict=False) if cell.strip()}
            yield line, "".join(cells), filled
