"""Links into the Temporal Web UI."""

from collections.abc import Callable
from urllib.parse import quote

WorkflowLink = Callable[[str], str]
"""Where an operator sees the workflow with an id."""


def workflow_link(ui_url: str, namespace: str, workflow_id: str) -> str:
    """Return where the Temporal Web UI shows a workflow."""
    place = f"/namespaces/{quote(namespace, safe='')}/workflows/{quote(workflow_id, safe='')}"
    return ui_url.rstrip("/") + place
