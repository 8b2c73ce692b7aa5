"""What every client and worker writes into histories with: payloads, summaries, details and failures, encrypted.

Whose key encrypts follows from the workflow that a payload belongs to, as the SDK says; which one decrypts, from the
payload's own key id alone, since the SDK gives other contexts there. Headers and search attributes never come here.
"""

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol, Self

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
)

from models.common.encryption import (
    FORGOTTEN,
    HOUSE,
    OPENED_WITH,
    WRITTEN_FOR,
    CaseKey,
    KeyGone,
    UnreadableError,
    is_key_id,
    key_owner,
    own_part,
)

ENCODING = b"binary/encrypted"
KEY_ID = "encryption-key-id"
_log = logging.getLogger(__name__)


class FindsKeys(Protocol):
    """Where keys come from: `workers.case_keys.CaseKeys`."""

    async def find(self, owner: str) -> CaseKey | KeyGone:
        """Return the key, or why there is none. Waits while that cannot be known."""


class CaseCodec(PayloadCodec, WithSerializationContext):
    """Encrypts with the key of one owner, and decrypts whatever there is a key for.

    It raises nothing: an error here would stop a case for good, and anybody at Temporal's port can send what nobody can
    decrypt. That is handed on as it is, and refused by whoever would read it.
    """

    def __init__(
        self,
        keys: FindsKeys,
        namespace: str,
        workflow_id: str | None = None,
        *,
        encrypts: bool = True,
        marks: bool = False,
    ) -> None:
        """Take where keys come from, and for which workflow it encrypts.

        `encrypts`: else what is written is in clear, and what was encrypted before is still read. `marks`: whoever
        reads on in this process sees with which key something was encrypted, and for which workflow (`OPENED_WITH`,
        `WRITTEN_FOR`).
        """
        self._keys = keys
        self._namespace = namespace
        self._workflow_id = workflow_id
        self._owner = key_owner(workflow_id)
        self._encrypts = encrypts
        self._marks = marks

    def with_context(self, context: SerializationContext) -> "CaseCodec":
        workflow_id = getattr(context, "workflow_id", None)
        if workflow_id == self._workflow_id:
            return self
        return CaseCodec(self._keys, self._namespace, workflow_id, encrypts=self._encrypts, marks=self._marks)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt them. Of an owner without a key nobody can read them afterwards: they are never left in clear."""
        if not self._encrypts or not payloads:
            return list(payloads)
        found = await self._keys.find(self._owner)
        if isinstance(found, KeyGone):
            _log.warning("nobody will read what is written for %s: its key is %s", self._owner, found.value)
            return [self._encrypted(CaseKey.forgotten(), payload) for payload in payloads]
        return [self._encrypted(found, payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt what there is a key for; all else is handed on as it is."""
        return [await self._decrypted(payload) for payload in payloads]

    async def has_encrypted(self, workflow_id: str, payloads: Sequence[Payload]) -> bool:
        """Whether this is the input of a workflow that we have started; true also where nobody can say.

        That is so in clear text, and without a key for the case.
        """
        if not self._encrypts or isinstance(await self._keys.find(key_owner(workflow_id)), KeyGone):
            return True
        return is_own_input(workflow_id, await CaseCodec(self._keys, self._namespace, marks=True).decode(payloads))

    def _encrypted(self, key: CaseKey, payload: Payload) -> Payload:
        inside = Payload()
        inside.CopyFrom(payload)
        if self._workflow_id is not None:
            inside.metadata[WRITTEN_FOR] = own_part(self._workflow_id).encode()
        return Payload(
            metadata={"encoding": ENCODING, KEY_ID: key.key_id.encode()},
            data=key.encrypt(self._namespace, inside.SerializeToString()),
        )

    async def _decrypted(self, payload: Payload) -> Payload:
        key_id = key_id_of(payload)
        if key_id is None or key_id == FORGOTTEN:
            return _unmarked(payload)
        key = await self._keys.find(key_id)
        if isinstance(key, KeyGone):
            return _unmarked(payload)
        try:
            read = Payload.FromString(key.decrypt(self._namespace, payload.data))
        except (UnreadableError, DecodeError):
            return _unmarked(payload)
        if self._marks:
            read.metadata[OPENED_WITH] = key_id.encode()
        else:
            read.metadata.pop(WRITTEN_FOR, None)
        return read


@dataclass(frozen=True)
class DecodedPayload:
    """A payload, decrypted if it could be, with the key that it was encrypted with, and whether that was forgotten."""

    payload: Payload
    key_id: str | None = None
    erased: bool = False


class PayloadReader:
    """Reads payloads for people who may, each by itself."""

    def __init__(self, keys: FindsKeys, namespace: str) -> None:
        self._keys = keys
        self._codec = CaseCodec(keys, namespace)

    async def read(self, payload: Payload) -> DecodedPayload:
        """Return what it says, or what is to be known of it. Waits while keys cannot be had."""
        key_id = key_id_of(payload)
        if key_id is None:
            return DecodedPayload(payload)
        erased = key_id == FORGOTTEN or await self._keys.find(key_id) is KeyGone.ERASED
        [read] = [payload] if erased else await self._codec.decode([payload])
        return DecodedPayload(read, key_id, erased=erased)


class NoPayloads(PayloadCodec):
    """Of a client that asks Temporal about itself: what it would send in clear, it does not send."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:  # noqa: ARG002 the SDK's signature
        _no_keys()

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


def _unmarked(payload: Payload) -> Payload:
    """Take off a mark that somebody at Temporal's port has put on."""
    if OPENED_WITH not in payload.metadata:
        return payload
    plain = Payload()
    plain.CopyFrom(payload)
    del plain.metadata[OPENED_WITH]
    return plain


def is_own_input(workflow_id: str, read: Sequence[Payload]) -> bool:
    """Whether this, as a codec that `marks` has read it, is the input of a workflow that we have started.

    It was encrypted with the key of its own case then, and for this workflow. Only what belongs to no case may have
    none at all.
    """
    own, part = key_owner(workflow_id), own_part(workflow_id)
    marks = ((each.metadata.get(OPENED_WITH), each.metadata.get(WRITTEN_FOR)) for each in read)
    encrypted = all(each == (own.encode(), part.encode()) for each in marks)
    return encrypted and (own == HOUSE or len(read) > 0)


def key_id_of(payload: Payload) -> str | None:
    """Return which key it is encrypted with, as it says itself; None: with none that could be ours."""
    if payload.metadata.get("encoding") != ENCODING:
        return None
    key_id = payload.metadata.get(KEY_ID, b"").decode("utf-8", "replace")
    return key_id if is_key_id(key_id) else None


@dataclass(frozen=True)
class _EncryptedConverter(DataConverter):
    """The codec alone depends on whom a payload belongs to."""

    def with_context(self, context: SerializationContext) -> Self:
        # The SDK's own builds all parts anew, hundreds of times a case: twice what encrypting costs.
        codec = self.payload_codec
        own = codec.with_context(context) if isinstance(codec, WithSerializationContext) else codec
        if own is codec:
            return self
        clone = copy.copy(self)
        object.__setattr__(clone, "payload_codec", own)
        return clone


def converter(codec: PayloadCodec) -> DataConverter:
    """Return what turns values into payloads that the codec has encrypted; of a failure its text, too."""
    return _EncryptedConverter(
        payload_converter_class=pydantic_data_converter.payload_converter_class,
        payload_codec=codec,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


def _no_keys() -> NoReturn:
    raise RuntimeError("this client has no keys, and sends nothing that belongs into a history")
