"""Finding people by a piece of their name: Postgres' own trigrams know no Japanese where its locale is C.

A name is folded into one spelling and cut into pieces of two characters, which an index over expressions holds; so an
index is never behind its table, and whoever writes a name need not know of it.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Index, SQLColumnExpression, Text, event, func, literal, text
from sqlalchemy.dialects.postgresql import ARRAY

from models.tables.base import Base

_KATAKANA = "".join(map(chr, range(0x30A1, 0x30F7)))
_HIRAGANA = "".join(map(chr, range(0x3041, 0x3097)))
_RARE, _USUAL = "髙﨑嵜濵濱邉邊齋齊斎澤廣櫻眞國德惠𠮷", "高崎崎浜浜辺辺斉斉斉沢広桜真国徳恵吉"
"""What people write of a name and what a colleague types who has heard it on the phone."""

_FUNCTIONS = (
    f"""CREATE FUNCTION search_text(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN translate(lower(regexp_replace(normalize(given, NFKC), '\\s', '', 'g')),
    '{_KATAKANA}{_RARE}', '{_HIRAGANA}{_USUAL}')""",
    """CREATE FUNCTION search_pieces(given text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN ARRAY(SELECT DISTINCT substr(folded, start, 2) FROM search_text(given) AS folded,
    generate_series(1, char_length(folded) - 1) AS start)""",
)


def _made_by(statement: str) -> Callable[..., None]:
    def make(_metadata: object, connection: Connection, **_: Any) -> None:
        connection.execute(text(statement))

    return make


for _function in _FUNCTIONS:
    event.listen(Base.metadata, "before_create", _made_by(_function))


def pieces_index(name: str, *columns: str) -> Index:
    """Return the index by which `contains` finds a row by what these columns say together.

    The expression is spelled as Postgres prints it: else the schema would seem to differ from its description.
    """
    whole = " || ".join(f"{column}::text" for column in columns)
    return Index(name, text(f"search_pieces({whole})"), postgresql_using="gin")


def prefix_index(name: str, column: str) -> Index:
    """Return the index by which `begins_with` finds a row, whatever the database's locale."""
    return Index(name, column, postgresql_ops={column: "text_pattern_ops"})


def contains(column: SQLColumnExpression[Any], typed: str) -> ColumnElement[bool]:
    """Whether a name contains what was typed, of at least two characters."""
    pieces = func.search_pieces(column, type_=ARRAY(Text))
    found = func.strpos(func.search_text(column), func.search_text(typed)) > literal(0)
    return pieces.contains(func.search_pieces(typed, type_=ARRAY(Text))) & found


def begins_with(column: SQLColumnExpression[Any], prefix: str) -> ColumnElement[bool]:
    """Whether an identifier begins with this. Compared by bytes, so that a prepared statement uses the index, too."""
    return column.op("~>=~", is_comparison=True)(prefix) & column.op("~<~", is_comparison=True)(f"{prefix}\U0010ffff")
