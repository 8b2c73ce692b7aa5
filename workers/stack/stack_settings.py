"""Settings of the embedded stack: of one that is on its own, filled in, and as its processes' variables."""

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, TypeAdapter
from pydantic_settings import PydanticBaseSettingsSource

from models.common.guessable import refuse_guessable
from workers import temporal
from workers.durable_files import write_durably
from workers.program import without_postgres_variables
from workers.settings import Settings
from workers.stack.checks import StackError, embeds_temporal, free_metrics_port, free_port, free_ports
from workers.stack.places import Places
from workers.wiring.derived import webhooks_may_be_private

_PREFIX = "TETSUZUKI_"
_TEMPORAL_S = "TEMPORAL_"
_DURATION = TypeAdapter(timedelta)


class _Given(Settings):
    """Nothing but what is given: no variables of whoever runs the program."""

    @classmethod
    def settings_customise_sources(cls, *_settings: Any, **sources: Any) -> tuple[PydanticBaseSettingsSource, ...]:
        return (sources["init_settings"],)


def alone(state_dir: Path, **given: Any) -> Settings:
    """Settings for a stack with all parts embedded, on free ports: for the demo, the bench and tests. Its API is open.

    Neither `TETSUZUKI_*` nor Temporal's own variables and configuration file are read, here or by its processes: such a
    stack reaches no database, customer or server of whoever runs it.
    """
    chosen = {"temporal_config": False, "api_open": True} | free_ports()
    if given.get("telemetry"):
        chosen["metrics_port"] = free_metrics_port()
    return _Given(state_dir=state_dir, **chosen | given)


def completed(settings: Settings, places: Places) -> Settings:
    """These settings, with the addresses of the embedded parts and a secret key that stays the same."""
    return settings.model_copy(
        update={
            "state_dir": places.state,
            "database_url": settings.database_url or places.database_url,
            "temporal_address": temporal.embedded_address(settings)
            if embeds_temporal(settings)
            else settings.temporal_address,
            # Nothing names the port: it is reached by the desk alone, which asks who it is.
            "temporal_ui_address": f"http://127.0.0.1:{free_port()}"
            if embeds_temporal(settings)
            else settings.temporal_ui_address,
            "webhook_allow_private": webhooks_may_be_private(settings),
            "secret_key": settings.secret_key or _kept_secret(places),
            "sign_in_run": None if settings.oidc_issuer else _begun_run(places),
        }
    )


def environment(settings: Settings | None) -> dict[str, str]:
    """This process's variables, with exactly those settings set that are set in `settings`; None: none."""
    replaced = (_PREFIX,) if settings and settings.temporal_config else (_PREFIX, _TEMPORAL_S)
    # Settings are read in whatever case they are written.
    of_others = without_postgres_variables()
    inherited = {name: value for name, value in of_others.items() if not name.upper().startswith(replaced)}
    given = {name: getattr(settings, name) for name in settings.model_fields_set} if settings else {}
    ours = {f"{_PREFIX}{name.upper()}": _text(value) for name, value in given.items() if value is not None}
    # Logs are written as things happen.
    return inherited | ours | {"PYTHONUNBUFFERED": "1"}


def _kept_secret(places: Places) -> SecretStr:
    if not places.secret_key.exists():
        write_durably(places.secret_key, secrets.token_urlsafe(48))
    try:
        kept = places.secret_key.read_text(encoding="utf-8").strip()
        refuse_guessable(kept, "the key in it")
    except ValueError as error:
        raise StackError(
            f"{places.secret_key}: {error}. Put back what was in the file; if that is lost, remove it: a new key is "
            "made, and links, forms and codes that were sent before end"
        ) from None
    return SecretStr(kept)


def _begun_run(places: Places) -> str:
    """Begin a run of sign-in links; `tetsuzuki operators link` reads which one it is."""
    run = secrets.token_urlsafe(16)
    write_durably(places.sign_in_run, run)
    return run


def _text(value: Any) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case Path():
            return str(value.absolute())
        case BaseModel():
            return value.model_dump_json()
        case timedelta():
            return str(_DURATION.dump_python(value, mode="json"))
        case tuple():
            return ",".join(map(_text, value))
        case _:
            return str(value)
