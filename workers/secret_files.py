"""Secrets from files: `TETSUZUKI_<NAME>_FILE` names the file that holds what `TETSUZUKI_<NAME>` would."""

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from workers.setting_types import is_secret

_SUFFIX = "_file"


class SecretFileError(ValueError):
    """A file that is to hold a secret holds none; the text names the variable and the file."""


class SecretFiles(PydanticBaseSettingsSource):
    """Reads the files when the settings are read. Blanks and line feeds at the end of a file are none of its secret."""

    def __init__(self, kind: type[BaseSettings]) -> None:
        super().__init__(kind)
        prefix = kind.model_config.get("env_prefix", "").lower()
        self._files = {name.lower().removeprefix(prefix): value for name, value in os.environ.items() if value}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return what its file holds; None without one. Raises `SecretFileError`."""
        file = self._files.get(field_name + _SUFFIX) if is_secret(field) else None
        if file is None:
            return None, field_name, False
        variable = f"TETSUZUKI_{field_name}".upper()
        if self._files.get(field_name):
            raise SecretFileError(f"{variable} and {variable}_FILE are both set: set one of them")
        return _read(f"{variable}_FILE", Path(file)), field_name, False

    def __call__(self) -> dict[str, Any]:
        read = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in read.items() if value is not None}


def _read(variable: str, file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SecretFileError(f"{variable}: {file} cannot be read: {why}") from None
    if not text:
        raise SecretFileError(f"{variable}: {file} holds no secret")
    return text
