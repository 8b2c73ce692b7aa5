"""Who acts is known by a signature: it holds for one operation on one case, with one content, and for ever."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.common.actors import Actor, ActorKind, Channel
from models.common.commitments import SALT, ContentError, base64url, commitment_of, salted
from models.common.operators import Role
from models.common.signatures import (
    MOST_BYTES,
    SignatureRefusal,
    SignatureRefusedError,
    SignedEntry,
    SignedPlace,
    Signer,
    Verifier,
)
from models.common.signing_keys import KeyPurpose, KeyState, PrivateKey, PublicKey

KEYS = {purpose: PrivateKey.new(purpose) for purpose in KeyPurpose}
PUBLIC = [key.public for key in KEYS.values()]
SIGNERS = {purpose: Signer(key) for purpose, key in KEYS.items()}
VERIFIER = Verifier(PUBLIC)
PLACE = SignedPlace("application/YS-000001/office/1", "0f0c5f0e-6a4e-4d53-9f8e-5a1d5f6c0f01", "hold", "update-1")
TANAKA = Actor(ActorKind.OPERATOR, "tanaka", (Role.CASEWORKER, Role.SUPERVISOR), Channel.DESK)
OTHER_SALT = base64url(bytes(range(32)))
MESSAGE = salted({"reason": "お電話", "until": "2026-12-01", "count": 5, "pair": None})
GOLDEN = Path(__file__).with_name("signatures")
"""Entries as each version has written them, with what they verify with; none of them is ever changed."""


def signed(actor: Actor = TANAKA, place: SignedPlace = PLACE, message: object = MESSAGE) -> bytes:
    purpose = next(each for each in KeyPurpose if actor.kind in each.kinds)
    return SIGNERS[purpose].sign(actor, place, message)


def refusal_of(
    data: bytes | None,
    place: SignedPlace = PLACE,
    message: object = MESSAGE,
    verifier: Verifier = VERIFIER,
    **known: bool,
) -> SignatureRefusal:
    with pytest.raises(SignatureRefusedError) as refused:
        verifier.verify(data, place, message, **known)
    return refused.value.refusal


def purpose_of(kind: ActorKind) -> KeyPurpose:
    [purpose] = [purpose for purpose in KeyPurpose if kind in purpose.kinds]
    return purpose


# --- what verifies ----------------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
contents = st.dictionaries(texts.filter(lambda name: name != SALT), values, max_size=6)
handles = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.:/#-]{0,63}\Z")
words = st.from_regex(r"\A[a-z][a-z0-9_]{0,31}\Z")
actors = st.builds(
    Actor,
    st.sampled_from(list(ActorKind)),
    handles,
    st.lists(words, max_size=8).map(tuple),
    st.sampled_from(list(Channel)),
)
places = st.builds(SignedPlace, texts, texts, texts, texts)


@given(actors, places, contents)
def test_what_is_signed_verifies_as_it_was_sent(actor: Actor, place: SignedPlace, content: dict[str, Any]) -> None:
    message = salted(content)
    entry = signed(actor, place, message)
    as_in_history = json.loads(json.dumps(message))
    verified = VERIFIER.verify(entry, place, as_in_history)
    assert verified.actor == actor
    assert verified.commitment == commitment_of(message)
    assert VERIFIER.verify_entry(entry, place) == verified  # the content is erased, the signature still holds
    assert len(entry) <= MOST_BYTES


@pytest.mark.parametrize("kind", ActorKind)
def test_every_kind_of_actor_has_one_purpose_and_a_name(kind: ActorKind) -> None:
    assert purpose_of(kind) is not KeyPurpose.AUDIT
    assert kind.label
    actor = Actor(kind, "someone")
    assert VERIFIER.verify(signed(actor), PLACE, MESSAGE).actor == actor


# --- what is altered --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", SignedPlace._fields)
@given(other=texts)
def test_nothing_verifies_on_another_case_run_operation_or_update(field: str, other: str) -> None:
    place = PLACE._replace(**{field: other})
    if place != PLACE:
        assert refusal_of(signed(), place) is SignatureRefusal.ALTERED


OTHER_FIELDS: dict[str, Any] = {
    "key": PrivateKey.new(KeyPurpose.OPERATORS).public.key_id,
    "kind": "command",
    "handle": "suzuki",
    "roles": ["caseworker"],
    "channel": "web_ui",
    "commitment": base64url(b"\0" * 32),
    "signature": base64url(b"\0" * 64),
    "version": 2,
}
EXPECTED = {
    "key": SignatureRefusal.UNKNOWN_KEY,
    "version": SignatureRefusal.UNKNOWN_VERSION,
}


@pytest.mark.parametrize("field", SignedEntry.model_fields)
def test_nothing_verifies_with_another_field(field: str) -> None:
    entry = json.loads(signed())
    assert entry[field] != OTHER_FIELDS[field]
    altered = canonical_text(entry | {field: OTHER_FIELDS[field]})
    assert refusal_of(altered) is EXPECTED.get(field, SignatureRefusal.ALTERED)


@given(contents, contents)
def test_no_other_content_verifies(content: dict[str, Any], other: dict[str, Any]) -> None:
    message = salted(content)
    changed = {**other, SALT: message[SALT]}
    entry = signed(message=message)
    if commitment_of(changed) != commitment_of(message):
        assert refusal_of(entry, message=changed) is SignatureRefusal.OTHER_CONTENT
    assert refusal_of(entry, message={**message, "another": 1}) is SignatureRefusal.OTHER_CONTENT


@pytest.mark.parametrize(
    "change",
    [
        {"count": "5"},
        {"count": True},
        {"pair": ""},
        {"reason": "お電話 "},
        {SALT: OTHER_SALT},
        {SALT: None},
        {SALT: "short"},
        {"count": float("nan")},
        {"count": 2**60},
        {"\ud800": 1},
    ],
    ids=repr,
)
def test_what_a_model_would_read_alike_is_another_content(change: dict[str, Any]) -> None:
    assert refusal_of(signed(), message=MESSAGE | change) is SignatureRefusal.OTHER_CONTENT


def test_a_salt_that_is_spelled_otherwise_is_another_content() -> None:
    assert refusal_of(signed(), message=MESSAGE | {SALT: MESSAGE[SALT] + "="}) is SignatureRefusal.OTHER_CONTENT


@pytest.mark.parametrize("message", [None, "", [], 5, {}])
def test_what_is_no_message_with_a_salt_is_not_signed_and_does_not_verify(message: object) -> None:
    with pytest.raises(ContentError):
        signed(message=message)
    assert refusal_of(signed(), message=message) is SignatureRefusal.OTHER_CONTENT


def test_a_content_cannot_be_guessed_from_its_commitment() -> None:
    content = {"reason": "お電話"}
    assert len({commitment_of(salted(content)) for _ in range(20)}) == 20


def test_endless_nesting_is_refused_without_an_end_of_the_worker() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert refusal_of(signed(), message=MESSAGE | {"count": nested}) is SignatureRefusal.OTHER_CONTENT


# --- other spellings --------------------------------------------------------------------------------------------------


def canonical_text(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def test_an_entry_is_canonical_json() -> None:
    assert canonical_text(json.loads(signed())) == signed()


ENTRY = json.loads(signed())
TEXT = signed().decode()
SPELLINGS = {
    "a field more": canonical_text(ENTRY | {"by": "suzuki"}),
    "a field less": canonical_text({name: value for name, value in ENTRY.items() if name != "channel"}),
    "a blank": b" " + signed(),
    "a blank after a comma": TEXT.replace(",", ", ").encode(),
    "an order of its own": json.dumps(dict(reversed(ENTRY.items())), separators=(",", ":")).encode(),
    "an escape": TEXT.replace('"tanaka"', '"\\u0074anaka"').encode(),
    "a field twice": TEXT.replace('"handle":"tanaka"', '"handle":"suzuki","handle":"tanaka"').encode(),
    "a short commitment": canonical_text(ENTRY | {"commitment": ENTRY["commitment"][:-1]}),
    "a long signature": canonical_text(ENTRY | {"signature": ENTRY["signature"] + "A"}),
    "a padded signature": canonical_text(ENTRY | {"signature": ENTRY["signature"] + "=="}),
    "no list of roles": canonical_text(ENTRY | {"roles": "supervisor"}),
    "too many roles": canonical_text(ENTRY | {"roles": ["supervisor"] * 9}),
    "a mail address": canonical_text(ENTRY | {"handle": "tanaka@example.jp"}),
    "a line break": canonical_text(ENTRY | {"handle": "tanaka\n"}),
    "a long handle": canonical_text(ENTRY | {"handle": "t" * 65}),
    "no key's id": canonical_text(ENTRY | {"key": "operators"}),
    "a version as text": canonical_text(ENTRY | {"version": "1"}),
    "no JSON": b"signed",
    "no object": b"[]",
    "nothing": b"",
    "no UTF-8": b"\xff",
    "endless": b" " * (MOST_BYTES + 1),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_entry_in_another_form_is_not_read(spelling: str) -> None:
    expected = SignatureRefusal.UNKNOWN_VERSION if spelling == "a version as text" else SignatureRefusal.UNREADABLE
    assert refusal_of(SPELLINGS[spelling]) is expected


def test_spare_bits_make_no_second_signature() -> None:
    """64 bytes leave four bits of the last letter unused: decoders take 16 spellings for one."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    signature = ENTRY["signature"]
    taken = [
        letter
        for letter in letters
        if not isinstance(verified_or_refused(canonical_text(ENTRY | {"signature": signature[:-1] + letter})), str)
    ]
    assert taken == [signature[-1]]


@given(st.binary(max_size=300))
def test_whatever_bytes_come_they_are_refused(data: bytes) -> None:
    assert isinstance(verified_or_refused(data), SignatureRefusal)


def verified_or_refused(data: bytes) -> object:
    try:
        return VERIFIER.verify(data, PLACE, MESSAGE)
    except SignatureRefusedError as refused:
        return refused.refusal


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ActorKind)
@pytest.mark.parametrize("purpose", KeyPurpose)
def test_a_key_speaks_for_the_kinds_of_actor_of_its_purpose_alone(kind: ActorKind, purpose: KeyPurpose) -> None:
    actor = Actor(kind, "someone")
    if kind in purpose.kinds:
        assert SIGNERS[purpose].sign(actor, PLACE, MESSAGE)
        return
    with pytest.raises(ValueError, match=f"a key for {purpose} signs nothing of a {kind}"):
        SIGNERS[purpose].sign(actor, PLACE, MESSAGE)
    # Whoever has got hold of the key signs it nevertheless, with a program of their own.
    forger = PrivateKey.read(KEYS[purpose].text().replace(purpose, purpose_of(kind), 1))
    forged = json.loads(Signer(forger).sign(actor, PLACE, MESSAGE)) | {"key": KEYS[purpose].public.key_id}
    assert refusal_of(canonical_text(forged)) is SignatureRefusal.WRONG_PURPOSE


def test_nobody_s_key_verifies_nothing_and_no_signature_is_needed_by_nobody() -> None:
    foreign = Signer(PrivateKey.new(KeyPurpose.OPERATORS)).sign(TANAKA, PLACE, MESSAGE)
    assert refusal_of(foreign) is SignatureRefusal.UNKNOWN_KEY
    claimed = json.loads(foreign) | {"key": SIGNERS[KeyPurpose.OPERATORS].key_id}
    assert refusal_of(canonical_text(claimed)) is SignatureRefusal.ALTERED
    assert refusal_of(None) is SignatureRefusal.UNSIGNED
    assert len(Verifier([])) == 0


@pytest.mark.parametrize("state", KeyState)
def test_a_key_verifies_in_every_state_but_revoked(state: KeyState) -> None:
    verifier = Verifier([replace(key, state=state) for key in PUBLIC])
    if state is KeyState.REVOKED:
        assert refusal_of(signed(), verifier=verifier) is SignatureRefusal.REVOKED_KEY
        old = verifier.verify(signed(), PLACE, MESSAGE, covered_by_head=True)
        assert old == VERIFIER.verify(signed(), PLACE, MESSAGE)
    else:
        assert verifier.verify(signed(), PLACE, MESSAGE).actor == TANAKA


def test_a_head_makes_nothing_good_that_does_not_verify() -> None:
    revoked = Verifier([replace(key, state=KeyState.REVOKED) for key in PUBLIC])
    altered = canonical_text(ENTRY | {"handle": "suzuki"})
    assert refusal_of(altered, verifier=revoked, covered_by_head=True) is SignatureRefusal.ALTERED


@pytest.mark.parametrize("purpose", KeyPurpose)
def test_a_private_key_is_kept_as_text_and_shown_in_none(purpose: KeyPurpose) -> None:
    key = KEYS[purpose]
    again = PrivateKey.read(key.text())
    assert again.public == key.public
    seed = key.text().strip().partition(":")[2]
    assert seed not in repr(key) + str(vars(key)) + repr(key.public)
    for wrong in ("", seed, f"{purpose}:", f"{purpose}:{seed[:-1]}", f"nobody:{seed}", f"{purpose}:{seed}{seed}"):
        with pytest.raises(ValueError, match="no private key") as refused:
            PrivateKey.read(wrong)
        assert seed[:16] not in str(refused.value)


def test_every_refusal_says_in_japanese_what_is_wrong_and_leads_to_the_desk() -> None:
    assert len({refusal.reason for refusal in SignatureRefusal}) == len(SignatureRefusal)
    for refusal in SignatureRefusal:
        assert refusal.reason.endswith("担当者の画面（/desk）にログインし、案件を開いて操作してください。")


# --- builds -----------------------------------------------------------------------------------------------------------


def test_a_field_more_or_less_in_a_message_of_a_neighbouring_build_verifies_as_it_was_sent() -> None:
    """The commitment is to the JSON, not to what this build's model reads of it."""
    of_the_next_build = salted({"reason": "お電話", "new_field": {"a": [1]}})
    entry = signed(message=of_the_next_build)
    assert VERIFIER.verify(entry, PLACE, of_the_next_build).actor == TANAKA
    without = {name: value for name, value in of_the_next_build.items() if name != "new_field"}
    assert refusal_of(entry, message=without) is SignatureRefusal.OTHER_CONTENT


def test_a_role_channel_or_operation_that_only_a_later_build_knows_verifies() -> None:
    actor = Actor(ActorKind.OPERATOR, "tanaka", ("a_role_of_tomorrow",), "a_channel_of_tomorrow")
    place = PLACE._replace(operation="an_operation_of_tomorrow")
    assert VERIFIER.verify(signed(actor, place), place, MESSAGE).actor == actor


def test_an_entry_that_a_later_build_has_accepted_still_says_who_acted() -> None:
    sent = json.loads(signed()) | {"version": 2, "of_tomorrow": {"a": 1}}
    assert refusal_of(json.dumps(sent).encode()) in {SignatureRefusal.UNREADABLE, SignatureRefusal.UNKNOWN_VERSION}
    read = SignedEntry.accepted(json.dumps(sent).encode())
    assert read is not None
    assert read.actor == TANAKA


@pytest.mark.parametrize("entry", [b"", b"{}", b"[]", b"null", b'{"version":1}', b"\xff"])
def test_what_nobody_could_have_accepted_says_of_nobody_that_they_acted(entry: bytes) -> None:
    assert SignedEntry.accepted(entry) is None


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_what_was_once_signed_verifies_for_ever(file: Path) -> None:
    recorded = json.loads(file.read_text(encoding="utf-8"))
    key = PublicKey(KeyPurpose(recorded["key"]["purpose"]), bytes.fromhex(recorded["key"]["public"]), KeyState.RETIRED)
    verified = Verifier([key]).verify(recorded["entry"].encode(), SignedPlace(**recorded["place"]), recorded["message"])
    assert (verified.key_id, verified.commitment) == (recorded["key"]["id"], recorded["commitment"])
    assert verified.actor == Actor(
        **recorded["actor"] | {"roles": tuple(recorded["actor"]["roles"])}  # JSON has no tuples
    )


def test_each_version_of_the_entry_has_a_recorded_example() -> None:
    version = SignedEntry.model_fields["version"].default
    assert GOLDEN.joinpath(f"version_{version}.json").exists()
