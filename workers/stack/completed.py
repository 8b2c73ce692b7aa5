"""Settings with everything filled in that the embedded stack provides."""

import os
import secrets

from pydantic import SecretStr

from workers import temporal
from workers.settings import Settings
from workers.stack.checks import embeds_temporal
from workers.stack.places import Places
from workers.wiring.derived import webhooks_may_be_private


def completed(settings: Settings, places: Places) -> Settings:
    """These settings, with the addresses of the embedded parts and a secret key that stays the same."""
    return settings.model_copy(
        update={
            "state_dir": places.state,
            "database_url": settings.database_url or places.database_url,
            "temporal_address": temporal.embedded_address(settings)
            if embeds_temporal(settings)
            else settings.temporal_address,
            "webhook_allow_private": webhooks_may_be_private(settings),
            "secret_key": settings.secret_key or _kept_secret(places),
        }
    )


def _kept_secret(places: Places) -> SecretStr:
    if not places.secret_key.exists():
        unfinished = places.secret_key.with_suffix(".new")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        unfinished.rename(places.secret_key)
    return SecretStr(places.secret_key.read_text())
