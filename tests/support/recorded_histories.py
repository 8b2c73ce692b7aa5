"""The histories that are recorded and replayed, by their names."""

from pathlib import Path

HISTORY_FILES = Path(__file__).parents[1] / "replay" / "histories"
HISTORIES = {file.stem: file.read_text(encoding="utf-8") for file in HISTORY_FILES.glob("*.json")}
