"""Every setting reaches the processes of the embedded stack as it was given, and secrets those that need them."""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from workers.settings import Settings
from workers.stack.needed_secrets import OF_MIGRATE, SECRETS, SECRETS_OF, settings_for
from workers.stack.stack_settings import alone, environment

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
NOT_TOGETHER = {"api_open": "api_keys"}
"""What is not set together with what else."""
A_SECRET = "a-secret-of-somebody-0123456789-abcdef"


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
            return A_SECRET
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


def everything(*, without: str) -> Settings:
    """Return settings of which each is another than its default, but this one."""
    return Settings(**{name: other_value(name) for name in Settings.model_fields if name != without})


_WHAT_A_CHILD_READS = """
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


async def read_by_a_child(settings: Settings | None) -> dict[str, Any]:
    """Return what a running process of the stack that gets these settings finds set."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _WHAT_A_CHILD_READS), env=environment(settings), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    return dict(json.loads(said))


@pytest.mark.parametrize("process", [*SECRETS_OF, "postgres"])
async def test_every_setting_reaches_each_process_of_the_stack_but_the_secrets_of_others(process: str) -> None:
    for absent in ("api_keys", "api_open"):
        given = everything(without=absent)
        for name in given.model_fields_set:
            assert getattr(given, name) != Settings.model_fields[name].default, name
        names = given.model_fields_set - (SECRETS - SECRETS_OF[process]) if process in SECRETS_OF else set()
        wanted = {
            name: [*map(shown, value)] if isinstance(value := getattr(given, name), tuple) else shown(value)
            for name in names
        }
        assert await read_by_a_child(settings_for(process, given)) == wanted


def test_every_secret_is_somebody_s_and_no_process_has_all() -> None:
    assert set().union(*SECRETS_OF.values(), OF_MIGRATE) == SECRETS
    assert all(SECRETS - of_process for of_process in SECRETS_OF.values())


def test_a_stack_of_its_own_is_open_for_who_runs_it(tmp_path: Path) -> None:
    assert alone(tmp_path).api_open
    assert not Settings().api_open
