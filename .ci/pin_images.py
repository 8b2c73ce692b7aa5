#!/usr/bin/env python3
"""Pins the images of Compose and of the Dockerfile by digest: `make digests`, before a release and after a new tag.

A tag can be given to another image at any time; a digest is the image. Each is asked of its registry for the tag that
stands in the file, for all platforms at once (`docker buildx imagetools inspect`), and written after it. With `--check`
nothing is written: it fails if an image has no digest, or its tag is another image now.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = ("Dockerfile", *sorted(file.name for file in ROOT.glob("docker-compose*.yml")))
_IMAGE = re.compile(
    r"^(?P<before>(?:FROM|\s+image:)\s+)(?P<image>[a-z0-9./_-]+:[\w.-]+)(?:@(?P<digest>sha256:[0-9a-f]{64}))?(?=\s|$)",
    re.MULTILINE,
)
_OURS = "tetsuzuki:"
_DIGEST = re.compile("sha256:[0-9a-f]{64}")


def digest_of(image: str) -> str:
    """Ask the image's registry for the digest of the tag."""
    command = ("docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", image)
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
    if not _DIGEST.fullmatch(answer):
        raise SystemExit(f"error: the registry's answer for {image} is no digest")
    return answer


def pinned(text: str, digest: Callable[[str], str]) -> str:
    """Return the file with every image that is not our own by its digest, beside its tag."""

    def pin(found: re.Match[str]) -> str:
        image = found["image"]
        return found[0] if image.startswith(_OURS) else f"{found['before']}{image}@{digest(image)}"

    return _IMAGE.sub(pin, text)


def images_in(text: str) -> dict[str, str | None]:
    """Return the images that are not our own, with their digests."""
    found = {each["image"]: each["digest"] for each in _IMAGE.finditer(text)}
    return {image: digest for image, digest in found.items() if not image.startswith(_OURS)}


def main(*, check: bool) -> int:
    known: dict[str, str] = {}
    wrong = []
    for file in (ROOT / name for name in FILES):
        text = file.read_text(encoding="utf-8")
        for image, digest in images_in(text).items():
            if image not in known:
                known[image] = digest_of(image)
            if digest != known[image]:
                wrong.append(f"{file.name}: {image} is {known[image]}, not {digest or 'pinned'}")
        if not check:
            file.write_text(pinned(text, known.__getitem__), encoding="utf-8")
    sys.stdout.write("".join(f"{line}\n" for line in wrong) or f"{len(known)} images are what their digests say\n")
    return 1 if check and wrong else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
