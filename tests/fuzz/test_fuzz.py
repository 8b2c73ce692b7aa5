"""What comes from outside, made up: the corpus first, then some examples, always the same ones.

`make fuzz` tries others, as long as it is let, and adds to the corpus what it finds.
"""

import ast
from pathlib import Path

import pytest

from tests.fuzz.hostile_files import HOSTILE_FILES
from tests.fuzz.target import FuzzTarget
from tests.fuzz.targets import BY_NAME, TARGETS

MADE_UP = pytest.mark.robustness("made-up input")
each_target = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
ROOT = Path(__file__).parents[2]
EXAMPLES = [8, pytest.param(500, marks=pytest.mark.long)]


@MADE_UP
@each_target
@pytest.mark.parametrize("number", EXAMPLES)
def test_whatever_comes_in_is_taken_or_refused_in_words(target: FuzzTarget, number: int) -> None:
    for file in target.corpus():
        try:
            target.check(file.read_bytes())
        except Exception as error:
            raise AssertionError(f"{target.name}: {file.name}") from error
    target.try_examples(number)


@MADE_UP
@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_a_hostile_file_is_read_or_refused_by_every_reader(name: str) -> None:
    for target in TARGETS:
        if target.reads_files:
            try:
                target.check(HOSTILE_FILES[name])
            except Exception as error:
                raise AssertionError(f"{target.name}: {name}") from error


READS = {"read_bytes", "read_text", "model_validate_json", "validate_json", "message_from_bytes", "read_json", "loads"}
"""How the code takes in what lies in a file, or was sent."""
OWN = {
    "models/backoffice/store/case_audit.py": "our own row",
    "models/common/store/audit.py": "what was encoded in the line before",
    "models/tables/audit_rows.py": "our own row",
    "models/migrations/versions/r0001_baseline.py": "a part of the program",
    "web/backoffice/web_ui.py": "the settings of the Temporal Web UI, which is ours to run",
    "workers/build_id.py": "the program itself, as bytes",
    "workers/commands/certificates.py": "what the same command has made; another's ends it",
    "workers/commands/operators.py": "the state folder: a run's own id",
    "workers/demo/run.py": "the demo's own mails",
    "workers/identity.py": "the state folder: this machine's own id",
    "workers/setting_types.py": "settings, which end the start",
    "workers/secret_files.py": "settings, likewise",
    "workers/stack/child.py": "the state folder, torn or not (`tests/workers/test_stack_parts.py`)",
    "workers/stack/postgres.py": "PostgreSQL's own files",
    "workers/stack/stack_settings.py": "the state folder, torn or not",
    "workers/stack/watched.py": "our own logs",
    "workers/start_guard.py": "what strangers start (`tests/workers/test_strangers_starts.py`)",
    "workers/tls.py": "certificates, which are read by their library",
    "workers/backup/manifest.py": "a backup, whole or altered (`tests/workers/test_backup.py`)",
}
"""What reads only what the program itself has written, or what others test."""
READERS = {
    "models/common/audit_export.py": "audit export",
    "models/common/audit_heads.py": "heads of the audit trail",
    "models/common/bounces.py": "mail that came back",
    "models/common/journal.py": "journal",
    "models/common/json_rows.py": "registry list",
    "models/common/json_text.py": "operation at the command line",
    "models/common/personal_links.py": "personal link",
    "models/common/signatures.py": "signature of an operation",
    "models/yayoi/provider_forms/refused.py": "kept form of a provider",
    "models/yayoi/store/provider_forms.py": "signed forms",
    "web/backoffice/bounces.py": "calls of systems",
    "web/backoffice/desk_sign_in.py": "addresses of the desk",
    "web/backoffice/web_ui_updates.py": "Send an Update",
    "web/common/auth/guesses.py": "forms",
    "web/common/problems.py": "addresses",
    "workers/commands/act.py": "operation at the command line",
    "workers/commands/audit.py": "public keys of the audit",
    "workers/commands/myics.py": "table of many",
    "workers/key_files.py": "private key",
    "workers/master_keys.py": "master keys",
    "workers/registry/records.py": "registry table",
    "workers/store_marks.py": "mark of a store",
    "workers/telemetry/trace_headers.py": "trace header",
    "workers/vault_transit.py": "answers of a key service",
    "workers/wiring/derived.py": "form mapping, TOML",
}
"""By which target each is fuzzed."""
OF_THE_WEB = {"forms", "addresses", "forms of the desk", "addresses of the desk", "calls of systems", "signed forms"}
"""Those of `web_requests.py`."""


def test_every_reader_of_the_code_is_fuzzed_or_says_why_not() -> None:
    found = set()
    for layer in ("models", "web", "workers", "activities", "workflows"):
        for file in (ROOT / layer).rglob("*.py"):
            calls = [node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
            if READS & {getattr(call, "attr", getattr(call, "id", "")) for call in calls}:
                found.add(file.relative_to(ROOT).as_posix())
    assert found == OWN.keys() | READERS.keys()
    assert set(READERS.values()) <= BY_NAME.keys() | OF_THE_WEB


def test_every_target_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(TARGETS)
