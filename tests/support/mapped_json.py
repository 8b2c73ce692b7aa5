"""The keys of JSON columns: those that the data map knows, and those that were really written."""

import json
from collections.abc import Mapping

from sqlalchemy import text

from models.backoffice.data_map import Json
from models.backoffice.data_map_document import DATA_MAP
from models.common.store.sessions import DatabaseSessions

Keys = Mapping[tuple[str, str], set[str]]
"""Of each table and column."""
MAPPED: Keys = {
    (name, column): set(whose.keys)
    for name, kept in DATA_MAP.items()
    for column, whose in kept.persons.items()
    if isinstance(whose, Json) and not whose.any_key
}


async def written_keys(sessions: DatabaseSessions) -> Keys:
    """Return those of every object that is stored."""
    written = {}
    async with sessions() as session:
        for name, column in MAPPED:
            values = await session.scalars(text(f'select "{column}" from "{name}"'))  # noqa: S608 the map's own names
            read = [json.loads(value) if isinstance(value, str) else value for value in values]
            written[name, column] = {key for value in read if isinstance(value, dict) for key in value}
    return written


def beyond(some: Keys, others: Keys) -> Keys:
    """Return what the first have and the second have not."""
    return {place: keys - others[place] for place, keys in some.items() if keys - others[place]}
