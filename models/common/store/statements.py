"""Statements that every step makes are built once and run with other values: building one costs as much as running it.

Their values go in by name: `bound` gives the parameters of a table's columns, `values_of` what they are for one row.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import BindParameter, Table, bindparam


def bound(table: Table, prefix: str, names: Iterable[str] | None = None) -> dict[str, BindParameter[Any]]:
    """Return a parameter for each of these columns, or for all that the database does not fill in itself.

    `prefix` keeps the parameters of two tables apart.
    """
    names = names or (column.name for column in table.c if column.identity is None and column.computed is None)
    return {name: bindparam(f"{prefix}{name}", type_=table.c[name].type) for name in names}


def values_of(prefix: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a row, named as `bound` names its parameters."""
    return {f"{prefix}{name}": value for name, value in row.items()}
