"""Every setting reaches the processes of the embedded stack as it was given, and secrets those that need them."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from tests.support.encryption import MASTER_KEYS
from tests.support.other_settings import other_value, read_from, texts_of, wanted_of
from tests.support.running_stack import running
from workers.database_roles import DatabaseRole
from workers.settings import Settings
from workers.stack.checks import free_metrics_port, free_ports
from workers.stack.needed_secrets import OF_MIGRATE, SECRETS, SECRETS_OF, settings_for
from workers.stack.places import DATABASE, Places
from workers.stack.stack_settings import alone, environment

NAMES = Settings.model_fields.keys()
OF_OTHERS_SERVERS = {
    *("database_url", "database_password", "database_ca"),
    *("temporal_address", "temporal_ca", "temporal_server_name"),
    *("temporal_client_certificate", "temporal_client_key"),
    *("smtp_host", "smtp_ca", "vault_address", "vault_token_file"),
}
"""What makes a stack reach for a server that it does not bring."""
NOT_TOGETHER = {"api_open", "bounce_maildir"}
"""What is not set together with what else is set here: keys of the API, another mailbox."""
BY_THE_STACK = {"signing_keys_dir", "temporal_ui_address", "metrics_port"}
"""What each process gets another value of: its own keys, where the Web UI is, its own port."""
WHERE = {"database_url", "temporal_address", *BY_THE_STACK}
"""What a stack says to its processes that was not given."""
IN_ONE_STACK: dict[str, Any] = {
    "temporal_config": False,
    "temporal_tls": False,
    "database_tls": False,
    "smtp_tls": "none",
    "master_keys": MASTER_KEYS,
    "malware_scanner": "tcp://127.0.0.1:1",
    "webhook_allow_private": False,
    "web_host": "127.0.0.2",
    "desk_host": "127.0.0.2",
    "metrics_host": "127.0.0.2",
    "otlp_url": "http://127.0.0.1:1",
    "log_level": "WARNING",
    "form_mapping": Path(__file__).parents[2] / "docs/examples/form-mapping.toml",
}
"""Values with which the parts of an embedded stack can start."""


def everything(*, without: str) -> Settings:
    """Return settings of which each is another than its default, but this one."""
    return Settings(**{name: other_value(name) for name in NAMES if name != without})


@pytest.mark.parametrize("process", [*SECRETS_OF, "postgres"])
async def test_every_setting_reaches_each_process_of_the_stack_but_the_secrets_of_others(process: str) -> None:
    for absent in ("api_keys", "api_open"):
        given = everything(without=absent)
        for name in given.model_fields_set:
            assert getattr(given, name) != Settings.model_fields[name].default, name
        assert await read_from(environment(settings_for(process, given))) == wanted_of(process, given)


@pytest.mark.stack
@pytest.mark.long
async def test_up_hands_every_setting_to_its_running_processes_and_secrets_to_those_that_need_them(
    state_dir: Path, tmp_path: Path
) -> None:
    absent = {*OF_OTHERS_SERVERS, *NOT_TOGETHER, *BY_THE_STACK, "state_dir", "sign_in_run", *free_ports()}
    values = {name: other_value(name) for name in NAMES - absent} | IN_ONE_STACK
    made = {name: tmp_path / name for name, value in values.items() if isinstance(value, Path) and not value.exists()}
    settings = alone(state_dir, **values | made, api_open=False, metrics_port=free_metrics_port())
    changed = {name for name in NAMES if getattr(settings, name) != Settings.model_fields[name].default}
    assert changed == NAMES - OF_OTHERS_SERVERS - NOT_TOGETHER - BY_THE_STACK - {"sign_in_run"} | {"metrics_port"}
    async with running(settings, tmp_path / "console"):
        processes = json.loads(Places(state_dir).processes.read_bytes())
        variables = {name: psutil.Process(pid).environ() for name, (pid, *_) in processes.items()}
        roles = await roles_in_use(Places(state_dir))
    connects_when_it_is_asked = {DatabaseRole.FIGURES}
    assert roles | connects_when_it_is_asked == set(DatabaseRole)
    assert variables.keys() == {*SECRETS_OF, "postgres", "temporal"}
    for process, its_own in variables.items():
        read, wanted = await read_from(its_own), wanted_of(process, settings)
        assert {name: read.get(name) for name in wanted.keys() - BY_THE_STACK} == {
            name: value for name, value in wanted.items() if name not in BY_THE_STACK
        }, process
        assert read.keys() - wanted.keys() <= (WHERE if process in SECRETS_OF else set()), process
        of_others = SECRETS & values.keys() - SECRETS_OF.get(process, frozenset())
        held = "\n".join(its_own.values())
        assert not [name for name in of_others for text in texts_of(getattr(settings, name)) if text in held], process


async def roles_in_use(places: Places) -> set[str]:
    """Return as whom the running processes are connected to the database."""
    admin = await asyncpg.connect(host=str(places.socket_dir), user="postgres", database="postgres")
    try:
        connected = "select distinct usename from pg_stat_activity where datname = $1"
        return {row["usename"] for row in await admin.fetch(connected, DATABASE)}
    finally:
        await admin.close()


def test_every_secret_is_somebody_s_and_no_process_has_all() -> None:
    assert set().union(*SECRETS_OF.values(), OF_MIGRATE) == SECRETS
    assert all(SECRETS - of_process for of_process in SECRETS_OF.values())


def test_a_stack_of_its_own_is_open_for_who_runs_it(tmp_path: Path) -> None:
    assert alone(tmp_path).api_open
    assert not Settings().api_open
