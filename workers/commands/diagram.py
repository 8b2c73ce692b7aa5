"""`tetsuzuki diagram`: the procedures as pictures for the documents, and the stages that one case goes through."""

import sys
from pathlib import Path

from models.yayoi.diagram import CaseDiagram, mermaid
from models.yayoi.diagram_svg import svg
from models.yayoi.identifiers import ApplicationNo, office_workflow_id
from models.yayoi.procedures import Procedure
from models.yayoi.store.case_diagrams import case_diagram
from workers import database
from workers.program import ClearError
from workers.settings import Settings

_HEAD = """\
# 手続きの図 / The procedures

Written by `tetsuzuki diagram` from `models/yayoi/procedures.py`: change that, not this. Each office's procedure goes
through its stages from top to bottom; ● marks the stages from which it can end early, and then everything is left as it
was before. `tetsuzuki diagram YS-000123` draws one case.
"""


def draw_procedures(into: Path) -> None:
    """Write `procedures.md`, and one SVG for each procedure beside it."""
    for path, text in pictures().items():
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        (into / path).write_text(text, encoding="utf-8")


def pictures() -> dict[Path, str]:
    """Return the files and what they hold."""
    drawn = {procedure: Path("procedures") / f"{procedure.name.lower()}.svg" for procedure in Procedure}
    parts = [_HEAD, *(_section(procedure, path) for procedure, path in drawn.items())]
    return {
        Path("procedures.md"): "\n".join(parts),
        **{path: svg(CaseDiagram(procedure)) for procedure, path in drawn.items()},
    }


def _section(procedure: Procedure, picture: Path) -> str:
    return f"""\
## {procedure}

![{procedure}]({picture.as_posix()})

<details><summary>Mermaid</summary>

```mermaid
{mermaid(CaseDiagram(procedure))}
```

</details>
"""


async def draw_case(settings: Settings, application_no: str, office_no: int, file: Path | None) -> int:
    """Print the case's diagram as Mermaid, or write it as SVG, from what its records say.

    Raises:
        ClearError: there is no such case.

    """
    try:
        number = ApplicationNo(application_no)
    except ValueError as error:
        raise ClearError(str(error)) from None
    async with database.opened(settings) as sessions, sessions() as session:
        diagram = await case_diagram(session, number, office_no)
    if diagram is None:
        raise ClearError(
            f"{office_workflow_id(number, office_no)} という案件はありません。申込番号と --office を確認してください。"
        )
    if file:
        file.write_text(svg(diagram), encoding="utf-8")  # noqa: ASYNC240 nothing else runs in this program
    else:
        sys.stdout.write(f"{mermaid(diagram)}\n")
    return 0
