"""Which process gets which secrets: each only those that it needs."""

from collections.abc import Mapping

from workers.setting_types import is_secret
from workers.settings import Settings

_DATABASE = frozenset({"database_url", "database_password"})
_TEMPORAL = frozenset({"temporal_api_key"})
_LINKS = frozenset({"secret_key", "former_secret_keys"})
_CASES = frozenset({"master_keys"})
_ROLES = ("customers", "desk", "worker", "erase", "figures")

SECRETS_OF: Mapping[str, frozenset[str]] = {
    "worker": _DATABASE | _TEMPORAL | _LINKS | _CASES | {"smtp_password", "bounce_imap_password"},
    "web": _DATABASE | _TEMPORAL | _LINKS | _CASES | {"api_keys", "form_webhook_secrets"},
    "desk": _DATABASE | _TEMPORAL | _LINKS | _CASES | {"oidc_client_secret", "sign_in_run", "temporal_ui_api_key"},
    "eraser": _DATABASE | _TEMPORAL | _LINKS | _CASES,
    "figures": _DATABASE,
    "inbox": frozenset(),
}
"""By command. What is not ours (Postgres, Temporal) gets none of our settings at all."""
OF_KEYS = _DATABASE | _LINKS | _CASES
"""What `tetsuzuki keys` needs."""
OF_MIGRATE = OF_KEYS | _TEMPORAL | {f"database_{role}_password" for role in _ROLES}
"""What `tetsuzuki migrate` needs."""
SECRETS = {name for name, field in Settings.model_fields.items() if is_secret(field)} | {"database_url", "sign_in_run"}
"""All there are; a database's address may hold a password."""


def settings_for(process: str, settings: Settings) -> Settings | None:
    """Return the settings of one process of the stack, without the secrets of others; None: it gets none."""
    if process not in SECRETS_OF:
        return None
    kept = settings.model_copy()
    for name in SECRETS - SECRETS_OF[process]:
        kept.__dict__[name] = Settings.model_fields[name].get_default()
        kept.model_fields_set.discard(name)
    return kept
