"""The private halves of the signing keys: files that their owner alone can read, one for each key."""

import os
from pathlib import Path

from models.common.signing_keys import PrivateKey
from workers.durable_files import sync_folder, write_durably
from workers.program import ClearError
from workers.settings import Settings
from workers.stack.places import Places


class KeyFileError(ClearError):
    """A private key cannot be read or written; the message says which file and why."""


class KeyFiles:
    """The folder that `TETSUZUKI_SIGNING_KEYS_DIR` names, else `keys` in the state folder."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.signing_keys_dir or Places(settings.state_dir).signing_keys

    def file_of(self, key_id: str) -> Path:
        """Where a key lies: in the folder of its purpose, so that a process can be given its own keys alone."""
        return self.folder / key_id.partition("-")[0] / key_id

    def write(self, key: PrivateKey) -> Path:
        """Keep a key; when this returns it survives a power cut. Raises `KeyFileError`."""
        file = self.file_of(key.public.key_id)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.parent.mkdir(mode=0o700, exist_ok=True)
            write_durably(file, key.text())
            sync_folder(self.folder)  # that of its purpose may be new
        except OSError as error:
            raise KeyFileError(f"the private key {file} cannot be written: {error.strerror}") from None
        return file

    def read(self, key_id: str) -> PrivateKey:
        """Return a key. Raises `KeyFileError` if it is not there, is open to others, or is another key."""
        file = self.file_of(key_id)
        try:
            others = file.stat().st_mode & 0o077
            text = file.read_text(encoding="ascii")
            key = PrivateKey.read(text)
        except OSError as error:
            raise KeyFileError(f"the private key {file} cannot be read: {error.strerror}") from None
        except ValueError:
            raise KeyFileError(f"{file} holds no private key") from None
        if others:
            raise KeyFileError(f"the private key {file} is open to other users: chmod 600 it, or revoke the key")
        if key.public.key_id != key_id:
            raise KeyFileError(f"{file} holds another key than its name says")
        return key

    def destroy(self, key_id: str) -> bool:
        """Remove a key; False if it is not here. Copies in backups and secrets are its owner's to remove."""
        file = self.file_of(key_id)
        if not file.exists():
            return False
        with file.open("r+b") as opened:  # what is unlinked may still lie on the disk
            opened.write(b"\0" * file.stat().st_size)
            opened.flush()
            os.fsync(opened.fileno())
        file.unlink()
        return True
