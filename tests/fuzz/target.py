"""One thing that reads what comes from outside, what it may do with it, and how examples are found and kept.

A target takes one input as bytes and raises whatever it must not raise. Its corpus is a folder of inputs that once
failed, or are known to break such readers: they are tried first.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

CORPUS = Path(__file__).with_name("corpus")
ANY_FILE = CORPUS / "any file"
"""Small hostile files, for every target that reads files."""


JAPANESE = re.compile("[ぁ-んァ-ヶ一-鿿]")
_LONG_ENOUGH = 12


def in_japanese(said: str) -> None:
    """Raise unless this is what people can be shown."""
    if not JAPANESE.search(said):
        raise AssertionError(f"not in Japanese: {said[:200]!r}")
    said.encode()


def shows_not(secret: str, error: Exception) -> None:
    """Raise if an error shows what it refuses."""
    if len(secret.strip()) >= _LONG_ENOUGH and secret.strip() in str(error):
        raise AssertionError("the error shows what was refused")


@dataclass(frozen=True)
class FuzzTarget:
    """`check` raises if the input did what it must not."""

    name: str
    inputs: SearchStrategy[bytes]
    check: Callable[[bytes], object]
    reads_files: bool = False

    @property
    def folder(self) -> Path:
        return CORPUS / self.name

    def corpus(self) -> Iterator[Path]:
        """Yield the kept inputs, always in the same order."""
        folders = (self.folder, ANY_FILE) if self.reads_files else (self.folder,)
        yield from (file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir()))

    def keep(self, found: bytes) -> Path:
        """Write an input into the corpus."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / hashlib.sha256(found).hexdigest()[:12]
        file.write_bytes(found)
        return file

    def try_examples(self, number: int, chosen: int | None = None) -> None:
        """Try this many inputs: always the same, or those of a seed. The smallest that fails is the last that is tried.

        Raises:
            FoundError: an input did what it must not; it has the input.

        """
        last = b""

        def one(found: bytes) -> None:
            nonlocal last
            last = found
            self.check(found)

        # No `explain`: it tries inputs after the smallest one.
        limits = settings(
            max_examples=number,
            derandomize=chosen is None,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
        )
        trying = given(self.inputs)(one)
        trying = limits(trying if chosen is None else seed(chosen)(trying))
        try:
            trying()
        except Exception as error:
            raise FoundError(self, last) from error


class FoundError(AssertionError):
    """An input did what it must not."""

    def __init__(self, target: FuzzTarget, found: bytes) -> None:
        super().__init__(f"{target.name}: {found[:200]!r}")
        self.target, self.found = target, found
