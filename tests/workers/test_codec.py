"""The payload codec: nothing in clear, nothing raised."""

import json
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import ActivitySerializationContext, WorkflowSerializationContext
from temporalio.exceptions import ApplicationError

from models.common.encryption import FORGOTTEN, HOUSE, CaseKey, KeyGone, new_key
from workers.codec import ENCODING, KEY_ID, CaseCodec, NoPayloads, PayloadReader, converter, is_own_input

OWNER, ERASED = "application/YS-000001", "application/YS-000002"
OFFICE = WorkflowSerializationContext("default", f"{OWNER}/office/1")
SAID = {"name": "弥生 太郎"}


class KeptKeys:
    """The keys of one case and of the house; another case's was erased."""

    def __init__(self) -> None:
        self.keys: dict[str, CaseKey | KeyGone] = {owner: CaseKey(owner, new_key()) for owner in (OWNER, HOUSE)}
        self.keys[ERASED] = KeyGone.ERASED
        self.asked: list[str] = []

    async def find(self, owner: str) -> CaseKey | KeyGone:
        self.asked.append(owner)
        return self.keys.get(owner, KeyGone.UNKNOWN)


@pytest.fixture
def keys() -> KeptKeys:
    return KeptKeys()


def _key_ids(payloads: list[Payload]) -> list[str]:
    assert all(each.metadata["encoding"] == ENCODING for each in payloads)
    return [each.metadata[KEY_ID].decode() for each in payloads]


def _activity(workflow_id: str) -> ActivitySerializationContext:
    return ActivitySerializationContext("default", "1", "type", "queue", workflow_id, "Type", is_local=True)


@pytest.mark.parametrize(
    ("context", "owner"),
    [
        (OFFICE, OWNER),
        (_activity(f"{OWNER}/office/2"), OWNER),
        (WorkflowSerializationContext("default", "morning-digest"), HOUSE),
        (None, HOUSE),
        (WorkflowSerializationContext("default", f"{ERASED}/office/1"), FORGOTTEN),
        (WorkflowSerializationContext("default", "application/YS-999999"), FORGOTTEN),
    ],
)
async def test_each_is_encrypted_with_the_key_of_its_case_and_never_left_in_clear(
    keys: KeptKeys, context: Any, owner: str
) -> None:
    data = converter(CaseCodec(keys, "default"))
    data = data.with_context(context) if context else data
    payloads = await data.encode([SAID, 1])
    assert _key_ids(payloads) == [owner, owner]
    assert not any("弥生".encode() in each.SerializeToString() for each in payloads)
    assert not any(json.dumps("弥生").strip('"').encode() in each.SerializeToString() for each in payloads)


async def test_the_key_id_alone_says_how_it_is_decrypted(keys: KeptKeys) -> None:
    ours = converter(CaseCodec(keys, "default"))
    payloads = await ours.with_context(OFFICE).encode([SAID])
    elsewhere = ours.with_context(WorkflowSerializationContext("replayed", "another"))
    assert await elsewhere.decode(payloads) == [SAID]
    assert await ours.decode(payloads) == [SAID]


async def test_what_was_written_for_one_workflow_is_the_input_of_no_other_that_shares_its_key(keys: KeptKeys) -> None:
    data = converter(CaseCodec(keys, "default", marks=True))
    payloads = await data.with_context(OFFICE).encode([SAID])
    read = await CaseCodec(keys, "default", marks=True).decode(payloads)
    assert is_own_input(f"{OWNER}/office/1", read)
    for other in (OWNER, f"{OWNER}/office/2", f"{ERASED}/office/1", "morning-digest"):
        assert not is_own_input(other, read)
    of_the_house = data.with_context(WorkflowSerializationContext("default", "person-look-up-1"))
    read = await CaseCodec(keys, "default", marks=True).decode(await of_the_house.encode([SAID]))
    assert is_own_input("person-look-up-1", read)
    assert not is_own_input("person-look-up-2", read)
    # Nobody else sees the marks.
    [shown] = await CaseCodec(keys, "default").decode(payloads)
    assert shown.metadata.keys() == {"encoding"}


async def test_what_is_in_clear_is_read_as_it_is_as_recorded_histories_are(keys: KeptKeys) -> None:
    plain = Payload(metadata={"encoding": b"json/plain"}, data=b'"x"')
    assert await CaseCodec(keys, "default").decode([plain]) == [plain]
    assert keys.asked == []


async def test_switched_off_it_writes_in_clear_and_reads_what_was_encrypted(keys: KeptKeys) -> None:
    encrypted = await CaseCodec(keys, "default", OWNER).encode([Payload(data=b"x")])
    off = CaseCodec(keys, "default", encrypts=False)
    assert await off.encode([Payload(data=b"x")]) == [Payload(data=b"x")]
    assert await off.decode(encrypted) == [Payload(data=b"x")]


@pytest.mark.parametrize(
    "key_id", [b"", b"\xff\xfe", b"a\0b", b"x" * 5000, b"application/YS-999999", FORGOTTEN.encode(), OWNER.encode()]
)
@pytest.mark.parametrize("content", [b"", b"short", b"\0" * 12, b"\x07" * 200])
async def test_what_nobody_can_decrypt_is_handed_on_as_it_is(keys: KeptKeys, key_id: bytes, content: bytes) -> None:
    forged = Payload(metadata={"encoding": ENCODING, KEY_ID: key_id}, data=content)
    assert await CaseCodec(keys, "default").decode([forged]) == [forged]


async def test_what_was_encrypted_rightly_and_is_no_payload_is_handed_on_as_it_is(keys: KeptKeys) -> None:
    key = keys.keys[OWNER]
    assert isinstance(key, CaseKey)
    content = key.encrypt("default", b"\xff no payload")
    forged = Payload(metadata={"encoding": ENCODING, KEY_ID: OWNER.encode()}, data=content)
    assert await CaseCodec(keys, "default").decode([forged]) == [forged]


async def test_a_failure_is_encrypted_with_its_text_and_where_it_happened(keys: KeptKeys) -> None:
    data = converter(CaseCodec(keys, "default")).with_context(OFFICE)
    failure = Failure()
    with pytest.raises(ApplicationError) as raised:
        raise ApplicationError("弥生 太郎 様は", SAID, type="Refused", non_retryable=True)
    await data.encode_failure(raised.value, failure)
    assert failure.message == "Encoded failure"
    assert "弥生" not in str(failure)
    assert "test_codec" not in str(failure)
    read = await data.decode_failure(failure)
    assert isinstance(read, ApplicationError)
    assert (read.message, read.type, read.details, read.non_retryable) == ("弥生 太郎 様は", "Refused", (SAID,), True)


async def test_an_operator_is_shown_that_it_was_erased_and_what_is_unknown_as_it_is(keys: KeptKeys) -> None:
    reader = PayloadReader(keys, "default")
    [encrypted] = await CaseCodec(keys, "default", OWNER).encode([Payload(data=b"x")])
    read = await reader.read(encrypted)
    assert (read.payload.data, read.key_id, read.erased) == (b"x", OWNER, False)
    [lost] = await CaseCodec(keys, "default", ERASED).encode([Payload(data=b"x")])
    assert (await reader.read(lost)).erased
    keys.keys[OWNER] = KeyGone.ERASED
    assert (await reader.read(encrypted)).erased
    del keys.keys[OWNER]
    unknown = await reader.read(encrypted)
    assert (unknown.payload, unknown.erased) == (encrypted, False)


async def test_a_client_without_keys_sends_nothing() -> None:
    with pytest.raises(RuntimeError, match="has no keys"):
        await converter(NoPayloads()).encode([SAID])
