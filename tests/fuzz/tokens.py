"""Links, keys, signatures and tokens: only the genuine one is good, and all others are refused in one way."""

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey
from temporalio.api.common.v1 import Payload

from models.common.actors import Actor, ActorKind
from models.common.api_keys import ApiKey
from models.common.commitments import ContentError, commitment_of, salted
from models.common.operators import Role
from models.common.personal_links import PersonalLink, PersonalLinkKind, read_link
from models.common.signatures import SignatureRefusedError, SignedEntry, SignedPlace, Signer, Verifier, taken_in
from models.common.signing_keys import KeyPurpose, PrivateKey
from models.webhooks.secrets import secrets_of
from models.yayoi.case_links import Opening, key_of, opening
from tests.fuzz.inputs import as_json, json_values, near, near_json
from tests.fuzz.target import FuzzTarget, in_japanese, shows_not
from tests.support.web import SECRET
from web.common.auth.openid import BACK_CHANNEL_LOGOUT, LogoutTokenError, OpenIdProvider, OpenIdSettings
from web.webhooks.signatures import ForgedError, FormSignatures
from workers.store_marks import read_mark
from workers.telemetry.trace_headers import TRACE_HEADER, span_in


class _Kind(PersonalLinkKind):
    ONE = "one"


LINE = b"\n"
TODAY = date(2026, 11, 4)
LINK = key_of(SECRET, "YS-000001", TODAY)
PERSONAL = PersonalLink(_Kind.ONE, "MR-000001", 1, datetime(2026, 11, 4, tzinfo=UTC)).token(SECRET)


def _open_case(found: bytes) -> None:
    until, _, key = found.decode("utf-8", "replace").partition("\n")
    genuine = {name: value for name, [value] in parse_qs(LINK).items()}
    opened = opening(SECRET, "YS-000001", until, key, today=TODAY)
    assert opened is (Opening.OPEN if {"until": until, "key": key} == genuine else Opening.FORGED)


def _read_link(found: bytes) -> None:
    token = found.decode("utf-8", "surrogateescape")
    assert (read_link(SECRET, _Kind.ONE, token) is not None) == (token == PERSONAL)


# --- signed operations ------------------------------------------------------------------------------------------------

KEY = PrivateKey(KeyPurpose.OPERATORS, bytes(32))
PLACE = SignedPlace("application/YS-000001/office/1", "run", "hold", "update-1")
MESSAGE: Mapping[str, Any] = salted({"reason": "お電話", "until": "2026-12-01", "pair": {"no": 1}})
ENTRY = Signer(KEY).sign(Actor(ActorKind.OPERATOR, "tn", (Role.SUPERVISOR,)), PLACE, MESSAGE)
VERIFIER = Verifier([KEY.public])


def _verify_entry(found: bytes) -> None:
    SignedEntry.accepted(found)
    with suppress(SignatureRefusedError):
        VERIFIER.verify(found, PLACE, MESSAGE)
        assert found == ENTRY


def _read_taken(found: bytes) -> None:
    assert all(isinstance(each, str) for each in taken_in(found))


def _verify_message(found: bytes) -> None:
    message = json.loads(found)
    try:
        same = commitment_of(message) == commitment_of(MESSAGE)
    except ContentError:
        same = False
    try:
        VERIFIER.verify(ENTRY, PLACE, message)
    except SignatureRefusedError:
        assert not same
    else:
        assert same


# --- other systems ----------------------------------------------------------------------------------------------------

FORMS = FormSignatures(["whsec_" + "A" * 32])


def _check_form(found: bytes) -> None:
    """Of a forged form, no header is believed."""
    lines = found.split(LINE, 3)
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    headers = {name: value.decode("latin-1") for name, value in zip(names, lines, strict=False)}
    try:
        FORMS.check(headers, lines[3] if len(lines) > len(names) else b"")
    except ForgedError as forged:
        in_japanese(str(forged))
    else:
        raise AssertionError("nobody has signed this")


def _read_keys(found: bytes) -> None:
    text = found.decode("utf-8", "replace")
    for read in (ApiKey.read, secrets_of):
        try:
            read(text)
        except ValueError as refused:
            shows_not(text, refused)


class _Provider(OpenIdProvider):
    """One whose answers are known already."""

    signing = OKPKey.generate_key("Ed25519", {"kid": "one"})

    def __init__(self) -> None:
        super().__init__(OpenIdSettings("https://id.example", "desk", "secret"), "https://desk.example/callback")

    async def _metadata(self) -> Mapping[str, Any]:
        return {"issuer": self.issuer, "id_token_signing_alg_values_supported": ["Ed25519", "EdDSA", "HS256", "none"]}

    async def _keys(self, *, again: bool = False) -> KeySet:  # noqa: ARG002
        return KeySet([self.signing])

    def token(self, claims: Any) -> str:
        return jwt.encode(
            {"alg": "Ed25519", "kid": "one", "typ": "logout+jwt"}, claims, self.signing, algorithms=["Ed25519"]
        )


PROVIDER = _Provider()
NOW = int(time.time())
CLAIMS = {
    "iss": "https://id.example",
    "aud": "desk",
    "iat": NOW,
    "exp": NOW + 10**6,
    "jti": "1",
    "sub": "s",
    "events": {BACK_CHANNEL_LOGOUT: {}},
}


def _log_out(found: bytes) -> None:
    with suppress(LogoutTokenError):
        asyncio.run(PROVIDER.ended(found.decode("utf-8", "replace")))


def _log_out_with(found: bytes) -> None:
    """What the provider itself signs may be anything, too."""
    claims = json.loads(found)
    if isinstance(claims, dict):
        with suppress(LogoutTokenError):
            asyncio.run(PROVIDER.ended(PROVIDER.token(claims)))


def _read_span(found: bytes) -> None:
    span = span_in({TRACE_HEADER: Payload(data=found)})
    assert span is None or span.is_valid


def _read_mark(found: bytes) -> None:
    mark = read_mark(found)
    assert mark is None or (type(mark.epoch), type(mark.token), type(mark.mark)) == (int, str, int)


SPAN = json.dumps({"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}).encode()
SENT = LINE.join([b"msg_1", str(NOW).encode(), b"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= v1a,x", b'{"a": 1}'])
_LINK = {name: value for name, [value] in parse_qs(LINK).items()}
TARGETS = (
    FuzzTarget("link of a case", near(f"{_LINK['until']}\n{_LINK['key']}".encode()), _open_case),
    FuzzTarget("personal link", near(PERSONAL.encode()), _read_link),
    FuzzTarget("signature of an operation", near(ENTRY), _verify_entry, reads_files=True),
    FuzzTarget("content of a signed operation", (near_json(dict(MESSAGE)) | json_values).map(as_json), _verify_message),
    FuzzTarget("updates that were taken", near(b'["a-1", "b-2"]'), _read_taken, reads_files=True),
    FuzzTarget("signature of a form", near(SENT), _check_form),
    FuzzTarget("keys of other systems", near(b"shop:apply+ask:" + b"k" * 40, b"whsec_" + b"A" * 32), _read_keys),
    FuzzTarget("trace header", near(SPAN), _read_span),
    FuzzTarget("mark of a store", near(b'[3, "a1b2", 7]'), _read_mark),
    FuzzTarget("token of a log-out", near(PROVIDER.token(CLAIMS).encode()), _log_out),
    FuzzTarget("claims of a log-out", near_json(CLAIMS).map(as_json), _log_out_with),
)
