"""Tables as files, written so that spreadsheets run nothing."""

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BOM = "\ufeff"
"""Without it spreadsheets take the file for Shift_JIS."""


def write_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a file that spreadsheets show as it is: UTF-8 with its mark, and no cell that is a formula."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([headings, *([_inert(str(cell)) for cell in row] for row in rows)])
    return (_BOM + text.getvalue()).encode()


def _inert(cell: str) -> str:
    """A name that begins like a formula stays a name: a spreadsheet runs what `=` and the like begin."""
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) or cell.startswith(_FORMULA) else cell
