"""What each release has recorded for good: the histories that every later one replays, and the revisions of the schema.

`make released` notes them for the version that is about to be released. From then on none of them may change or go: a
procedure that was changed without a patch would pass again once its histories were recorded anew, and open cases break.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTED = ROOT / "tests" / "replay" / "released"
_RECORDED = ("tests/replay/histories/*.json", "models/migrations/versions/*.py")


def version() -> str:
    """Return the version of this checkout."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [found] = re.findall(r'^version = "(.+)"$', project, re.MULTILINE)
    return str(found)


def recorded(root: Path = ROOT) -> dict[str, str]:
    """Return every file that is kept for good, with what it holds."""
    files = sorted(file for pattern in _RECORDED for file in root.glob(pattern))
    return {file.relative_to(root).as_posix(): sha256(file.read_bytes()).hexdigest() for file in files}


def lost(released: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return what of a release is no longer there as it was, under whatever name."""
    held = set(now.values())
    return [name for name, content in released.items() if content not in held]


def releases(folder: Path = NOTED) -> Iterable[tuple[str, dict[str, str]]]:
    """Return each release with what it has recorded."""
    for file in sorted(folder.glob("*.json")):
        yield file.stem, json.loads(file.read_text(encoding="utf-8"))


def note(folder: Path = NOTED) -> str:
    """Note what this version has recorded, once; returns what was done."""
    file = folder / f"{version()}.json"
    if ".dev" in version():
        return f"{version()} is no release: nothing was noted"
    if file.exists():
        return f"{file.name} is there already: a release is noted once"
    folder.mkdir(exist_ok=True)
    file.write_text(json.dumps(recorded(), indent=1) + "\n", encoding="utf-8")
    return f"{file.name} names {len(recorded())} files, which never change again"


if __name__ == "__main__":
    sys.stdout.write(f"{note()}\n")
