"""The histories that are recorded and replayed, by their names."""

import base64
import json
from pathlib import Path
from typing import Any

HISTORY_FILES = Path(__file__).parents[1] / "replay" / "histories"
HISTORIES = {file.stem: file.read_text(encoding="utf-8") for file in HISTORY_FILES.glob("*.json")}


def start_inputs() -> dict[str, Any]:
    """Return with what each type of workflow starts, as a recorded history has it."""
    found: dict[str, Any] = {}
    for text in HISTORIES.values():
        started = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
        for payload in started.get("input", {}).get("payloads", ()):
            found.setdefault(started["workflowType"]["name"], json.loads(base64.b64decode(payload["data"])))
    return found
