"""Keys and secrets: blank, weak or missing ones end the start, and each can lie in a file."""

import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from models.common.guessable import LEAST_LENGTH
from tests.support.matrices import mostly_long
from tests.support.secret_key import SECRET_KEY
from workers.secret_files import SecretFileError
from workers.setting_types import is_secret
from workers.settings import Settings
from workers.stack.checks import StackError
from workers.stack.places import Places
from workers.stack.stack_settings import completed

SECRETS = [name for name, field in Settings.model_fields.items() if is_secret(field)]
OURS = {
    "secret_key",
    "former_secret_keys",
    "api_keys",
    "database_customers_password",
    "database_desk_password",
    "database_worker_password",
    "database_erase_password",
    "database_figures_password",
}
"""What whoever runs the program chooses."""
each_secret = pytest.mark.parametrize("name", SECRETS)
KEY = b64encode(bytes(range(32))).decode()
GOOD = {"form_webhook_secrets": "whsec_" + "c2VjcmV0" * 4, "master_keys": f"mk-2026 {KEY}"}


def good(name: str) -> str:
    return GOOD.get(name, SECRET_KEY.get_secret_value())


def refusal(**given: str) -> str:
    with pytest.raises(ValidationError) as wrong:
        Settings.model_validate(given)
    [error] = wrong.value.errors()
    assert error["loc"][0] in given
    for value in given.values():
        assert len(value.strip()) < 2 or value not in str(wrong.value)
    return str(error["msg"])


@each_secret
def test_a_blank_secret_is_refused_by_its_name(name: str) -> None:
    assert refusal(**{name: "  "})


@pytest.mark.parametrize("name", sorted(OURS))
@pytest.mark.parametrize("weak", ["a", "correct horse battery staple", "x" * LEAST_LENGTH, "ab" * LEAST_LENGTH])
def test_a_secret_of_our_own_choice_that_can_be_guessed_is_refused(name: str, weak: str) -> None:
    assert str(LEAST_LENGTH) in refusal(**{name: weak})  # also what makes a good one


def test_of_former_keys_none_may_be_blank() -> None:
    assert refusal(former_secret_keys=f"{good('secret_key')},")


@each_secret
def test_each_secret_can_lie_in_a_file(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "秘密"
    file.write_text(f"{good(name)}\n", encoding="utf-8")
    monkeypatch.setenv(f"TETSUZUKI_{name.upper()}_FILE", str(file))
    found = getattr(Settings(), name)
    assert [secret.get_secret_value() for secret in (found if isinstance(found, tuple) else [found])] == [good(name)]
    assert Settings().model_fields_set == {name}
    monkeypatch.setenv(f"TETSUZUKI_{name.upper()}", good(name))
    with pytest.raises(SecretFileError, match=f"TETSUZUKI_{name.upper()} and .* are both set"):
        Settings()


@pytest.mark.parametrize(
    "content",
    mostly_long([None, b"", b" \n", b"\xff\xfe"], each_time=[b" \n"]),
    ids=["missing", "empty", "blank", "no text"],
)
def test_a_file_without_a_secret_ends_the_command_and_is_named(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    ended = subprocess.run(
        [sys.executable, "-m", "workers", "web"],
        env=os.environ | {"TETSUZUKI_SECRET_KEY_FILE": str(file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"error: TETSUZUKI_SECRET_KEY_FILE: {file} ")


def test_a_file_holds_nothing_for_what_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TETSUZUKI_MAIL_FROM_FILE", "/nowhere")
    assert Settings().model_fields_set == set()


@pytest.mark.parametrize("torn", ["", "short"])
def test_a_kept_key_that_was_torn_ends_the_start_and_names_its_file(torn: str, tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.secret_key.write_text(torn)
    with pytest.raises(StackError, match="secret_key: the key in it has"):
        completed(Settings(state_dir=tmp_path), places)
    assert places.secret_key.read_text() == torn


def test_no_secret_is_shown_where_settings_are() -> None:
    shown = repr(Settings(secret_key=SecretStr(good("secret_key")), smtp_password=SecretStr("of the mail server")))
    assert good("secret_key") not in shown
    assert "of the mail server" not in shown
