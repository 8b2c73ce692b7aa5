"""The journal: lines are only ever added, whole, and none can be changed, taken away or moved unseen."""

import asyncio
from pathlib import Path

import pytest

from models.common.journal import Erasure, JournalError
from workers.journal import JournalFile

AT = "2026-11-04T01:00:00.000000+00:00"


def erasure(request: str, address: str = "taro@example.jp") -> Erasure:
    return Erasure.of(request, [address], ["YS-000001"])


async def test_lines_are_numbered_chained_and_written_once_for_each_request(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "journal.jsonl"
    journal = JournalFile(file)
    assert await journal.entries() == []
    await asyncio.gather(*(journal.append(erasure(f"request-{number % 5}"), AT) for number in range(20)))
    entries = await journal.entries()
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
    assert {entry.said.request for entry in entries} == {f"request-{number}" for number in range(5)}
    assert [entry.previous for entry in entries[1:]] == [entry.hash() for entry in entries[:-1]]
    assert file.stat().st_mode & 0o077 == 0
    assert "taro" not in file.read_text()


async def test_only_who_has_the_journal_can_test_an_address() -> None:
    erased, again = erasure("one"), erasure("one")
    assert erased.names("taro@example.jp")
    assert not erased.names("hanako@example.jp")
    assert erased.addresses != again.addresses


async def test_what_is_changed_missing_or_moved_is_named_and_half_a_line_was_never_written(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    journal = JournalFile(file)
    for number in range(3):
        await journal.append(erasure(f"request-{number}"), AT)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines) + lines[0][:40])
    assert len(await journal.entries()) == 3
    await journal.append(erasure("after a crash"), AT)
    assert [entry.number for entry in await journal.entries()] == [1, 2, 3, 4]
    for damaged, wrong in (
        ([lines[0], lines[2]], "line 2 does not follow"),
        ([lines[1], lines[0]], "line 1 does not follow"),
        ([lines[0], lines[1].replace(b"YS-000001", b"YS-000002"), lines[2]], "line 3 does not follow"),
        ([lines[0].replace(b'"at"', b'"as"'), lines[1]], "line 1 is altered"),
    ):
        file.write_bytes(b"".join(damaged))
        with pytest.raises(JournalError, match=wrong):
            await journal.entries()
        with pytest.raises(JournalError, match=wrong):
            await journal.append(erasure("another"), AT)


async def test_of_two_copies_the_longer_one_counts_and_none_is_ever_shortened(tmp_path: Path) -> None:
    own, copy = JournalFile(tmp_path / "journal.jsonl"), JournalFile(tmp_path / "copy.jsonl")
    for number in range(3):
        await own.append(erasure(f"request-{number}"), AT)
        if number < 2:
            copy.write(await own.entries())
    copied, everything = await copy.entries(), await own.entries()
    own.write(copied)
    assert await own.entries() == everything
    copy.write(everything)
    assert await copy.entries() == everything
    # One that was written on by itself is not the same journal any more: nothing is left out in silence.
    parted = JournalFile(tmp_path / "parted.jsonl")
    parted.write(copied)
    await parted.append(erasure("elsewhere"), AT)
    with pytest.raises(JournalError, match="gone apart"):
        own.write(await parted.entries())
    assert await own.entries() == everything


async def test_one_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"File exists|Not a directory"):
        await JournalFile(tmp_path / "file" / "journal").append(erasure("one"), AT)
