"""Examples that come with the program; `docs/example-registry.md` says what each customer is there for."""

from importlib.resources import files
from pathlib import Path


def registry() -> Path:
    """Where the example registry is, a file for `tetsuzuki load`."""
    return Path(str(files(__name__) / "registry.json"))
