"""Builds the programs of a Temporal cluster from the Go module proxy, and keeps them for the next run."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from workers.program import ClearError, say

_SERVER = ("go.temporal.io/server/cmd/server", "go.temporal.io/server/cmd/tools/sql")
_WEB_UI = ("github.com/temporalio/ui-server/v2/cmd/server",)
_LOCAL = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
"""The Go that is installed, not one that it would fetch; and programs that need no library of the system."""


class GoMissingError(ClearError):
    """No Go is installed, or it cannot build the programs."""


@dataclass(frozen=True)
class ServerPrograms:
    """Those of one version of the server."""

    version: str
    server: Path
    sql: Path
    """Makes and updates the schemas, which it brings along."""


def server_programs(version: str) -> ServerPrograms:
    """Return them, built unless they are there. Raises `GoMissingError`."""
    folder = _cache() / f"server-{version}"
    _build(folder, _SERVER, version)
    return ServerPrograms(version, folder / "server", folder / "sql")


def web_ui_program(version: str) -> Path:
    """Return the Web UI's own server, built unless it is there. Raises `GoMissingError`."""
    folder = _cache() / f"ui-{version}"
    _build(folder, _WEB_UI, version)
    return folder / "server"


def _cache() -> Path:
    """Where programs are kept: outside of any checkout, since they take minutes to build."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tetsuzuki" / "temporal"


def _build(folder: Path, packages: tuple[str, ...], version: str) -> None:
    if all((folder / package.rpartition("/")[2]).exists() for package in packages):
        return
    go = shutil.which("go")
    if go is None:
        raise GoMissingError(
            "a Temporal cluster is built with Go, which is not installed here: install the Go that "
            f"go.temporal.io/server@v{version} asks for, and see that the Go module proxy is reached"
        )
    say(f"building {', '.join(packages)} v{version} into {folder}: some minutes")
    folder.mkdir(parents=True, exist_ok=True)
    command = [go, "install", *(f"{package}@v{version}" for package in packages)]
    built = subprocess.run(  # noqa: S603 the packages named above
        command, env=os.environ | _LOCAL | {"GOBIN": str(folder)}, check=False, stderr=subprocess.PIPE, text=True
    )
    if built.returncode != 0:
        raise GoMissingError(f"{' '.join(command)} failed:\n{built.stderr.strip()[-2000:]}")
