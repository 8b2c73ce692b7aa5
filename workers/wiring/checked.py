"""What settings must be beside each other, and the files that they name: checked before anything is made."""

from pathlib import Path

from workers import temporal
from workers.master_keys import kms_of
from workers.program import ClearError
from workers.settings import Settings
from workers.tls import check_authorities, database_tls, smtp_security
from workers.wiring.derived import bounce_mailbox, form_translation
from workers.wiring.web import openid_settings

_FILES = ("vault_token_file",)
"""Those that must be there."""
_FOLDERS = ("bounce_maildir",)
_WRITTEN = ("audit_heads_file", "journal_file", "master_key_file")
"""Files that are made where they are missing."""


def check_settings(settings: Settings) -> None:
    """Raise `ClearError`, which names the variable, for settings that cannot work. Nothing is made or connected."""
    check_authorities()
    database_tls(settings)
    smtp_security(settings)
    temporal.connection(settings)
    openid_settings(settings)
    bounce_mailbox(settings)
    form_translation(settings)
    kms_of(settings)
    for names, is_right, what in (
        (_FILES, Path.is_file, "no file"),
        (_FOLDERS, Path.is_dir, "no folder"),
        (_WRITTEN, lambda path: not path.is_dir(), "a folder, and is to be a file"),
        (("signing_keys_dir",), lambda path: not path.is_file(), "a file, and is to be a folder"),
    ):
        for name in names:
            path: Path | None = getattr(settings, name)
            if path is not None and not is_right(path):
                raise ClearError(f"TETSUZUKI_{name.upper()}: {path} is {what}")
