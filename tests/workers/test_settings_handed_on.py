"""Every setting reaches the processes of the embedded stack as it was given."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from workers.settings import Settings
from workers.stack.stack_settings import alone, environment

OTHER_THAN_DEFAULT: dict[str, Any] = {
    "api_keys": (SecretStr(f"registry:{'k' * 32}"), SecretStr(f"bank:{'s' * 32}")),
    "form_webhook_secrets": "whsec_" + "c2VjcmV0" * 4,
    "closing_days": ("12-31", "08-13"),
    "help_pages": json.dumps({"online_update": "https://support.example.co.jp/update"}),
    "terms_url": "https://www.example.co.jp/terms",
    "contact_phone": "03-1234-5678",
    "versioning_behavior": "pinned",
    "log_level": "DEBUG",
    "vault_address": "https://vault.example.co.jp",
    "bounce_address": "bounces@vendor.example.jp",
    "oidc_issuer": "https://login.example.co.jp",
    "oidc_scope": "openid groups",
}


def other_value(name: str) -> Any:
    """Return a value of this setting that is not its default."""
    if name in OTHER_THAN_DEFAULT:
        return OTHER_THAN_DEFAULT[name]
    field = Settings.model_fields[name]
    kind = str(field.annotation)
    match field.default:
        case bool() as default:
            return not default
        case int() as default:
            return default + 1
        case _ if "timedelta" in kind:
            return field.default * 2
        case _ if "Path" in kind:
            return Path("/elsewhere")
        case _ if "bool" in kind:
            return True
        case _ if "WebAddress" in kind or name.endswith(("_url", "ui_address")):
            return "https://www.example.co.jp/page"
        case _ if re.search("phone", name):
            return "03-1234-5678"
        case _:
            return "changed"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_reaches_the_children_of_the_embedded_stack(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    given = Settings(**{name: other_value(name)})
    assert getattr(given, name) != Settings.model_fields[name].default
    for variable, value in environment(given).items():
        if variable.startswith("TETSUZUKI_"):
            monkeypatch.setenv(variable, value)
    read = Settings()
    assert getattr(read, name) == getattr(given, name)
    assert read.model_fields_set == {name}


def test_a_stack_of_its_own_is_open_for_who_runs_it(tmp_path: Path) -> None:
    assert alone(tmp_path).api_open
    assert not Settings().api_open
