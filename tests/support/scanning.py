"""Looking for what somebody said in whatever keeps it, however it is spelled there."""

import base64
import json
import quopri
import sqlite3
from collections.abc import Collection, Iterator
from email.header import Header
from functools import cache
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import text as sql

from models.common.store.sessions import DatabaseSessions
from models.tables import Base
from workers import database
from workers.settings import Settings

_SHORTEST = 4
"""Bytes: what is shorter is found in anything."""


@cache
def spellings(text: str) -> frozenset[bytes]:
    """Return the text as UTF-8 and UTF-16, escaped for JSON, in base64 at any place, for addresses and for mails."""
    plain = text.encode()
    escaped = json.dumps(text)[1:-1]
    found = {
        plain,
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
        escaped.encode(),
        escaped.upper().replace("\\U", "\\u").encode(),
        quote(text, safe="").encode(),
        quote(text, safe="").lower().encode(),
        quopri.encodestring(plain).replace(b"=\n", b""),
        Header(text, "utf-8").encode(maxlinelen=0).encode(),
        plain.hex().encode(),
    }
    for encoded in (plain, text.encode("utf-16-le")):
        found |= set(_in_base64(encoded))
    return frozenset(spelling for spelling in found if len(spelling) >= _SHORTEST)


def _in_base64(data: bytes) -> Iterator[bytes]:
    """Return what base64 of anything that holds the data has in it, wherever it begins there."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data)
        # The first and the last letters depend on what is before and behind.
        first = (before * 8 + 5) // 6
        inside = encoded[first : len(encoded) - 4 if (before + len(data)) % 3 else len(encoded)]
        yield inside
        yield inside.replace(b"+", b"-").replace(b"/", b"_")


def found_in(content: bytes, texts: Collection[str]) -> set[str]:
    """Return which of the texts are there in any spelling."""
    return {text for text in texts if any(spelling in content for spelling in spellings(text))}


async def tables_content(settings: Settings) -> dict[str, bytes]:
    """Return what each table of the database holds, as a dump of it has it."""
    async with database.opened(settings) as sessions:
        return await rows_of_tables(sessions)


async def rows_of_tables(sessions: DatabaseSessions) -> dict[str, bytes]:
    """Return the same over sessions that are open."""
    names = [table.name for table in Base.metadata.sorted_tables]
    found = {}
    async with sessions() as session:
        for name in names:
            rows = await session.scalars(sql(f'select t::text from "{name}" t'))  # noqa: S608 the name of a table
            found[name] = "\n".join(rows).encode()
    return found


async def columns_of_tables(sessions: DatabaseSessions) -> dict[tuple[str, str], bytes]:
    """Return what each column of each table holds."""
    found: dict[tuple[str, str], list[str]] = {}
    async with sessions() as session:
        for table in Base.metadata.sorted_tables:
            rows = await session.scalars(sql(f'select to_jsonb(t)::text from "{table.name}" t'))  # noqa: S608 its name
            for row in map(json.loads, rows):
                for column, value in row.items():
                    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                    found.setdefault((table.name, column), []).append(said)
    return {place: "\n".join(values).encode() for place, values in found.items()}


def sqlite_content(file: Path) -> bytes:
    """Return every value of every table, and the file itself: what was deleted may still lie in it."""
    parts = [each.read_bytes() for each in sorted(file.parent.glob(f"{file.name}*"))]
    database = sqlite3.connect(file)
    try:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for row in database.execute(f'select * from "{table}"'):  # noqa: S608 its own name
                parts += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    finally:
        database.close()
    return b"\n".join(parts)
