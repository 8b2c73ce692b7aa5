"""`tetsuzuki audit …`: the audit export of a case, its verification by the public keys alone, and signed heads."""

import asyncio
import sys
from functools import partial
from pathlib import Path

from models.common.audit_export import ExportFindings, verify_export
from models.common.audit_heads import AuditKeys, read_nights
from models.common.signing_keys import KeyPurpose
from web.backoffice.audit_exports import AuditExports
from web.backoffice.audit_heads_archive import ArchiveError, HeadsFile, NightlySigning
from web.backoffice.audit_pdf import audit_as_pdf
from web.common.temporal_calls import UnreachableError
from workers import database, temporal
from workers.histories import Histories
from workers.known_keys import private_key_for
from workers.program import ClearError
from workers.settings import Settings
from workers.wiring.derived import audit_heads_file


async def export(settings: Settings, case_no: str, into: Path | None, *, pdf: bool) -> None:
    """Write the export of a case to a file, or print it.

    Raises:
        ClearError: nothing was recorded of such a case, or Temporal does not answer.

    """
    async with database.opened(settings) as sessions:
        client = await temporal.connect(settings, lazy=True)
        key = partial(private_key_for, settings, sessions, KeyPurpose.AUDIT)
        try:
            document = await AuditExports(sessions, key, Histories(client)).export(case_no)
        except UnreachableError:
            raise ClearError("Temporal does not answer, so that the history cannot be read: try again later") from None
    if document is None:
        raise ClearError(f"nothing is recorded of a case {case_no}")
    content = audit_as_pdf(document) if pdf else document.encode()
    if into:
        await asyncio.to_thread(into.write_bytes, content)
    else:
        sys.stdout.buffer.write(content)


async def sign_heads(settings: Settings) -> None:
    """Sign the heads of all cases that are new since the last line, now. Raises `ClearError`."""
    file = audit_heads_file(settings)
    async with database.opened(settings) as sessions:
        key = partial(private_key_for, settings, sessions, KeyPurpose.AUDIT)
        try:
            night = await NightlySigning(sessions, key, HeadsFile(file)).sign()
        except ArchiveError as error:
            raise ClearError(str(error)) from None
    sys.stdout.write(f"line {night.number}: the heads of {len(night.heads)} parts of cases, in {file}\n")


async def verify(file: Path, keys: Path, heads: Path | None) -> int:
    """Verify an export and say what is wrong with it; return the exit code: 1 if anything is.

    Raises:
        ClearError: a file cannot be read, or the keys or heads are none.

    """
    found = await asyncio.to_thread(_verified, file, keys, heads)
    sys.stdout.write(said(found))
    return 1 if found.wrong else 0


def _verified(file: Path, keys: Path, heads: Path | None) -> ExportFindings:
    try:
        known = AuditKeys.read(keys.read_bytes())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClearError(f"{keys} holds no public keys (`tetsuzuki keys export` writes them): {error}") from None
    try:
        nights = read_nights(heads.read_bytes().splitlines()) if heads else []
    except (OSError, ValueError) as error:
        raise ClearError(f"{heads}: {error}") from None
    try:
        return verify_export(file.read_bytes(), known, nights)
    except OSError as error:
        raise ClearError(f"{file} cannot be read: {error.strerror}") from None


def said(found: ExportFindings) -> str:
    """Return what people read of it."""
    lines = [f"WRONG\t{each}" for each in found.wrong] + [f"erased\t{each}" for each in found.erased]
    whole = "verified" if not found.wrong else f"NOT verified: {len(found.wrong)} wrong"
    lines.append(f"{whole}\t{found.case_no}\t{found.entries} entries, {len(found.erased)} erased\thead of {found.at}")
    return "".join(f"{line}\n" for line in lines)
