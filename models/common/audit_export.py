"""The audit export of a case: canonical JSON that proves itself with the public keys alone, and what is wrong with it.

It holds every entry of the trail with what it is about, what else is recorded of the case, and at its end a signed
head.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from models.common.audit_heads import AuditHead, AuditKeys, NightlyHeads, PartHead, sign_head
from models.common.audit_trail import BEGINNING, AuditEntry
from models.common.commitments import ContentError, base64url, canonical, commitment_of, salted
from models.common.signatures import SignatureRefusedError, SignedEntry, SignedPlace, Verifier
from models.common.signing_keys import KeyState, PrivateKey

FORMAT = "tetsuzuki-audit/1"


class EntryContent(BaseModel):
    """What an entry is about, as the database has it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    salt: str
    content: dict[str, Any]


class ExportedEntry(BaseModel):
    """One entry; without what it is about, that was erased."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    entry: AuditEntry
    about: EntryContent | None


class AuditExport(BaseModel):
    """The document. `records` is what else is known of the case, and is covered by the head alone."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    format: str
    case_no: str
    entries: list[ExportedEntry]
    records: dict[str, Any]
    head: AuditHead

    def encode(self) -> bytes:
        return canonical(self.model_dump(mode="json"))


def make_export(
    key: PrivateKey, case_no: str, entries: Sequence[ExportedEntry], records: Mapping[str, Any], at: str
) -> AuditExport:
    """Make the document and sign its head. Raises `ContentError` for records that are no JSON of one spelling."""
    said: dict[str, Any] = {"format": FORMAT, "case_no": case_no, "records": dict(records)}
    said["entries"] = [each.model_dump(mode="json") for each in entries]
    head = sign_head(key, case_no, at, heads_of(entries), _digest(said))
    return AuditExport.model_validate(said | {"head": head.model_dump()})


def heads_of(entries: Sequence[ExportedEntry]) -> list[PartHead]:
    """Return how far each part is, in the order of the parts."""
    last = {each.entry.part: each.entry for each in entries}
    return [
        PartHead(case_no=entry.case_no, part=part, entries=entry.sequence, last=entry.hash())
        for part, entry in sorted(last.items())
    ]


@dataclass
class ExportFindings:
    """What a document proves, and what is wrong with it."""

    wrong: list[str] = field(default_factory=list)
    """Each place with what is wrong there; empty: it is as it was signed."""
    erased: list[str] = field(default_factory=list)
    """Entries whose content was erased: they still prove when, what and who."""
    entries: int = 0
    case_no: str = ""
    at: str = ""


def verify_export(data: bytes, keys: AuditKeys, nights: Sequence[NightlyHeads] = ()) -> ExportFindings:
    """Verify a document with these keys, and no other: none that it names itself is believed.

    `nights`: the heads that were appended elsewhere. With them, what was taken away or made anew in the database itself
    is found, too, and what a revoked key has signed before it was revoked is good.
    """
    found = ExportFindings()
    try:
        document = AuditExport.model_validate_json(data)
        exact = document.encode() == data
    except ValueError:  # what pydantic refuses, and what has no one spelling
        found.wrong.append("file: it is no audit export, or is damaged")
        return found
    if not exact or document.format != FORMAT:
        found.wrong.append("file: it is not spelled as it was written (canonical JSON)")
    found.case_no, found.at, found.entries = document.case_no, document.head.at, len(document.entries)
    found.wrong += _Check(document, keys, nights, found.erased).all()
    return found


class _Check:
    def __init__(
        self, document: AuditExport, keys: AuditKeys, nights: Sequence[NightlyHeads], erased: list[str]
    ) -> None:
        self._document, self._keys, self._erased = document, keys, erased
        self._verifier = Verifier(each.key for each in keys.known.values())
        self._nights = [night for night in nights if keys.why_not(night) is None]
        self._unbelieved = [night for night in nights if keys.why_not(night) is not None]
        self._parts: dict[int, list[ExportedEntry]] = defaultdict(list)
        for each in document.entries:
            self._parts[each.entry.part].append(each)

    def all(self) -> Iterator[str]:
        order = [(each.entry.part, each.entry.sequence) for each in self._document.entries]
        if order != sorted(order):
            yield "entries: they are not in their order"
        for entries in self._parts.values():
            yield from self._chain(entries)
        for each in self._document.entries:
            yield from (f"{_place(each.entry)}: {wrong}" for wrong in self._one(each))
        yield from self._head()
        yield from self._earlier_heads()

    def _chain(self, entries: Sequence[ExportedEntry]) -> Iterator[str]:
        previous, expected = BEGINNING, 1
        for each in entries:
            entry = each.entry
            if entry.sequence != expected:
                yield f"{_place(entry)}: entry {expected} is expected here: one is missing, inserted or moved"
            elif entry.previous != previous:
                yield f"{_place(entry)}: it does not follow the entry before: that one or this one is altered"
            previous, expected = entry.hash(), entry.sequence + 1

    def _one(self, each: ExportedEntry) -> Iterator[str]:
        entry, about = each.entry, each.about
        if entry.case_no != self._document.case_no:
            yield f"it is of another case ({entry.case_no})"
        if about is None:
            self._erased.append(_place(entry))
        elif _commitment(about.content, about.salt) != entry.commitment:
            yield "what it is about is altered"
        if entry.signed:
            yield from self._signature(entry, about)

    def _signature(self, entry: AuditEntry, about: EntryContent | None) -> Iterator[str]:
        if (signed := entry.signed) is None:
            return
        place = SignedPlace(signed.workflow_id, signed.first_run, signed.operation, signed.update_id)
        sent = signed.entry.encode()
        try:
            verified = self._verifier.verify_entry(sent, place, covered_by_head=self._is_covered(entry, sent))
        except SignatureRefusedError as refused:
            yield f"the signature of who acted does not verify ({refused.refusal.value})"
            return
        if str(verified.actor) != entry.by:
            yield f"it is signed by {verified.actor}, and says {entry.by}"
        message = about.content.get("message") if about else None
        if about is not None and _commitment_of(message) != verified.commitment:
            yield "its message is not the one that was signed"

    def _is_covered(self, entry: AuditEntry, sent: bytes) -> bool:
        """Whether a head from before its key was revoked has this entry."""
        try:
            known = self._keys.known.get(SignedEntry.decode(sent).key)
        except SignatureRefusedError:
            return False
        if known is None or known.key.state is not KeyState.REVOKED or known.revoked_at is None:
            return False
        before = [night for night in self._nights if night.at < known.revoked_at]
        return any(
            head.part == entry.part and head.entries >= entry.sequence and self._agrees(head)
            for night in before
            for head in night.heads
            if head.case_no == entry.case_no
        )

    def _head(self) -> Iterator[str]:
        document, head = self._document, self._document.head
        if wrong := self._keys.why_not(head):
            yield f"head: {wrong}"
        if head.case_no != document.case_no:
            yield f"head: it is of another case ({head.case_no})"
        here = {part.part: part for part in heads_of(document.entries)}
        for part in head.parts:
            own = here.pop(part.part, None)
            entries = own.entries if own else 0
            if entries < part.entries:
                yield f"part {part.part}: the head says {part.entries} entries, and it ends with {entries}"
            elif own != part:
                yield f"part {part.part}: its end is not that of the head: an entry is altered or added"
        yield from (f"part {part}: the head does not know it" for part in here)
        said = document.model_dump(mode="json", exclude={"head"})
        if _digest(said) != head.covers:
            yield "records or entries: they are not those that the head covers"

    def _earlier_heads(self) -> Iterator[str]:
        for night in self._unbelieved:
            yield f"heads of {night.at}: {self._keys.why_not(night)}"
        for night in self._nights:
            for head in night.heads:
                # One that is later than the document may know more entries.
                is_of_this = head.case_no == self._document.case_no and night.at <= self._document.head.at
                if is_of_this and not self._agrees(head):
                    yield f"part {head.part}: it is not what the heads of {night.at} have signed: made anew, or cut"

    def _agrees(self, head: PartHead) -> bool:
        entries = self._parts.get(head.part, [])
        return len(entries) >= head.entries and entries[head.entries - 1].entry.hash() == head.last


def _place(entry: AuditEntry) -> str:
    return f"part {entry.part}, entry {entry.sequence}"


def _commitment(content: Mapping[str, Any], salt: str) -> str:
    return _commitment_of(salted(content, salt))


def _commitment_of(message: object) -> str:
    try:
        return commitment_of(message)
    except ContentError:
        return ""


def _digest(said: Mapping[str, Any]) -> str:
    return base64url(hashlib.sha256(canonical(dict(said))).digest())
