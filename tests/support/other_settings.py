"""Each setting with another value than its default, and what a process makes of its variables."""

import asyncio
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from workers.settings import Settings
from workers.stack.needed_secrets import SECRETS, SECRETS_OF

OTHER_THAN_DEFAULT: dict[str, Any] = {
    "api_keys": (
        SecretStr("registry:apply+report:key-of-the-registry-0123456789-abcdef"),
        SecretStr("k3y" * 12 + "abcdef"),
    ),
    "former_secret_keys": (
        SecretStr("a-former-secret-key-0123456789-abcdef"),
        SecretStr("an-older-secret-key-0123456789-abc"),
    ),
    "form_webhook_secrets": "whsec_" + "c2VjcmV0" * 4,
    "closing_days": ("12-31", "08-13"),
    "help_pages": json.dumps({"online_update": "https://support.example.co.jp/update"}),
    "terms_url": "https://www.example.co.jp/terms",
    "contact_phone": "03-1234-5678",
    "versioning_behavior": "pinned",
    "log_format": "json",
    "case_traces_url": "https://traces.example.co.jp/{case}",
    "case_logs_url": "https://logs.example.co.jp/?q={case}",
    "log_level": "DEBUG",
    "vault_address": "https://vault.example.co.jp",
    "bounce_address": "bounces@vendor.example.jp",
    "operators_mail": "desk@vendor.example.jp",
    "mail_from": "弥生(株) <info@vendor.example.jp>",
    "myics_mail_from": "myics@vendor.example.jp",
    "public_url": "https://apply.example.co.jp",
    "desk_url": "https://desk.example.co.jp",
    "temporal_address": "temporal.example.co.jp:7233",
    "master_keys": "mk-0123 " + "0f" * 32,
    "database_url": "postgresql+asyncpg://user@db.example.co.jp:6432/cases",
    "smtp_tls": "tls",
    "malware_scanner": "unix:///run/clamd.sock",
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
        case _ if "SecretStr" in kind:
            return f"a-secret-of-{name}-0123456789-abcdef"
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


_WHAT_IT_READS = """
import json
from pydantic import SecretStr
from workers.settings import Settings

def shown(value):
    return value.get_secret_value() if isinstance(value, SecretStr) else repr(value)

settings = Settings()
print(json.dumps({
    name: [shown(each) for each in value] if isinstance(value := getattr(settings, name), tuple) else shown(value)
    for name in settings.model_fields_set
}))
"""


def shown(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else repr(value)


def wanted_of(process: str, given: Settings) -> dict[str, Any]:
    """Return what this process of a stack is to find set: all that was given, but the secrets of others."""
    names = given.model_fields_set - (SECRETS - SECRETS_OF[process]) if process in SECRETS_OF else set()
    return {
        name: [*map(shown, value)] if isinstance(value := getattr(given, name), tuple) else shown(value)
        for name in names
    }


def texts_of(value: Any) -> list[str]:
    """Return the secrets that a setting holds."""
    return [each.get_secret_value() for each in (value if isinstance(value, tuple) else (value,))]


async def read_from(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return what a program with these variables finds set."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _WHAT_IT_READS), env=dict(variables), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    return dict(json.loads(said))
