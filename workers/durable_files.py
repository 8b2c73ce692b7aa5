"""Files of our own that a crash neither tears nor loses."""

import os
from pathlib import Path


def write_durably(file: Path, text: str) -> None:
    """Replace a file, whole or not at all, its owner's alone; when this returns it survives a power cut.

    Raises `OSError`, as on a full disk; nothing half written is left then.
    """
    unfinished = file.with_suffix(".new")
    unfinished.unlink(missing_ok=True)  # left by a crash, perhaps open to others
    exclusively = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(os.open(unfinished, exclusively, 0o600), "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        unfinished.replace(file)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Keep the names in a folder: a new or renamed file is on the disk only after this."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
