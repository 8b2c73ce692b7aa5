"""The build id: the name by which Temporal distinguishes this build's workers from those of other builds."""

from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from workers.settings import Settings

PACKAGES = ("models", "workflows", "activities", "web", "workers")


def build_id(settings: Settings) -> str:
    """Return the id that is set, else the version and a hash of the installed code: the same code has the same id."""
    return settings.build_id or f"{version('tetsuzuki')}-{installed_code()}"


def code_hash(packages: Iterable[Path]) -> str:
    """Hash each file of these folders with its path from the folder's parent; where they lie makes no difference."""
    files = {file.relative_to(package.parent): file for package in packages for file in package.rglob("*")}
    digest = sha256()
    for path, file in sorted(files.items()):
        # Python writes its caches as it runs, and editors and systems write hidden files.
        if file.is_file() and not any(part == "__pycache__" or part.startswith(".") for part in path.parts):
            content = sha256(file.read_bytes()).hexdigest()
            digest.update(f"{path.as_posix()}\0{content}\0".encode())
    return digest.hexdigest()[:12]


@cache
def installed_code() -> str:
    """Hash the code that runs."""
    specs = [find_spec(name) for name in PACKAGES]
    return code_hash(Path(spec.origin).parent for spec in specs if spec and spec.origin)
