"""The audit export of a case: it proves itself with the public keys alone, and whatever was done to it is named."""

import json
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import rfc8785
from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.backoffice.store.case_audit import NOT_KEPT, heads_since
from models.common.audit_export import AuditExport, ExportFindings, verify_export
from models.common.audit_heads import AuditKeys, read_nights, sign_head, sign_night
from models.common.audit_trail import instant
from models.common.signing_keys import KeyPurpose, PrivateKey
from models.common.store.audit import audit
from models.tables import AuditContentRow
from tests.support.audited import AUDIT_KEY, CUSTOMERS_KEY, NO, OPERATORS_KEY, PERSON, known_keys, write_entries
from tests.support.pdf_pages import pdf_text
from web.backoffice.audit_exports import AuditExports
from web.backoffice.audit_heads_archive import ArchiveError, HeadsFile, NightlySigning
from web.backoffice.audit_pdf import audit_as_pdf

NOW = datetime(2026, 11, 6, 1, 0, tzinfo=UTC)
STRANGER = PrivateKey.new(KeyPurpose.AUDIT)
Sessions = async_sessionmaker[AsyncSession]


async def the_key() -> PrivateKey:
    return AUDIT_KEY


async def gone(_: str) -> list[Any]:
    return []


async def exported(sessions: Sessions) -> AuditExport:
    document = await AuditExports(sessions, the_key, gone, lambda: NOW).export(NO)
    assert document is not None
    return document


@pytest_asyncio.fixture
async def documents(sessions: Sessions) -> list[AuditExport]:
    """Exports from before and after an erasure, the entry of which is the last."""
    await write_entries(sessions)
    before = await exported(sessions)
    async with sessions.begin() as session:
        await session.execute(delete(AuditContentRow).where(AuditContentRow.content.contains(PERSON)))
    async with sessions.begin() as session:
        audit(session, NO, "個人の情報を消去した", by="system", at=NOW)
    return [before, await exported(sessions)]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a JSON document that holds a plain value, and every list or object that could be emptied."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from places(each, (*path, name))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from places(each, (*path, index))
    else:
        yield path


def changed(value: Any) -> Any:
    match value:
        case bool() | None:
            return {"another": 1}
        case int():
            return value + 1
        case str() if value:
            middle = len(value) // 2
            return value[:middle] + ("B" if value[middle] == "A" else "A") + value[middle + 1 :]
        case _:
            return "something"


def at(document: Any, path: tuple[Any, ...]) -> tuple[Any, Any]:
    for step in path[:-1]:
        document = document[step]
    return document, path[-1]


def verified(document: Any, keys: AuditKeys | None = None) -> ExportFindings:
    data = document if isinstance(document, bytes) else rfc8785.dumps(document)
    return verify_export(data, keys or known_keys())


async def test_what_was_recorded_is_in_it_and_it_verifies_before_and_after_an_erasure(
    documents: list[AuditExport],
) -> None:
    before, after = documents
    assert verified(before.encode()) == ExportFindings([], [], entries=5, case_no=NO, at=instant(NOW))
    found = verified(after.encode())
    assert (found.wrong, found.erased) == ([], ["part 1, entry 2", "part 1, entry 3"])
    assert PERSON in before.encode().decode()
    assert PERSON not in after.encode().decode()
    assert [(each["rule"], each["action"]) for each in before.records["decisions"]] == [
        ("Y9", "申込を受け付けた"),
        ("Y12", "スマート取引取込を凍結した"),
    ]
    signers = [each.entry.by for each in after.entries if each.entry.signed]
    assert signers == ["operator:sk", "operator:sk"]


async def test_every_field_that_is_changed_is_named(documents: list[AuditExport]) -> None:
    for document in documents:
        original = json.loads(document.encode())
        for path in places(original):
            mutated = deepcopy(original)
            holder, last = at(mutated, path)
            holder[last] = changed(holder[last])
            found = verified(mutated)
            assert found.wrong, path
            if path[0] == "entries" and not found.wrong[0].startswith("file"):
                entry = original["entries"][path[1]]["entry"]
                own = f"part {entry['part']}"
                assert any(own in each or path[3:] == ("part",) for each in found.wrong), (path, found.wrong)


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)], ids=["some bytes", "every byte"])
async def test_every_flipped_bit_of_a_byte_is_named(documents: list[AuditExport], *, every: bool) -> None:
    randomly = random.Random(7)  # noqa: S311 which bytes are tried
    for document in documents:
        data = document.encode()
        for index in range(len(data)) if every else randomly.sample(range(len(data)), 400):
            flipped = data[:index] + bytes([data[index] ^ (1 << randomly.randrange(8))]) + data[index + 1 :]
            assert verified(flipped).wrong, (index, data[index])


def dropped(index: int) -> Callable[[dict[str, Any]], None]:
    return lambda document: document["entries"].pop(index)


def swapped(document: dict[str, Any]) -> None:
    document["entries"][-3:-1] = document["entries"][-2:-4:-1]


def twice(document: dict[str, Any]) -> None:
    document["entries"].insert(-3, deepcopy(document["entries"][-3]))


def inserted(document: dict[str, Any]) -> None:
    added = deepcopy(document["entries"][-2])
    added["entry"]["sequence"] += 1
    document["entries"].insert(-1, added)


def of_no_commitment(document: dict[str, Any]) -> None:
    document["entries"][0]["about"] = None


@pytest.mark.parametrize(
    ("tamper", "place"),
    [
        (dropped(-3), "part 1, entry 3: entry 2 is expected here"),
        (dropped(-2), "part 1: the head says 3 entries, and it ends with 2"),
        (dropped(-1), "part 2: the head says 1 entries, and it ends with 0"),
        (swapped, "entries: they are not in their order"),
        (twice, "part 1, entry 2: entry 3 is expected here"),
        (inserted, "part 1, entry 4: it does not follow the entry before"),
        (of_no_commitment, "records or entries: they are not those that the head covers"),
        (lambda document: document["records"].clear(), "records or entries"),
    ],
)
async def test_what_is_dropped_swapped_inserted_or_cut_is_named(
    documents: list[AuditExport], tamper: Callable[[dict[str, Any]], None], place: str
) -> None:
    for document in documents:  # from before and after an erasure
        tampered = json.loads(document.encode())
        tamper(tampered)
        assert any(each.startswith(place) for each in verified(tampered).wrong), verified(tampered).wrong


async def test_no_key_in_the_file_is_believed_and_none_that_is_not_for_heads(documents: list[AuditExport]) -> None:
    [document, _] = documents
    head = document.head
    for key in (STRANGER, PrivateKey.new(KeyPurpose.AUDIT)):
        forged = document.model_copy(update={"head": sign_head(key, NO, head.at, head.parts, head.covers)})
        assert any("none of the keys that are known" in each for each in verified(forged.encode()).wrong)
    named = sign_head(STRANGER, NO, head.at, head.parts, head.covers).model_copy(update={"key": head.key})
    forged = document.model_copy(update={"head": named})
    assert verified(forged.encode()).wrong == ["head: it is altered, or its signature is"]
    with pytest.raises(ValueError, match="signs no heads"):
        sign_head(OPERATORS_KEY, NO, head.at, head.parts, head.covers)
    named = head.model_copy(update={"key": CUSTOMERS_KEY.public.key_id})
    forged = document.model_copy(update={"head": named})
    assert any("no key for heads" in each for each in verified(forged.encode()).wrong)
    assert any("unknown_key" in each for each in verified(document.encode(), known_keys(AUDIT_KEY)).wrong)
    assert any(
        "revoked" in each for each in verified(document.encode(), known_keys(revoked=AUDIT_KEY, at="2099")).wrong
    )


async def test_a_chain_that_is_made_anew_in_the_database_is_found_by_the_heads_of_an_earlier_night(
    sessions: Sessions, tmp_path: Path
) -> None:
    await write_entries(sessions)
    nights = HeadsFile(tmp_path / "elsewhere" / "heads.jsonl")
    await NightlySigning(sessions, the_key, nights, lambda: NOW - timedelta(days=1)).sign()
    lines = read_nights((tmp_path / "elsewhere" / "heads.jsonl").read_bytes().splitlines())
    good = await exported(sessions)
    assert verify_export(good.encode(), known_keys(), lines).wrong == []
    async with sessions.begin() as session:  # as the owner of the database
        await session.execute(text("delete from audit_contents"))
        await session.execute(text("delete from audit_trail"))
    await write_entries(sessions)
    anew = await exported(sessions)
    assert verified(anew.encode()).wrong == []
    found = verify_export(anew.encode(), known_keys(), lines).wrong
    assert {each.partition(":")[0] for each in found} == {"part 0", "part 1", "part 2"}
    assert all("made anew, or cut" in each for each in found)


async def test_what_a_revoked_key_has_signed_is_good_only_if_a_head_from_before_covers_it(sessions: Sessions) -> None:
    await write_entries(sessions)
    document = await exported(sessions)
    heads = await heads_since(sessions, None)
    revoked = known_keys(revoked=OPERATORS_KEY, at=instant(NOW))
    found = verify_export(document.encode(), revoked).wrong
    assert [each.partition(":")[0] for each in found] == ["part 1, entry 2", "part 1, entry 3"]
    for hours, good in ((-1, True), (1, False)):
        night = sign_night(AUDIT_KEY, instant(NOW + timedelta(hours=hours)), None, heads)
        assert (verify_export(document.encode(), revoked, [night]).wrong == []) is good
    forged = sign_night(STRANGER, instant(NOW - timedelta(hours=1)), None, heads)
    assert len(verify_export(document.encode(), revoked, [forged]).wrong) == 3


async def test_each_night_what_is_new_is_signed_once_in_a_file_in_which_no_line_can_be_changed(
    sessions: Sessions, tmp_path: Path
) -> None:
    file, time = tmp_path / "heads.jsonl", datetime.now(UTC).replace(hour=18)  # 3:00 in Japan
    signing = NightlySigning(sessions, the_key, HeadsFile(file), lambda: time)
    await write_entries(sessions)
    for _ in range(2):
        await signing.sign_if_due()
    time -= timedelta(hours=2)  # 1:00 of the same night
    await signing.sign_if_due()
    [first] = read_nights(file.read_bytes().splitlines())
    assert sorted((head.part, head.entries) for head in first.heads) == [(0, 1), (1, 3), (2, 1)]
    time += timedelta(hours=26)
    await signing.sign_if_due()
    lines = file.read_bytes().splitlines()
    assert [night.number for night in read_nights(lines)] == [1, 2]
    assert file.stat().st_mode & 0o077 == 0
    for damaged in ([lines[1]], [lines[1], lines[0]], [lines[0][:-1], lines[1]], [lines[0].replace(b"YS", b"YT")]):
        file.write_bytes(b"\n".join(damaged) + b"\n")
        if damaged != [lines[0].replace(b"YS", b"YT")]:
            with pytest.raises(ArchiveError, match=r"line [12]"):
                await signing.sign()
        else:
            [altered] = read_nights(damaged)
            assert known_keys().why_not(altered) == "it is altered, or its signature is"


async def test_after_retention_the_export_says_that_the_history_is_gone_and_where_its_summary_is(
    sessions: Sessions,
) -> None:
    async with sessions.begin() as session:
        audit(session, NO, "手続きの履歴を要約した", by="system", at=NOW, part=1)
    document = await exported(sessions)
    assert document.records["history"]["says"] == NOT_KEPT.format(places="part 1 の 1 番目")


async def test_people_get_pages_that_say_the_same(documents: list[AuditExport]) -> None:
    before, after = (pdf_text(audit_as_pdf(document)) for document in documents)
    assert PERSON in before
    assert "スマート取引取込を凍結した" in before
    assert PERSON not in after
    assert "消去済み" in after
