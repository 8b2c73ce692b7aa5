"""The private keys that a process of the embedded stack is handed: a folder with those it signs with, and no other."""

from collections.abc import Collection
from pathlib import Path

from models.common.signing_keys import KeyPurpose


def hand_keys(keys: Path, own: Path, purposes: Collection[KeyPurpose]) -> Path:
    """Make the folder `own` name those of `keys` for these purposes alone; a key that is made later is in it, too."""
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    for purpose in KeyPurpose:
        link = own / purpose
        link.unlink(missing_ok=True)
        if purpose in purposes:
            link.symlink_to(keys / purpose, target_is_directory=True)
    return own
