"""Values that no setting can work with end the start with the variable's name, before anything is made."""

import re
import types
import typing
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Literal

import pytest
import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from activities.common.mail_headers import new_mail
from workers.program import read_settings, run
from workers.settings import Settings
from workers.stack.places import Places
from workers.stack.stack_settings import alone
from workers.stack.up import up

SETTINGS = pytest.mark.robustness("settings that cannot work")

HOSTS = ("no such host", "a..b", "host:1", "1.2.3", "x" * 64 + ".example", "fe80::1%eth0")
ADDRESSES = ("apply.example.co.jp", "ftp://h", "https://h:99999", "https://", "https://u:p@h", "https://a b")
SITES = (*ADDRESSES, "https://h/under", "https://h?x=1", "https://h#x")
MAILS = ("desk", "a@b", "a@b.example,c@d.example", "info@弥生.jp", "a b@c.example", "山@b.example", "<a@b.example>")
SENDERS = (
    "弥生 a@b.example",
    "弥生 <a@b>",
    "a@b.example, c@d.example",
    "弥生 <a@b.example> x",
    "<>",
    "弥 <info@弥生.jp>",
)
NAMES = ("two words", "'quoted'", "名前", "-x", "x" * 300)
OF_NAME: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("smtp_host", "bounce_imap_host", "web_host", "desk_host", "temporal_server_name"), HOSTS),
    **dict.fromkeys(("operators_mail", "bounce_address"), MAILS),
    **dict.fromkeys(("mail_from", "myics_mail_from"), SENDERS),
    **dict.fromkeys(("public_url", "desk_url"), SITES),
    **dict.fromkeys(("temporal_namespace", "temporal_task_queue", "build_id"), NAMES),
    **dict.fromkeys(("contact_phone", "myics_support_phone"), ("one", "+")),
    **dict.fromkeys(("oidc_acr_values", "oidc_amr_values"), (",", " , ", "otp,two\nlines", "not UTF-8 \udcff")),
    **dict.fromkeys(("temporal_api_key", "temporal_ui_api_key", "bounce_imap_password"), ("鍵の言葉", "key\n")),
    "deployment_name": (*NAMES, "with.dot"),
    "temporal_address": (
        "temporal",
        "http://temporal:7233",
        "temporal:0",
        ":7233",
        "::1:7233",
        "temporal:70000",
        "h:x",
    ),
    "database_url": (
        *("postgres://u@h/db", "postgresql+asyncpg://u@h:70000/db", "h:5432", "postgresql+asyncpg://u@a b/db"),
        *("postgresql+asyncpg://u@h/db?timeout=5", "postgresql+asyncpg:///db?host=a:1&host=b"),
        "postgresql+asyncpg://u@h/db?target_session_attrs=best",
    ),
    "help_pages": ("{", '{"nowhere": "https://h"}', '{"online_update": "h"}'),
    "temporal_retention": ("P1D",),
    "bounce_every": ("PT1S",),
    "bounce_imap_user": ("弥生",),
    "bounce_imap_folder": ("受信箱", "a\nb"),
    "vault_key": ("a/b", "鍵", "..", "x" * 300),
    "oidc_issuer": ("http://login.example.co.jp", "login", "https://h?x=1"),
    "oidc_scope": ("profile",),
    "oidc_roles": ("a[",),
    "api_keys": (",", "short", "name:none:" + "k3y" * 12 + "abcdef"),
    "former_secret_keys": ("short",),
    "form_webhook_secrets": ("whsec_QUFB", "secret-of-theirs"),
    "master_keys": ("mk-1", "1 00", "mk-1 00 00"),
    "malware_scanner": ("clamd:3310", "http://h:1", "tcp://h:99999"),
    "closing_days": ("13-01", "02-30", "8/13"),
    "contract_id_first": ("5999999", "9000000"),
    "contract_id_last": ("6999999", "9000000"),
    "log_level": ("verbose", "5"),
}
"""What is wrong for each beside what is wrong for all of its type."""


def kinds_of(annotation: Any) -> Iterator[Any]:
    """Yield the plain types that a field's annotation names, `None` aside."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in {typing.Union, types.UnionType, typing.Annotated, tuple}:
        for each in arguments[:1] if origin is typing.Annotated else arguments:
            yield from kinds_of(each)
    elif annotation not in {None, type(None), ...}:
        yield Literal if origin is Literal else annotation


def wrong_values(name: str, field: FieldInfo) -> list[str]:
    """Return values as variables that this setting cannot have."""
    made: list[str] = list(OF_NAME.get(name, ()))
    for kind in kinds_of(field.annotation):
        if kind is bool:
            made += ["maybe", "2"]
        elif kind is int:
            made += ["many", "-1", "0", "99999999", "1.5"]
        elif kind is timedelta:
            made += ["soon", "-PT5S", "P0D", "P99999D"]
        elif kind is Path:
            made += ["two\nlines", "tab\t", "not UTF-8 \udcff"]
        elif kind is Literal:
            made += ["another"]
        elif kind is SecretStr:
            made += ["   ", *(f"Kumo-27-Ishi{unseen}Xq7k3Y2m9Zr4Tn8wLp5vB1cD6" for unseen in "\n\u200b\udcff")]
        elif kind is str and not name.startswith(("oidc_a", "closing")):
            made += ["   ", "two\nlines", "not UTF-8 \udcff"]
    return made


def taken(name: str) -> None:
    """Read the settings, and fail if that is possible."""
    pytest.fail(f"{name} may be {getattr(read_settings(), name)!r}")


@SETTINGS
@pytest.mark.parametrize("name", Settings.model_fields)
def test_what_a_setting_cannot_be_ends_the_start_with_its_name(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = wrong_values(name, Settings.model_fields[name])
    assert values, "no value of it is wrong: it needs a type that refuses"
    for value in values:
        monkeypatch.setenv(f"TETSUZUKI_{name.upper()}", value)
        with pytest.raises(typer.Exit) as ended:
            taken(name)
        said = capsys.readouterr().err
        assert ended.value.exit_code == 2
        assert re.fullmatch(rf"error: TETSUZUKI_{name.upper()}: [^\n]{{8,}}\n", said), (value, said)
        assert (
            SecretStr not in kinds_of(Settings.model_fields[name].annotation)
            or value.strip() == ","
            or (len(value.strip()) < 4 or value not in said)
        )


@SETTINGS
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"smtp_user": "desk"}, "TETSUZUKI_SMTP_PASSWORD"),
        ({"smtp_host": "mail.example.co.jp", "smtp_user": "u", "smtp_password": "p", "smtp_tls": "none"}, "SMTP_TLS"),
        ({"smtp_host": "mail.example.co.jp", "smtp_ca": "/nowhere"}, "TETSUZUKI_SMTP_CA: /nowhere"),
        ({"database_url": "postgresql+asyncpg://u:p@db/d", "database_ca": "/nowhere"}, "DATABASE_CA: /nowhere"),
        ({"temporal_client_key": "/nowhere"}, "TETSUZUKI_TEMPORAL_CLIENT_CERTIFICATE"),
        ({"temporal_config": True, "temporal_profile": "nobody-s"}, "TETSUZUKI_TEMPORAL_PROFILE nobody-s"),
        ({"oidc_client_id": "desk"}, "TETSUZUKI_OIDC_ISSUER"),
        ({"bounce_imap_host": "mail.example.co.jp"}, "TETSUZUKI_BOUNCE_IMAP_USER"),
        ({"bounce_maildir": "/nowhere"}, "TETSUZUKI_BOUNCE_MAILDIR: /nowhere"),
        ({"form_mapping": "/nowhere"}, "TETSUZUKI_FORM_MAPPING (/nowhere)"),
        ({"vault_address": "https://vault.example.co.jp"}, "TETSUZUKI_VAULT_TOKEN_FILE"),
        ({"vault_address": "https://h.example", "vault_token_file": "/nowhere"}, "VAULT_TOKEN_FILE: /nowhere"),
        ({"journal_file": "/"}, "TETSUZUKI_JOURNAL_FILE: / is a folder"),
        ({"signing_keys_dir": __file__}, "TETSUZUKI_SIGNING_KEYS_DIR"),
        ({"web_port": 18080, "desk_port": 18080}, "TETSUZUKI_WEB_PORT or TETSUZUKI_DESK_PORT"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_settings_cannot_be_together_ends_the_start_before_a_database_is_made(
    given: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state_dir = tmp_path / "state"
    assert run(up(alone(state_dir, **given))) == 1
    assert re.fullmatch(rf"error: [^\n]*{re.escape(said)}[^\n]*\n", capsys.readouterr().err)
    assert not Places(state_dir).postgres.exists()


@SETTINGS
@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("contact_hours", "平日　9:30〜12:00、13:00〜17:30", "平日　9:30〜12:00、13:00〜17:30"),
        ("state_dir", "申込　データ, 2026: a%b", Path("申込　データ, 2026: a%b")),
        ("log_level", "debug", "DEBUG"),
        ("temporal_address", "Temporal.Example.jp:7233", "temporal.example.jp:7233"),
        ("web_host", "[::1]", "::1"),
        ("web_host", "0.0.0.0", "0.0.0.0"),  # noqa: S104 what is written there
        ("public_url", "HTTPS://Apply.Example.co.jp/", "https://apply.example.co.jp/"),
        ("oidc_amr_values", "otp, hwk,", ("otp", "hwk")),
        ("operators_mail", "Desk@Example.co.jp", "desk@example.co.jp"),
    ],
)
def test_what_can_be_meant_is_taken(name: str, value: str, read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"TETSUZUKI_{name.upper()}", value)
    assert getattr(read_settings(), name) == read


@SETTINGS
@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("info@vendor.example.jp", "", "info@vendor.example.jp"),
        ("弥生(株) <info@vendor.example.jp>", "弥生(株)", "info@vendor.example.jp"),
        ('"弥生, 株" <INFO@Vendor.Example.jp.>', "弥生, 株", "info@vendor.example.jp"),
        ("A & B; C: D <info@vendor.example.jp>", "A & B; C: D", "info@vendor.example.jp"),
        ('彼の"店" <info@vendor.example.jp>', '彼の"店"', "info@vendor.example.jp"),
        ("  弥生　カスタマー\u30fb センター<info@xn--vhq.jp>", "弥生　カスタマー\u30fb センター", "info@xn--vhq.jp"),
    ],
)
def test_a_sender_keeps_its_whole_name(written: str, name: str, address: str) -> None:
    """Parentheses would be a comment to a mail's reader, commas another address."""
    mail = new_mail()
    mail["From"] = Settings(mail_from=written).mail_from
    read = EmailMessage(policy=default)
    read["From"] = bytes(mail).decode("ascii").partition("From: ")[2].partition("\r\n\r\n")[0].replace("\r\n", "")
    [sender] = read["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, address)


@SETTINGS
def test_others_variables_that_are_no_text_end_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK reads all of the environment, and would end the process."""
    from workers import temporal  # noqa: PLC0415

    monkeypatch.setenv("GREETING", "\udcff")
    assert temporal.address(Settings()) is None
    monkeypatch.setenv("TEMPORAL_ADDRESS", "\udcff")
    with pytest.raises(temporal.TemporalConfigError, match="not UTF-8"):
        temporal.address(Settings())
