"""Settings of a stack that stands alone: for the rehearsal, the bench and tests."""

from pathlib import Path
from typing import Any

from pydantic_settings import PydanticBaseSettingsSource

from workers.settings import Settings
from workers.stack.checks import free_ports


class _Given(Settings):
    """Nothing but what is given: no variables of whoever runs the program."""

    @classmethod
    def settings_customise_sources(cls, *_settings: Any, **sources: Any) -> tuple[PydanticBaseSettingsSource, ...]:
        return (sources["init_settings"],)


def alone(state_dir: Path, **given: Any) -> Settings:
    """Settings for a stack with all parts embedded, on free ports, whatever the environment says.

    Neither `TETSUZUKI_*` nor Temporal's own variables and configuration file are read, here or by its processes: what
    is done with such a stack reaches no database, no customer and no server of anybody's.
    """
    return _Given(state_dir=state_dir, temporal_config=False, **free_ports() | given)
