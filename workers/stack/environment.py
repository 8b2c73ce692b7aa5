"""Hands settings on to child processes, as the variables they read them from."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr, TypeAdapter

from workers.settings import Settings

_PREFIX = "TETSUZUKI_"
_TEMPORAL_S = "TEMPORAL_"
_DURATION = TypeAdapter(timedelta)


def environment(settings: Settings) -> dict[str, str]:
    """This process's variables, with exactly those settings set that are set in `settings`."""
    replaced = (_PREFIX,) if settings.temporal_config else (_PREFIX, _TEMPORAL_S)
    # Settings are read in whatever case they are written.
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(replaced)}
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    ours = {f"{_PREFIX}{name.upper()}": _text(value) for name, value in given.items() if value is not None}
    # Logs are written as things happen.
    return inherited | ours | {"PYTHONUNBUFFERED": "1"}


def _text(value: Any) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case Path():
            return str(value.absolute())
        case timedelta():
            return str(_DURATION.dump_python(value, mode="json"))
        case tuple():
            return ",".join(value)
        case _:
            return str(value)
