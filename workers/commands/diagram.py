"""`tetsuzuki diagram`: the procedures as pictures for the documents, and the stages that one case goes through."""

import sys
from pathlib import Path

from temporalio.client import WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from models.yayoi.diagram import CaseDiagram, mermaid
from models.yayoi.diagram_svg import svg
from models.yayoi.identifiers import ApplicationNo, office_workflow_id
from models.yayoi.procedures import Procedure
from workers import temporal
from workers.program import ClearError
from workers.settings import Settings
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

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
    """Print the case's diagram as Mermaid, or write it as SVG. A worker must be running, as the case is queried.

    Raises:
        ClearError: there is no such case, or it cannot be queried.

    """
    try:
        workflow_id = office_workflow_id(ApplicationNo(application_no), office_no)
    except ValueError as error:
        raise ClearError(str(error)) from None
    client = await temporal.connect(settings)
    handle = client.get_workflow_handle(workflow_id)
    try:
        diagram = await handle.query(OfficeDataProcedure.way, "svg" if file else "mermaid")
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise ClearError(f"there is no case {workflow_id}") from None
        raise ClearError(f"{workflow_id} does not answer; is a worker running? ({error.message})") from None
    except WorkflowQueryFailedError as error:
        raise ClearError(f"{workflow_id} cannot be drawn: {error}") from None
    if file:
        file.write_text(diagram, encoding="utf-8")  # noqa: ASYNC240 nothing else runs in this program
    else:
        sys.stdout.write(f"{diagram}\n")
    return 0
