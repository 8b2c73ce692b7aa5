"""The data map as a whole, and as the document that is made from it."""

from collections.abc import Iterator, Mapping

from models.backoffice.data_map import FileMap, Json, TableMap, Whose, shown_period
from models.backoffice.data_map_cases import CASES
from models.backoffice.data_map_house import HOUSE
from models.backoffice.data_map_registry import REGISTRY_TABLES

DATA_MAP: Mapping[str, TableMap] = {**REGISTRY_TABLES, **HOUSE, **CASES}
"""Every table, in the order in which retention goes through it."""

FILES = (
    FileMap(
        "`mail/*.eml` of the state folder", "who gets the mail", "the embedded inbox", "as long as the state folder"
    ),
    FileMap(
        "`logs/*.log` of the state folder", "nobody", "what the embedded stack's processes say", "one run and the last"
    ),
    FileMap("`keys/`, `secret_key` of the state folder", "nobody", "what signs", "until a key is retired or revoked"),
    FileMap("`TETSUZUKI_AUDIT_HEADS_FILE`", "nobody", "heads of the audit trail, signed each night", "for ever"),
    FileMap(
        "`TETSUZUKI_JOURNAL_FILE`",
        "who was erased: case numbers, and a keyed hash of each address, with its key; what was ended, by handle or "
        "number; which contract IDs were given out",
        "no restore brings back who was erased",
        "for ever; who has it can test whether an address was erased",
    ),
    FileMap(
        "Temporal's store", "anybody of the case", "histories of cases", "`TETSUZUKI_TEMPORAL_RETENTION` after closing"
    ),
    FileMap("backups of both stores", "everybody in them", "they are restored from", "as the house keeps backups"),
)


def document() -> str:
    """Return `docs/data-map.md`."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Data map"
    yield ""
    yield "Every table, column, JSON key and file: whose it is, why it is there, how long it is kept, and the"
    yield "statement that ends it. This page is made from `models/backoffice/data_map_*.py` by `tetsuzuki data-map`."
    yield "A test compares it with the schema and with what is really written. Statements run once a day as"
    yield "`tetsuzuki_erase` (`tetsuzuki eraser`); `:before` is the time of the run less the period."
    for name, table in DATA_MAP.items():
        yield from _table(name, table)
    yield ""
    yield "## Files"
    yield ""
    yield "| where | whose | why | kept |"
    yield "|---|---|---|---|"
    for file in FILES:
        yield f"| {file.where} | {file.whose} | {file.why} | {file.kept} |"


def _table(name: str, table: TableMap) -> Iterator[str]:
    yield ""
    yield f"## `{name}`"
    yield ""
    yield f"{table.why[0].upper()}{table.why[1:]}. Kept {table.kept}."
    yield ""
    yield "| column | whose |"
    yield "|---|---|"
    for column, whose in table.persons.items():
        yield f"| `{column}` | {_whose(whose)} |"
    yield f"| {', '.join(f'`{number}`' for number in table.numbers.split())} | {Whose.NOBODY} |"
    if table.ends:
        yield ""
        yield f"After {shown_period(table.ends.period)}:"
        yield ""
        yield "```sql"
        yield table.ends.statement(name)
        yield "```"


def _whose(of: Whose | Json) -> str:
    if isinstance(of, Whose):
        return of
    keys = [f"`{key}`: {whose}" for key, whose in of.keys.items()]
    rest = [f"every {'other ' if keys else ''}key: {of.whose}"] if of.any_key else [f"values: {of.whose}"][: not keys]
    return "; ".join([*keys, *rest])
