"""The SQL of the baseline, from the tables: `python -m models.migrations.baseline` writes it anew, until 1.0.0."""

from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import create_mock_engine

from models.tables import Base

FILE = Path(__file__).parent / "versions" / "r0001_baseline.sql"


def baseline() -> str:
    """Return the statements that make every sequence, table and index, each after those it refers to."""
    statements: list[str] = []

    def keep(statement: Any, *_: Any) -> None:
        lines = str(statement.compile(dialect=engine.dialect)).replace("\t", "    ").splitlines()
        statements.append("\n".join(line.rstrip() for line in lines if line.strip()) + ";\n")

    engine = create_mock_engine("postgresql+asyncpg://", keep)
    Base.metadata.create_all(engine, checkfirst=False)
    # A table's indexes come in any order.
    grouped = groupby(statements, key=lambda statement: "INDEX" in statement.partition(" ON ")[0])
    return "".join(line for is_index, group in grouped for line in (sorted(group) if is_index else group))


if __name__ == "__main__":
    FILE.write_text(baseline(), encoding="utf-8")
