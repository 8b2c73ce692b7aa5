"""The table as a document: `python -m tests.hostile.document` writes `docs/hostile-inputs.md` anew."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from tests.hostile import content, keys, others, transport
from tests.hostile.attack import Attack
from tests.hostile.elsewhere import ELSEWHERE

DOCUMENT = Path(__file__).parents[2] / "docs" / "hostile-inputs.md"


def attacks() -> Iterator[Attack]:
    """Every one of the list, in its order."""
    for group in (
        content.markup,
        content.sizes,
        content.encodings,
        transport.paths,
        keys.links,
        keys.signatures,
        keys.forms,
        transport.kinds,
        transport.redirects,
        transport.hosts,
        others.others,
    ):
        yield from group()


_HEAD = """\
# Hostile inputs

What was sent to the pages and interfaces as an attacker would, and what it got. `tests/hostile/test_hostile_inputs.py`
tries every line of this list, and asserts of each answer that it has the security headers; the list is written from the
same table (`python -m tests.hostile.document`). "→" leads to a path of this site.
"""


def document() -> str:
    """Return the document that this table and the other tests amount to."""
    lines = [_HEAD]
    for group, rows in groupby(attacks(), key=lambda attack: attack.group):
        lines += [f"## {group}\n", "| what is sent | where | answer | what the answer says |", "|---|---|---|---|"]
        lines += dict.fromkeys(_line(row) for row in rows)
        lines.append("")
    lines += ["## Shown by tests of their own\n", "| what is tried | what comes of it | test |", "|---|---|---|"]
    lines += [f"| {what} | {outcome} | `{test}` |" for what, outcome, test in ELSEWHERE]
    return "\n".join(lines) + "\n"


def _line(attack: Attack) -> str:
    answer = f"{attack.status} → `{attack.to}`" if attack.to else str(attack.status)
    return f"| {_cell(attack.sent)} | {_cell(attack.where)} | {answer} | {_cell(attack.expected)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    DOCUMENT.write_text(document())
