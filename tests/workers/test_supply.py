"""What a release is made of: images by the digest that their registry says, packages by hashes."""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "pin_images.py"
DOCKER = """#!/bin/sh
for image; do :; done
printf 'sha256:%s\\n' "$(printf %s "$image" | sha256sum | cut -d' ' -f1)"
"""


@pytest.fixture(scope="module")
def pins() -> ModuleType:
    spec: Any = importlib.util.spec_from_file_location("pin_images", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path, pins: ModuleType) -> Path:
    """Return a checkout with the files that name images, and a docker that answers with a hash of the image's name."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(SCRIPT, tmp_path / ".ci")
    for name in pins.FILES:
        shutil.copy(ROOT / name, tmp_path)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    return tmp_path


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 our own
        [sys.executable, copy / ".ci" / "pin_images.py", *arguments],
        env={"PATH": f"{copy / 'bin'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def digest_of(image: str) -> str:
    return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"


@pytest.mark.robustness("supply")
def test_every_image_of_others_is_pinned_and_ours_is_not(copy: Path, pins: ModuleType) -> None:
    files = [file.read_text(encoding="utf-8") for file in (ROOT / "Dockerfile", *ROOT.glob("*.yml"))]
    named = {image for text in files for image in re.findall(r"^(?:FROM|\s+image:)\s+([^\s@]+)", text, re.MULTILINE)}
    found = {image for name in pins.FILES for image in pins.images_in((ROOT / name).read_text(encoding="utf-8"))}
    assert {each for each in named - found if not each.startswith("tetsuzuki:")} == set()
    assert len(found) > 8
    done = run(copy)
    assert done.returncode == 0, done.stderr
    for name in pins.FILES:
        before, after = ((folder / name).read_text(encoding="utf-8") for folder in (ROOT, copy))
        assert pins.images_in(after) == {image: digest_of(image) for image in pins.images_in(before)}
        if name != "Dockerfile":
            services = yaml.safe_load(after)["services"].values()
            images = [service["image"] for service in services if "image" in service]
            assert all(re.search("@sha256:[0-9a-f]{64}$", each) or each.startswith("tetsuzuki:") for each in images)
    assert len(re.findall("^FROM .*@sha256:", (copy / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)) == 2
    written = {name: (copy / name).read_bytes() for name in pins.FILES}
    assert run(copy).returncode == 0
    assert {name: (copy / name).read_bytes() for name in pins.FILES} == written


@pytest.mark.robustness("supply")
def test_a_check_writes_nothing_and_names_what_is_not_as_it_says(copy: Path, pins: ModuleType) -> None:
    compose = copy / "docker-compose.yml"
    run(copy)
    assert run(copy, "--check").returncode == 0
    text = compose.read_text(encoding="utf-8")
    [image] = [each for each in pins.images_in(text) if each.startswith("postgres:")]
    for other in (image, f"{image}@sha256:{'0' * 64}"):
        compose.write_text(text.replace(f"{image}@{digest_of(image)}", other), encoding="utf-8")
        before = compose.read_bytes()
        checked = run(copy, "--check")
        assert checked.returncode == 1
        assert f"docker-compose.yml: {image} is {digest_of(image)}" in checked.stdout
        assert compose.read_bytes() == before


@pytest.mark.robustness("supply")
@pytest.mark.parametrize("answer", ["", "sha256:0", "error", f"sha256:{'0' * 63}g", f"sha256:{'0' * 64}x"])
def test_what_is_no_digest_is_written_nowhere(copy: Path, answer: str) -> None:
    (copy / "bin" / "docker").write_text(f"#!/bin/sh\necho '{answer}'\n")
    before = (copy / "Dockerfile").read_bytes()
    assert run(copy).returncode == 1
    assert (copy / "Dockerfile").read_bytes() == before


@pytest.mark.robustness("supply")
@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda lock: lock.name)
def test_a_lock_file_has_hashes_and_names_no_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    packages = re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(packages) > 20
    assert all(re.match(r"[\w.-]+(?:\[[\w,-]+\])?==\S+", each) and "--hash=sha256:" in each for each in packages)
    assert not re.search(r"https?://|--(?:extra-)?index-url|--find-links", text)
