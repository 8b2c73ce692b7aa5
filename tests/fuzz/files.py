"""Readers of files: whatever lies there is read, or refused in words; nothing else comes out of them."""

import asyncio
import json
import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from models.common.audit_export import AuditExport, ExportedEntry, heads_of, make_export, verify_export
from models.common.audit_heads import AuditKeys, KnownKey, read_nights, sign_night
from models.common.audit_trail import AuditEntry, instant
from models.common.bounces import read_returned_mail
from models.common.encryption import MasterKey
from models.common.journal import Erasure, JournalError, next_entry, read_journal
from models.common.refusals import RefusedError
from models.common.signing_keys import KeyPurpose, PrivateKey
from models.common.table_files import read_table, write_table
from models.common.text_lines import UnreadableFileError
from models.myics.batch_files import batch_template, read_batch_file
from models.myics.batches import BatchKind
from tests.fuzz.inputs import near
from tests.fuzz.target import JAPANESE, FuzzTarget, in_japanese, shows_not
from workers.master_keys import MasterKeyError, MasterKeyFile
from workers.program import ClearError
from workers.registry.reader import read_rows
from workers.wiring.derived import read_mapping

ROOT = Path(__file__).parents[2]
AT = instant(datetime(2026, 11, 4, tzinfo=UTC))
AUDIT_KEY = PrivateKey(KeyPurpose.AUDIT, bytes(32))
KNOWN = AuditKeys([KnownKey(AUDIT_KEY.public)])
MASTER = MasterKey(bytes(range(32)))


def _as_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], None]:
    """Return a check that reads the input from a file of this name, which its owner alone can read."""

    def check(found: bytes) -> None:
        with TemporaryDirectory(prefix="fuzz-") as folder:
            file = Path(folder, name)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as out:
                out.write(found)
            read(file)

    return check


# --- tables and lists ------------------------------------------------------------------------------------------------

EXAMPLE = json.loads((ROOT / "workers" / "examples" / "registry.json").read_text(encoding="utf-8"))
SOME = EXAMPLE[:6] if isinstance(EXAMPLE, list) else []
TABLE = write_table(
    ["record", "yayoi_id", "family_name", "given_name", "note"],
    [["yayoi_id", "b@example.co.jp", "弥生", "太郎", "=1+1"], ["yayoi_id", "c@example.co.jp", "髙﨑", "𠮷", ""]],
)


def _read_registry(file: Path) -> None:
    for row in read_rows(file):
        assert bool(row.refused_because) != bool(row.record), row
        assert row.record or JAPANESE.search(row.refused_because), row
        assert row.line >= 1


def _read_batch(found: bytes) -> None:
    for kind in BatchKind:
        try:
            rows = read_batch_file(found, kind).rows
        except RefusedError as refused:
            in_japanese(refused.errors[0].message)
            continue
        assert rows
        assert all(JAPANESE.search(row.refused_because) for row in rows if row.refused_because), rows


def _round_trip(found: bytes) -> None:
    """What a table holds is written and read again as it was."""

    def cells(data: bytes) -> list[Sequence[str]]:
        table = read_table(BytesIO(data), ["record", "note"])
        rows = [row for row in table.rows if not row.wrong]
        return [table.headings, *([row.values.get(each, "") for each in table.headings] for row in rows)]

    try:
        heading, *rows = cells(found)
    except UnreadableFileError as refused:
        in_japanese(str(refused))
        return
    if any(heading) and len(heading) < 1000:
        assert cells(write_table(heading, rows)) == [heading, *[row for row in rows if any(row)]]


# --- what a mapping of forms says -------------------------------------------------------------------------------------

MAPPING = (ROOT / "docs" / "examples" / "form-mapping.toml").read_bytes()
JSON_MAPPING = json.dumps(
    {
        "fields": {"existing_contract_id": "a", "network_product": {"constant": True}, "applicant.family_name": "b"},
        "offices": {"yayoi_id": "c[{n}].d", "yayoi_id_confirmation": "c[{n}].e", "office_token": "c[{n}].f"},
    }
).encode()


def _read_mapping(file: Path) -> None:
    try:
        read_mapping(file)
    except ClearError as refused:
        assert "TETSUZUKI_FORM_MAPPING" in str(refused)  # noqa: PT017


# --- the audit, the journal, keys -------------------------------------------------------------------------------------


def _entries() -> list[ExportedEntry]:
    said: dict[str, Any] = {"case_no": "YS-000001", "part": 1, "happened_at": AT, "recorded_at": AT, "by": "system"}
    entries: list[ExportedEntry] = []
    for sequence in (1, 2, 3):
        previous = entries[-1].entry.hash() if entries else ""
        entry = AuditEntry(
            **said,
            sequence=sequence,
            action="凍結した",
            rule="Y12",
            signed=None,
            commitment="A" * 43,
            previous=previous,
        )
        entries.append(ExportedEntry(entry=entry, about=None))
    return entries


EXPORT = make_export(AUDIT_KEY, "YS-000001", _entries(), {"mails": []}, AT).encode()
NIGHTS = [sign_night(AUDIT_KEY, AT, None, heads_of(_entries()))]
NIGHTS.append(sign_night(AUDIT_KEY, AT.replace("2026-11-04", "2026-11-05"), NIGHTS[0], heads_of(_entries()[:2])))
HEADS = b"".join(night.line() + b"\n" for night in NIGHTS)


def _journal() -> bytes:
    entries = [next_entry([], Erasure(request="r1", cases=["YS-000001"], key="A" * 43, addresses=["B" * 43]), AT)]
    entries.append(next_entry(entries, Erasure(request="r2", cases=[], key="A" * 43, addresses=[]), AT))
    return b"".join(entry.line() + b"\n" for entry in entries)


JOURNAL = _journal()


def _verify(found: bytes) -> None:
    findings = verify_export(found, KNOWN, NIGHTS)
    assert findings.wrong or AuditExport.model_validate_json(found) == AuditExport.model_validate_json(EXPORT)


def _read_heads(found: bytes) -> None:
    try:
        nights = read_nights(found.splitlines())
    except ValueError as refused:
        assert str(refused).startswith("line ")  # noqa: PT017
        return
    # What is read is believed by its signatures alone.
    assert verify_export(EXPORT, KNOWN, nights).wrong or set(map(_spelled, nights)) <= set(map(_spelled, NIGHTS))


def _spelled(night: Any) -> bytes:
    line: bytes = night.line()
    return line


def _read_audit_keys(found: bytes) -> None:
    try:
        keys = AuditKeys.read(found)
    except ValueError:
        return
    verify_export(EXPORT, keys, NIGHTS)


def _read_journal(found: bytes) -> None:
    try:
        entries = read_journal(BytesIO(found))
    except JournalError:
        return
    assert b"".join(entry.line() + b"\n" for entry in entries) == found[: found.rfind(b"\n") + 1]
    for entry in entries:
        if isinstance(entry.said, Erasure):
            entry.said.names("taro@example.co.jp")


def _read_private_key(found: bytes) -> None:
    text = found.decode("latin-1")
    try:
        PrivateKey.read(text)
    except ValueError as refused:
        shows_not(text, refused)


def _read_master_keys(file: Path) -> None:
    source = MasterKeyFile(file)
    try:
        keys = asyncio.run(_opened(source))
    except MasterKeyError:
        return
    assert keys


async def _opened(source: MasterKeyFile) -> Sequence[MasterKey]:
    return await source.read()


# --- mails that come back ---------------------------------------------------------------------------------------------

RETURNED = (
    b"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\nContent-Type: multipart/report; report-type=delivery-status;"
    b' boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nMessage-ID: <' + b"a" * 40 + b"@example.co.jp>\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nAction: failed\r\n"
    b"Status: 5.1.1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <"
    + b"b"
    * 40
    + b"@example.co.jp>\r\n"
    b"Subject: =?utf-8?B?5byl55Sf?=\r\n\r\nx\r\n--b--\r\n"
)


def _read_returned(found: bytes) -> None:
    returned = read_returned_mail(found)
    assert all(re.fullmatch("<[0-9a-f]{40}@[^<>@\\s]{1,255}>", each) for each in returned.message_ids)
    assert returned.status is None or re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", returned.status)


TARGETS = (
    FuzzTarget("registry table", near(TABLE), _as_file("rows.csv", _read_registry), reads_files=True),
    FuzzTarget(
        "registry list",
        near(json.dumps(SOME, ensure_ascii=False).encode(), b'{"record": "note"}\n{"record": "yayoi_id"}'),
        _as_file("rows.json", _read_registry),
        reads_files=True,
    ),
    FuzzTarget("table of many", near(*(batch_template(kind) for kind in BatchKind)), _read_batch, reads_files=True),
    FuzzTarget("table, there and back", near(TABLE), _round_trip, reads_files=True),
    FuzzTarget("form mapping, TOML", near(MAPPING), _as_file("mapping.toml", _read_mapping), reads_files=True),
    FuzzTarget("form mapping, JSON", near(JSON_MAPPING), _as_file("mapping.json", _read_mapping), reads_files=True),
    FuzzTarget("audit export", near(EXPORT), _verify, reads_files=True),
    FuzzTarget("heads of the audit trail", near(HEADS), _read_heads, reads_files=True),
    FuzzTarget("public keys of the audit", near(KNOWN.write()), _read_audit_keys, reads_files=True),
    FuzzTarget("journal", near(JOURNAL), _read_journal, reads_files=True),
    FuzzTarget("private key", near(AUDIT_KEY.text().encode()), _read_private_key, reads_files=True),
    FuzzTarget(
        "master keys",
        near(f"# a comment\n{MASTER.key_id} {MASTER.reveal().hex()}\n".encode()),
        _as_file("master.keys", _read_master_keys),
        reads_files=True,
    ),
    FuzzTarget("mail that came back", near(RETURNED), _read_returned, reads_files=True),
)
