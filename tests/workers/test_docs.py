"""The documents name only what exists."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.yayoi.operator_actions import Action
from workers.cli import app
from workers.setting_types import is_secret
from workers.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}
FOLDERS = ("models", "workflows", "activities", "workers", "web", "tests", "bench", "docs", "monitoring")
each_document = pytest.mark.parametrize("document", TEXTS)


@pytest.fixture(scope="module")
def words_of_the_source() -> set[str]:
    sources = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return {word for path in sources for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}


def test_every_setting_is_listed_and_nothing_else() -> None:
    listed = re.findall(r"^\| `(TETSUZUKI_\w+)` \|", TEXTS["docs/settings.md"], re.MULTILINE)
    assert listed == [f"TETSUZUKI_{name.upper()}" for name in Settings.model_fields]


@pytest.mark.parametrize(
    ("variable", "default"),
    re.findall(r"^\| `(TETSUZUKI_\w+)` \| `([^`]+)` \|", TEXTS["docs/settings.md"], re.MULTILINE),
)
def test_the_default_that_is_listed_is_the_default(
    variable: str, default: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = variable.removeprefix("TETSUZUKI_").lower()
    monkeypatch.setenv(variable, default)
    assert getattr(Settings(), name) == Settings.model_fields[name].default


@each_document
def test_every_setting_that_is_spoken_of_exists(document: str) -> None:
    known = {f"TETSUZUKI_{name.upper()}" for name in Settings.model_fields}
    known |= {f"TETSUZUKI_{name.upper()}_FILE" for name, field in Settings.model_fields.items() if is_secret(field)}
    assert set(re.findall(r"TETSUZUKI_[A-Z_]+[A-Z]", TEXTS[document])) - {"TETSUZUKI_TEMPORAL"} <= known


@each_document
def test_every_link_leads_somewhere(document: str) -> None:
    prose = re.sub(r"`[^`\n]+`", "", TEXTS[document])  # code shows what is typed, and links nowhere
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose):
        if "://" not in target:
            assert (ROOT / document).parent.joinpath(target).exists(), target


@each_document
def test_every_file_that_is_spoken_of_exists(document: str) -> None:
    for path in re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w/.*-]*)`", TEXTS[document]):
        assert any(ROOT.glob(path)), path


@each_document
def test_every_name_of_the_source_that_is_spoken_of_exists(document: str, words_of_the_source: set[str]) -> None:
    """Classes, functions and fields: what is written in CamelCase or snake_case."""
    for code in re.findall(r"`((?:\w+(?:\.|::))*\w+)(?:\(…\))?`", TEXTS[document]):
        for name in re.split(r"\.|::", code):
            if re.fullmatch(r"_?[A-Z][a-z]+[A-Z][A-Za-z]*|_?[a-z]+(?:_[a-z]+)+", name):
                assert name in words_of_the_source, code


@each_document
def test_every_make_target_exists(document: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", TEXTS[document], re.MULTILINE)) <= targets


@each_document
def test_every_command_exists(document: str) -> None:
    for command in re.findall(r"(?:bin/|`)tetsuzuki ((?:[a-z-]+ ?)+)", TEXTS[document]):
        known = command.split()[:2] if command.startswith(("smart-import", "health")) else command.split()[:1]
        assert CliRunner().invoke(app, [*known, "--help"]).exit_code == 0, command


def test_the_operators_guide_lists_every_action() -> None:
    named = re.findall(r"^\| (\S[^|]*) \|", TEXTS["docs/operators.ja.md"], re.MULTILINE)
    rows = {name for row in named for name in (row, *row.split("・"))}
    assert {action.label for action in Action} <= rows


def test_both_readmes_name_the_two_commands() -> None:
    for document in ("README.md", "README.ja.md"):
        assert "make demo" in TEXTS[document]
        assert "make test" in TEXTS[document]
