"""The signed entry of an operation's header: who acts, on what, and a commitment to what they say.

The entry is one header of the update. It is not encrypted, is kept in history, and verifies from that alone. Its
signature covers the case, its first run, the operation, the update's id and every other field of the entry: whatever is
changed, or moved to another place, no longer verifies.

A field that is added is a new version: workers read it before anything writes it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from models.common.actors import Actor
from models.common.commitments import ContentError, base64url, canonical, commitment_of, from_base64url
from models.common.json_text import read_json
from models.common.signing_keys import KEY_ID, KeyState, PrivateKey, PublicKey

HEADER = "tetsuzuki-signed"
TAKEN_HEADER = "tetsuzuki-taken"
"""The header of a run that holds the ids of the updates that earlier runs have accepted: the server forgets them."""
MOST_BYTES = 2048
"""Of an entry, far above what one of this version can have."""
ALREADY_TAKEN = "AlreadyTaken"
"""The type of the error by which senders know that an operation has been taken before: for them it is done."""
_CONTEXT = "tetsuzuki-signed/1"
"""First in what is signed: no signature of another purpose can be taken for one of these."""


def _bytes_in_base64url(count: int) -> AfterValidator:
    def check(text: str) -> str:
        if len(from_base64url(text)) != count:
            raise ValueError(f"no {count} bytes in base64url")
        return text

    return AfterValidator(check)


Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class SignatureRefusal(StrEnum):
    """Why a signed operation is refused, by the name that logs and other systems see."""

    reason: str
    """The same for who has sent it, with what to do instead."""

    def __new__(cls, name: str, reason: str) -> Self:
        refusal = str.__new__(cls, name)
        refusal._value_ = name
        refusal.reason = f"{reason}担当者の画面（/desk）にログインし、案件を開いて操作してください。"
        return refusal

    UNSIGNED = "unsigned", "この操作には、誰が行ったかを示す署名がありません。"
    UNREADABLE = "unreadable", "この操作の署名は読み取れません。"
    UNKNOWN_VERSION = "unknown_version", "この操作は、ここより新しい版の画面で署名されています。数分待ってから、"
    UNKNOWN_KEY = "unknown_key", "この操作の署名に使われた鍵は、登録されていません。"
    REVOKED_KEY = "revoked_key", "この操作の署名に使われた鍵は、失効しています。"
    WRONG_PURPOSE = "wrong_purpose", "この操作の署名に使われた鍵では、名乗っている立場で操作できません。"
    ALTERED = "altered", "この操作の署名は、この案件のこの操作のものではありません。"
    OTHER_CONTENT = "other_content", "この操作の内容は、署名されたものと違います。"
    NOT_ALLOWED = "not_allowed", "この操作は、あなたの権限ではできません。権限のある担当者に依頼するか、"
    ALREADY_TAKEN = "already_taken", "この操作は、すでに受け付けています。もう一度行うときは、"


def taken_in(header: bytes) -> list[str]:
    """Return the update ids that a run was begun with; none of a header that nobody of ours has written."""
    try:
        ids = read_json(header)
    except ValueError:
        return []
    return [each for each in ids if isinstance(each, str)] if isinstance(ids, list) else []


class SignatureRefusedError(Exception):
    """A signed operation is refused; `refusal` says why."""

    def __init__(self, refusal: SignatureRefusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class SignedPlace(NamedTuple):
    """Where an operation is signed for."""

    case: str
    """The workflow's id."""
    first_run: str
    """The run that the workflow began with: the same after continue-as-new and Reset, another for a later workflow."""
    operation: str
    update_id: str


class SignedEntry(BaseModel):
    """The entry as it travels: canonical JSON (RFC 8785), so that each has one spelling."""

    model_config = ConfigDict(frozen=True, strict=True)

    version: Literal[1] = 1
    key: str = Field(pattern=f"^{KEY_ID}$")
    kind: Word
    handle: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/#-]{0,63}$")
    """Never a mail address: it names a person."""
    roles: tuple[Word, ...] = Field(max_length=8)
    channel: Word
    commitment: Annotated[str, _bytes_in_base64url(32)]
    signature: Annotated[str, _bytes_in_base64url(64)]

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read an entry. Raises `SignatureRefusedError` for every other spelling, too."""
        if len(data) > MOST_BYTES:
            raise SignatureRefusedError(SignatureRefusal.UNREADABLE)
        try:
            entry = cls.model_validate_json(data)
        except ValidationError as error:
            newer = any(wrong["loc"] == ("version",) and wrong["type"] == "literal_error" for wrong in error.errors())
            raise SignatureRefusedError(
                SignatureRefusal.UNKNOWN_VERSION if newer else SignatureRefusal.UNREADABLE
            ) from None
        # A field more or twice, blanks, escapes: what one program reads so, another may read otherwise.
        if entry.encode() != data:
            raise SignatureRefusedError(SignatureRefusal.UNREADABLE)
        return entry

    @classmethod
    def accepted(cls, data: bytes) -> Self | None:
        """Read an entry that was accepted, perhaps by a later build: what it holds besides is left aside.

        None: it cannot be read; no build of ours has accepted it, and the case goes on without it.
        """
        try:
            sent = read_json(data)
            return cls.model_validate_json(json.dumps({name: sent[name] for name in cls.model_fields} | {"version": 1}))
        except (ValueError, TypeError, KeyError):
            return None

    def encode(self) -> bytes:
        return canonical(self.model_dump(mode="json"))

    @property
    def actor(self) -> Actor:
        return Actor(self.kind, self.handle, self.roles, self.channel)


class Signer:
    """Signs what actors do whom this key may speak for."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.key_id = key.public.key_id

    def sign(self, actor: Actor, place: SignedPlace, message: object) -> bytes:
        """Return the entry for a message, which is the JSON that will be sent, with its salt.

        Raises:
            ValueError: the key is for other kinds of actor, or the actor's handle, roles or channel have no such form.
            ContentError: the message has no salt, or no single spelling.

        """
        if actor.kind not in self._key.public.purpose.kinds:
            raise ValueError(f"a key for {self._key.public.purpose} signs nothing of a {actor.kind}")
        fields: dict[str, Any] = {
            "key": self.key_id,
            "kind": str(actor.kind),
            "handle": actor.handle,
            "roles": tuple(map(str, actor.roles)),
            "channel": str(actor.channel),
            "commitment": commitment_of(message),
        }
        unsigned = SignedEntry(**fields, signature="A" * 86)
        signature = self._key.sign(_signed_bytes(unsigned, place))
        return unsigned.model_copy(update={"signature": base64url(signature)}).encode()


@dataclass(frozen=True)
class Verified:
    """What a signature proves."""

    actor: Actor
    key_id: str
    commitment: str


class Verifier:
    """Verifies entries with the public keys that are known now, from memory."""

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        self._keys = {key.key_id: key for key in keys}

    def __len__(self) -> int:
        return len(self._keys)

    def verify(
        self, data: bytes | None, place: SignedPlace, message: object, *, covered_by_head: bool = False
    ) -> Verified:
        """Return who acts. `message` is the decoded JSON as it was sent; `data` the entry, None if there is none.

        `covered_by_head`: a signed head of the audit trail from before the key was revoked covers the entry.

        Raises `SignatureRefusedError`.
        """
        verified = self.verify_entry(data, place, covered_by_head=covered_by_head)
        try:
            commitment = commitment_of(message)
        except ContentError:
            commitment = ""
        if commitment != verified.commitment:
            raise SignatureRefusedError(SignatureRefusal.OTHER_CONTENT)
        return verified

    def verify_entry(self, data: bytes | None, place: SignedPlace, *, covered_by_head: bool = False) -> Verified:
        """Verify an entry whose content is gone: who acted, on which case, with which commitment."""
        if data is None:
            raise SignatureRefusedError(SignatureRefusal.UNSIGNED)
        entry = SignedEntry.decode(data)
        key = self._keys.get(entry.key)
        if key is None:
            raise SignatureRefusedError(SignatureRefusal.UNKNOWN_KEY)
        if key.state is KeyState.REVOKED and not covered_by_head:
            raise SignatureRefusedError(SignatureRefusal.REVOKED_KEY)
        if entry.kind not in key.purpose.kinds:
            raise SignatureRefusedError(SignatureRefusal.WRONG_PURPOSE)
        if not key.signed(from_base64url(entry.signature), _signed_bytes(entry, place)):
            raise SignatureRefusedError(SignatureRefusal.ALTERED)
        return Verified(entry.actor, entry.key, entry.commitment)


def _signed_bytes(entry: SignedEntry, place: SignedPlace) -> bytes:
    covered = entry.model_dump(mode="json", exclude={"signature"})
    return canonical({"context": _CONTEXT, "place": place._asdict(), "entry": covered})
