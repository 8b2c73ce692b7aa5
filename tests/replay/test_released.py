"""What a release has recorded stays as it was: else a change could be recorded anew, and pass without a patch."""

from pathlib import Path

import pytest

from tests.support import released
from tests.support.released import lost, note, recorded, releases, version


def test_nothing_that_a_release_has_recorded_has_changed_or_gone() -> None:
    for release, files in releases():
        assert lost(files, recorded()) == [], f"recorded with {release}: put these files back (CONTRIBUTING.md)"


def test_a_released_version_has_noted_what_it_has_recorded() -> None:
    noted = [release for release, _ in releases()]
    assert (version() in noted) == (".dev" not in version()), "make released"


def test_a_history_that_is_recorded_anew_is_missed_and_one_that_is_renamed_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = tmp_path / "tests" / "replay" / "histories"
    histories.mkdir(parents=True)
    for name in ("rejected.office", "withdrawn.office"):
        (histories / f"{name}.json").write_text(f'{{"events": ["{name}"]}}')
    monkeypatch.setattr(released, "version", lambda: "1.0.0.dev0")
    assert note(tmp_path / "noted") == "1.0.0.dev0 is no release: nothing was noted"
    release = recorded(tmp_path)

    (histories / "rejected.office.json").rename(histories / "rejected_before_it_changed.office.json")
    (histories / "rejected.office.json").write_text('{"events": ["one step more"]}')
    assert lost(release, recorded(tmp_path)) == []
    (histories / "withdrawn.office.json").write_text('{"events": ["one step more"]}')
    assert lost(release, recorded(tmp_path)) == ["tests/replay/histories/withdrawn.office.json"]


def test_a_release_is_noted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(released, "version", lambda: "1.0.0")
    assert note(tmp_path).startswith("1.0.0.json names ")
    [(release, files)] = releases(tmp_path)
    assert release == "1.0.0"
    assert files == recorded()
    assert any(name.startswith("models/migrations/versions/") for name in files)
    assert note(tmp_path) == "1.0.0.json is there already: a release is noted once"
