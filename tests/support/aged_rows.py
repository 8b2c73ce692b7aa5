"""Rows of any table with something in every column, whatever they refer to: for what is tried on every table."""

import itertools
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

_NUMBERS = itertools.count(1_000)


def row_of(table: Table, **given: Any) -> dict[str, Any]:
    """A row with something of its own in every column that is not given."""
    number = next(_NUMBERS)
    return {
        column.name: given.get(column.name, _value(column, number))
        for column in table.columns
        if column.computed is None
    }


async def insert_unchecked(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> None:
    """Insert it without what it refers to; as the owner of the database."""
    await connection.execute(text("set session_replication_role = replica"))
    await connection.execute(table.insert().values(row))
    await connection.execute(text("set session_replication_role = origin"))


def _value(column: Any, number: int) -> Any:
    if column.identity is not None:
        return number
    match column.type.python_type.__name__ if _has_python_type(column) else "json":
        case "str":
            return f"v{number}"
        case "int":
            return number
        case "bool":
            return False
        case "datetime":
            return datetime(2026, 1, 1, tzinfo=UTC)
        case "date":
            return date(2026, 1, 1)
        case "UUID":
            return uuid4()
        case "bytes":
            return b"bytes"
        case _:
            return [f"v{number}"] if "list" in str(column.type) else {"key": f"v{number}"}


def _has_python_type(column: Any) -> bool:
    return "JSON" not in str(column.type)
