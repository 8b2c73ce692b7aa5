"""Encryption as tests meet it: the product's own codec, with a key for whoever needs one and a master key of the tests.

Histories that tests fetch are decrypted, and failures in them have their text again: what a test looks for in one is
there if it is there at all. Recorded histories are kept in this form, too.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf.message import Message
from pydantic import SecretStr
from temporalio.api.common.v1 import Header, Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import FetchWorkflowHistoryEventsInput, Interceptor, OutboundInterceptor
from temporalio.converter import PayloadCodec

from models.common.encryption import CaseKey, MasterKey
from workers.codec import ENCODING, CaseCodec, FindsKeys, converter
from workers.master_keys import MasterKeys
from workers.settings import Settings

MASTER_KEY = MasterKey(hashlib.sha256(b"tests: the master key").digest())


class GivenMasterKeys:
    """A source that has these keys."""

    def __init__(self, *keys: MasterKey) -> None:
        self.keys = list(keys)

    async def read(self) -> Sequence[MasterKey]:
        return self.keys


MASTER_KEYS = SecretStr(f"{MASTER_KEY.key_id} {MASTER_KEY.reveal().hex()}")
"""As the setting holds it."""
MASTER = MasterKeys(GivenMasterKeys(MASTER_KEY))


class KeyForEverybody(FindsKeys):
    """Finds a key for every owner, also of a workflow that a test starts without storing its row."""

    async def find(self, owner: str) -> CaseKey:
        return CaseKey(owner, hashlib.sha256(f"tests: the key of {owner}".encode()).digest())


KEYS_OF_TESTS = KeyForEverybody()
CODEC_OF_TESTS = CaseCodec(KEYS_OF_TESTS, "default")
ENCRYPTED = converter(CaseCodec(KEYS_OF_TESTS, "default", marks=True))
"""What the server that all tests share is written to with."""


@asynccontextmanager
async def opened_keys_of_tests(_settings: Settings) -> AsyncIterator[KeyForEverybody]:
    """In the place of `workers.case_keys.opened_keys`: for a command on the server that all tests share."""
    yield KEYS_OF_TESTS


async def decrypt(message: Message, codec: PayloadCodec = CODEC_OF_TESTS) -> None:
    """Decrypt every payload in a message, in its place, and give failures their text."""
    for part in _parts_of(message):
        if isinstance(part, Payload):
            [plain] = await codec.decode([part])
            part.CopyFrom(plain)
        if isinstance(part, Failure) and part.HasField("encoded_attributes"):
            await decrypt(part.encoded_attributes, codec)
            if part.encoded_attributes.metadata["encoding"] == ENCODING:
                continue
            text = json.loads(part.encoded_attributes.data)
            part.message, part.stack_trace = text["message"], text["stack_trace"]
            part.ClearField("encoded_attributes")


def _parts_of(message: Message) -> Iterator[Message]:
    """Return it and every message in it, the outer ones first; headers never are encrypted."""
    if isinstance(message, Header):
        return
    yield message
    if isinstance(message, Payload):
        return
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        if descriptor.message_type.GetOptions().map_entry:
            inside = [each for each in value.values() if isinstance(each, Message)]
        else:
            inside = list(value) if hasattr(value, "extend") else [value]
        for each in inside:
            yield from _parts_of(each)


class DecryptedHistories(Interceptor):
    """Histories are fetched as they would be without encryption."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 the SDK's name
        return _Decrypted(next)


class _Decrypted(OutboundInterceptor):
    def fetch_workflow_history_events(self, input: FetchWorkflowHistoryEventsInput) -> Any:  # noqa: A002 the SDK's name
        return _decrypted(super().fetch_workflow_history_events(input))


async def _decrypted(events: AsyncIterator[HistoryEvent]) -> AsyncIterator[HistoryEvent]:
    async for event in events:
        await decrypt(event)
        yield event
