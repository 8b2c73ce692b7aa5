"""The database, Temporal and the mail server are reached by TLS, and by nothing else where a log-in is sent."""

import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from temporalio.service import TLSConfig
from temporalio.testing import WorkflowEnvironment

from activities.common import smtp
from activities.common.outbox import MailNotTakenError
from tests.support.matrices import mostly_long
from tests.support.secret_key import SECRET_KEY
from tests.support.tls_servers import DEBIAN, PASSWORD, Authorities, TlsMailServer, debian_postgres, tls_front
from workers import database
from workers.commands.migrate import set_up
from workers.database import DatabaseUnreachableError
from workers.health import check_mail, check_worker
from workers.program import ClearError
from workers.settings import Settings
from workers.temporal import TemporalUnreachableError, connect, namespace_is_there
from workers.tls import TlsError, database_tls, is_this_machine, smtp_security, temporal_tls
from workers.wiring.root import build_transport


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    return Authorities.in_folder(tmp_path_factory.mktemp("authorities"))


# --- what is set -----------------------------------------------------------------------------------------------------

AWAY: dict[str, dict[str, Any]] = {
    "database": {"database_url": "postgresql+asyncpg://user@db.example.co.jp/cases", "database_password": "secret"},
    "temporal": {"temporal_address": "temporal.example.co.jp:7233", "temporal_api_key": "secret"},
    "smtp": {"smtp_host": "smtp.example.co.jp", "smtp_user": "user", "smtp_password": "secret"},
}
OFF: dict[str, Any] = {"database_tls": False, "temporal_tls": False, "smtp_tls": "none"}


def reached(what: str, settings: Settings) -> Any:
    """Return how it is reached; false: in clear."""
    match what:
        case "database":
            return database_tls(settings)
        case "temporal":
            return temporal_tls(settings, {}, settings.temporal_address or "")
        case _:
            return smtp_security(settings).context


@pytest.mark.parametrize("what", AWAY)
def test_a_server_that_is_not_on_this_machine_is_reached_by_tls_and_a_log_in_never_in_clear(what: str) -> None:
    away = AWAY[what]
    assert reached(what, Settings(**away))
    with pytest.raises(TlsError, match=f"TETSUZUKI_{what.upper()}_TLS would send the log-in to .* in clear"):
        reached(what, Settings(**away | {f"{what}_tls": OFF[f"{what}_tls"]}))
    without_log_in = {name: value for name, value in away.items() if not name.endswith(("password", "user", "api_key"))}
    assert not reached(what, Settings(**without_log_in | {f"{what}_tls": OFF[f"{what}_tls"]}))


@pytest.mark.parametrize("what", AWAY)
def test_a_server_on_this_machine_is_reached_in_clear_unless_it_is_to_be_by_tls(what: str) -> None:
    hosts = {"database_url": "postgresql+asyncpg://u@localhost/d", "temporal_address": "[::1]:7233", "smtp_host": "::1"}
    here = AWAY[what] | {name: host for name, host in hosts.items() if name in AWAY[what]}
    assert not reached(what, Settings(**here))
    assert reached(what, Settings(**here | {f"{what}_tls": "tls" if what == "smtp" else True}))


@pytest.mark.parametrize("what", AWAY)
def test_an_authority_that_cannot_be_read_or_is_not_used_ends_the_start(what: str, tmp_path: Path) -> None:
    for content in (None, b"no certificate"):
        file = tmp_path / "ca.pem"
        if content is not None:
            file.write_bytes(content)
        if what == "temporal" and content is not None:
            continue  # the SDK reads what is in it
        with pytest.raises(TlsError, match=f"TETSUZUKI_{what.upper()}_CA: {file} "):
            reached(what, Settings(**AWAY[what] | {f"{what}_ca": file}))
    with pytest.raises(TlsError, match=f"TETSUZUKI_{what.upper()}_CA is set"):
        reached(what, Settings(**AWAY[what] | {f"{what}_ca": file, f"{what}_tls": OFF[f"{what}_tls"]}))


def test_what_goes_together_is_set_together() -> None:
    with pytest.raises(TlsError, match="TETSUZUKI_SMTP_PASSWORD"):
        smtp_security(Settings(smtp_user="user"))
    with pytest.raises(TlsError, match="TETSUZUKI_TEMPORAL_CLIENT_KEY"):
        temporal_tls(Settings(temporal_client_certificate=Path("/client.pem")), {}, "temporal:7233")


@pytest.mark.parametrize("query", ["ssl=disable", "sslmode=prefer", "sslrootcert=/ca.pem"])
def test_tls_is_not_set_in_the_databases_address(query: str) -> None:
    with pytest.raises(ValidationError, match="TETSUZUKI_DATABASE_TLS"):
        Settings(database_url=f"postgresql+asyncpg://u@db/d?{query}")


@pytest.mark.parametrize(
    ("host", "here"),
    [
        (None, True),
        ("/run/postgresql", True),
        ("LOCALHOST", True),
        ("127.1.2.3", True),
        ("[::1]", True),
        ("localhost.example.co.jp", False),
        ("10.0.0.1", False),
        ("db", False),
    ],
)
def test_only_loopback_and_sockets_are_this_machine(host: str | None, *, here: bool) -> None:
    assert is_this_machine(host) is here


def test_temporals_own_profile_says_how_unless_a_setting_of_ours_does() -> None:
    profile = TLSConfig(domain="of the profile")
    assert temporal_tls(Settings(), {"tls": profile}, "temporal:7233") is profile
    assert temporal_tls(Settings(), {"tls": False}, "temporal:7233") is False
    ours = temporal_tls(Settings(temporal_server_name="ours"), {"tls": profile}, "temporal:7233")
    assert isinstance(ours, TLSConfig)
    assert ours.domain == "ours"
    with pytest.raises(TlsError, match="in clear"):
        temporal_tls(Settings(), {"tls": False, "api_key": "of the profile"}, "temporal:7233")


# --- tried at servers ------------------------------------------------------------------------------------------------


async def refused(settings: Settings, *, migrates: bool = True) -> str:
    """What `health` says, and, not to be alone, `migrate`."""
    with pytest.raises(ClearError) as by_health:
        await check_worker(settings)
    if migrates:
        with pytest.raises(ClearError) as by_migrate:
            await set_up(settings, schema_only=settings.temporal_address is None)
        assert type(by_migrate.value) is type(by_health.value)
    return str(by_health.value)


@pytest.mark.skipif(not DEBIAN, reason="Debian's PostgreSQL is not installed (apt install postgresql)")
async def test_the_database_is_reached_by_its_authority_and_name_alone(authorities: Authorities) -> None:
    with debian_postgres(authorities) as port:
        given: dict[str, Any] = {
            "database_url": f"postgresql+asyncpg://postgres@localhost:{port}/postgres",
            "database_password": SecretStr(PASSWORD),
            "database_tls": True,
            "database_ca": authorities.right,
        }
        async with database.opened(Settings(**given)) as sessions, sessions() as session:
            connection = await (await session.connection()).get_raw_connection()
            driver = connection.driver_connection
            assert driver is not None
            assert await driver.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
        await set_up(Settings(**given), schema_only=True)
        assert "Temporal" in await refused(Settings(**given, temporal_address="127.0.0.1:1"), migrates=False)
        wrong = {
            "another authority": given | {"database_ca": authorities.wrong},
            "another name": given | {"database_url": given["database_url"].replace("localhost", "127.0.0.1")},
            "in clear": {name: value for name, value in given.items() if name != "database_ca"}
            | {"database_tls": False},
        }
        said = {what: await refused(Settings(**settings)) for what, settings in wrong.items()}
        assert "certificate" in said["another authority"]
        assert "127.0.0.1" in said["another name"]
        assert "no encryption" in said["in clear"]
        for settings in wrong.values():
            with pytest.raises(DatabaseUnreachableError):
                async with database.opened(Settings(**settings)):
                    pass


async def test_temporal_is_reached_by_its_authority_and_name_alone_and_shown_who_we_are(
    authorities: Authorities, temporal: WorkflowEnvironment, database_url: str, tmp_path: Path
) -> None:
    asks_back = authorities.server_side()
    asks_back.load_verify_locations(authorities.right)
    asks_back.verify_mode = ssl.CERT_REQUIRED
    certificate = authorities.authority.issue_cert("worker")
    certificate.private_key_pem.write_to_path(tmp_path / "client.key")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    async with tls_front(temporal.client.service_client.config.target_host, asks_back) as port:
        given: dict[str, Any] = {
            "database_url": database_url,
            "temporal_address": f"localhost:{port}",
            "temporal_tls": True,
            "temporal_ca": authorities.right,
            "temporal_client_certificate": tmp_path / "client.pem",
            "temporal_client_key": tmp_path / "client.key",
            "temporal_api_key": SecretStr("a token"),
        }
        client = await connect(Settings(**given))
        assert client.service_client.config.api_key == "a token"
        assert await namespace_is_there(client)
        assert "no worker" in await refused(Settings(**given), migrates=False)
        without = {name: value for name, value in given.items() if "client" not in name}
        for wrong in (
            given | {"temporal_ca": authorities.wrong},
            given | {"temporal_server_name": "temporal.example.co.jp"},
            without,
            {"database_url": database_url, "temporal_address": f"localhost:{port}"},
        ):
            assert f"localhost:{port}" in await refused(Settings(**wrong))
            with pytest.raises(TemporalUnreachableError):
                await connect(Settings(**wrong))


@pytest.mark.parametrize("how", mostly_long(["starttls", "tls"], each_time=["starttls"]))
async def test_mails_go_by_tls_to_the_right_server_alone(
    authorities: Authorities, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = TlsMailServer()
    mail = EmailMessage()
    mail["From"], mail["To"] = "a@example.co.jp", "b@example.co.jp"
    mail.set_content("本文")
    async with server.listening(authorities.server_side(), from_the_first_byte=how == "tls") as port:
        given: dict[str, Any] = {
            "secret_key": SECRET_KEY,
            "smtp_host": "localhost",
            "smtp_port": port,
            "smtp_tls": how,
            "smtp_ca": authorities.right,
            "smtp_user": "tetsuzuki",
            "smtp_password": SecretStr(PASSWORD),
        }
        await build_transport(Settings(**given)).send(mail)
        await check_mail(Settings(**given))
        assert len(server.taken) == 1
        assert server.logged_in == ["tetsuzuki"] * 2
        wrong = (
            given | {"smtp_ca": authorities.wrong},
            given | {"smtp_host": "127.0.0.1"},
            given | {"smtp_password": SecretStr("another")},
        )
        for settings in wrong:
            with pytest.raises(ClearError, match="no mail can be sent by"):
                await check_mail(Settings(**settings))
            with pytest.raises((MailNotTakenError, OSError)):
                await build_transport(Settings(**settings)).send(mail)
        assert len(server.taken) == 1
        with pytest.raises(ClearError, match="証明書を確認できません"):
            await check_mail(Settings(**given | {"smtp_ca": authorities.wrong}))
        with pytest.raises(ClearError, match="SMTP 535"):
            await check_mail(Settings(**given | {"smtp_password": SecretStr("another")}))
        # A server that expects TLS from the first byte says nothing to who begins in clear.
        monkeypatch.setattr(smtp, "_ANSWERS_WITHIN", 0.5)
        in_clear = {name: value for name, value in given.items() if name != "smtp_ca"} | {"smtp_tls": "none"}
        with pytest.raises(ClearError, match="no mail can be sent by"):
            await check_mail(Settings(**in_clear))
        with pytest.raises(MailNotTakenError):
            await build_transport(Settings(**in_clear)).send(mail)
        assert len(server.taken) == 1
