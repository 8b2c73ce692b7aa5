"""A disk that is soon full: a small file system in memory, where this process may mount one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

_MOUNT, _UMOUNT = shutil.which("mount"), shutil.which("umount")


@contextmanager
def small_disk(megabytes: int, owner: int | None = None) -> Iterator[Path]:
    """Give the root of a file system of this size; the test is skipped where none can be mounted."""
    with TemporaryDirectory(prefix="tetsuzuki-") as name:
        root = Path(name)
        options = f"size={megabytes}m,mode=0711,uid={os.geteuid() if owner is None else owner}"
        mount = [_MOUNT or "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(root)]
        made = subprocess.run(mount, check=False, capture_output=True, text=True) if _MOUNT else None  # noqa: S603
        if made is None or made.returncode != 0:
            pytest.skip(f"no small disk can be mounted (root is needed): {made.stderr if made else 'no mount'}")
        try:
            yield root
        finally:
            subprocess.run([_UMOUNT or "umount", "--lazy", root], check=True)  # noqa: S603


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Leave no byte free while the context lasts."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        while left := shutil.disk_usage(disk).free:
            os.posix_fallocate(file.fileno(), file.tell(), left)
            file.seek(0, os.SEEK_END)
    try:
        yield
    finally:
        filler.unlink()
