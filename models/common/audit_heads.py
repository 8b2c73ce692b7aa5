"""Heads of the audit trail, signed: how many entries each part of a case has, and the hash of the last.

With a head from elsewhere, nobody can take entries away or make the chain anew, whatever they can write.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from models.common.commitments import base64url, canonical, from_base64url
from models.common.signing_keys import KeyPurpose, KeyState, PrivateKey, PublicKey

_HEAD, _NIGHT = "tetsuzuki-audit-head/1", "tetsuzuki-audit-heads/1"
"""First in what is signed: a signature of one cannot be taken for one of the other, or of an operation."""


class _Exact(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class PartHead(_Exact):
    """How far one part of a case is."""

    case_no: str
    part: int = Field(ge=0)
    entries: int = Field(ge=1)
    last: str
    """The hash of its last entry."""


class AuditHead(_Exact):
    """The head of one case, at the end of its export."""

    case_no: str
    at: str
    parts: list[PartHead]
    covers: str
    """The SHA-256 of all that the export says before it."""
    key: str
    signature: str


class NightlyHeads(_Exact):
    """All heads that are new since the last night: one line of a file that lies outside the database."""

    at: str
    number: int = Field(ge=1)
    """Counts the lines from 1."""
    previous: str
    """The hash of the line before; empty for the first."""
    heads: list[PartHead]
    key: str
    signature: str

    def line(self) -> bytes:
        return canonical(self.model_dump(mode="json"))

    def hash(self) -> str:
        return base64url(hashlib.sha256(self.line()).digest())


def sign_head(key: PrivateKey, case_no: str, at: str, parts: Sequence[PartHead], covers: str) -> AuditHead:
    """Sign the head of one case."""
    unsigned = {"case_no": case_no, "at": at, "parts": _plain(parts), "covers": covers, "key": key.public.key_id}
    return AuditHead.model_validate(unsigned | {"signature": _signature(key, _HEAD, unsigned)})


def sign_night(key: PrivateKey, at: str, after: NightlyHeads | None, heads: Sequence[PartHead]) -> NightlyHeads:
    """Sign the heads of a night, chained to the line of the night before."""
    chained = {"number": after.number + 1 if after else 1, "previous": after.hash() if after else ""}
    unsigned = {"at": at, **chained, "heads": _plain(heads), "key": key.public.key_id}
    return NightlyHeads.model_validate(unsigned | {"signature": _signature(key, _NIGHT, unsigned)})


def read_nights(lines: Iterable[bytes]) -> list[NightlyHeads]:
    """Read the file's lines. Raises `ValueError`, naming the line, for what is none, or not chained."""
    nights: list[NightlyHeads] = []
    for number, line in enumerate(lines, start=1):
        try:
            night = NightlyHeads.model_validate_json(line)
            exact = night.line() == line.rstrip(b"\n")
        except ValueError:
            exact = False
        if not exact:
            raise ValueError(f"line {number} is altered, or was not written to its end")
        before = nights[-1].hash() if nights else ""
        if (night.number, night.previous) != (number, before):
            raise ValueError(f"line {number} does not follow the line before: one is missing, altered or moved")
        nights.append(night)
    return nights


@dataclass(frozen=True)
class KnownKey:
    """A public key as who verifies knows it, from elsewhere than what is verified."""

    key: PublicKey
    revoked_at: str | None = None


class _WrittenKey(_Exact):
    """A public key as its file has it."""

    key_id: str
    purpose: KeyPurpose
    value: str
    state: KeyState
    revoked_at: str | None

    def known(self) -> KnownKey:
        """Return the key. Raises `ValueError` for what is none, or another one."""
        key = PublicKey(self.purpose, from_base64url(self.value), self.state)
        if key.key_id != self.key_id:
            raise ValueError(f"{self.key_id} is another key than its id says")
        key.check()
        return KnownKey(key, self.revoked_at)


_WRITTEN = TypeAdapter(list[_WrittenKey])


class AuditKeys:
    """The keys that a verifier believes."""

    def __init__(self, keys: Iterable[KnownKey]) -> None:
        self.known = {each.key.key_id: each for each in keys}

    @classmethod
    def read(cls, text: bytes) -> "AuditKeys":
        """Read what `write` has written. Raises `ValueError` for anything else."""
        return cls(each.known() for each in _WRITTEN.validate_json(text))

    def write(self) -> bytes:
        rows = [
            _WrittenKey(
                key_id=each.key.key_id,
                purpose=each.key.purpose,
                value=base64url(each.key.value),
                state=each.key.state,
                revoked_at=each.revoked_at,
            )
            for each in self.known.values()
        ]
        return _WRITTEN.dump_json(rows, indent=1) + b"\n"

    def why_not(self, head: AuditHead | NightlyHeads) -> str | None:
        """Return what is wrong with the signature of a head; None: nothing."""
        known = self.known.get(head.key)
        if known is None:
            return f"it is signed with {head.key}, which is none of the keys that are known"
        if known.key.purpose is not KeyPurpose.AUDIT:
            return f"it is signed with {head.key}, which is no key for heads of the audit trail"
        # Whoever has stolen a key writes any time. Lines of the file are chained: what came after them covers them.
        if known.revoked_at is not None and (isinstance(head, AuditHead) or head.at >= known.revoked_at):
            return f"it is signed with {head.key}, which is revoked: export the case anew"
        context = _HEAD if isinstance(head, AuditHead) else _NIGHT
        covered = _signed_bytes(context, head.model_dump(mode="json", exclude={"signature"}))
        if not known.key.signed(from_base64url(head.signature), covered):
            return "it is altered, or its signature is"
        return None


def _plain(parts: Sequence[PartHead]) -> list[dict[str, Any]]:
    return [part.model_dump(mode="json") for part in parts]


def _signature(key: PrivateKey, context: str, unsigned: Mapping[str, Any]) -> str:
    if key.public.purpose is not KeyPurpose.AUDIT:
        raise ValueError(f"a key for {key.public.purpose} signs no heads")
    return base64url(key.sign(_signed_bytes(context, unsigned)))


def _signed_bytes(context: str, unsigned: Mapping[str, Any]) -> bytes:
    return canonical({"context": context, "head": dict(unsigned)})
