"""A small OpenID provider whose tokens can be wrong in any way: real ones refuse to make such tokens."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from tests.support.serving import served
from web.common.auth.openid import BACK_CHANNEL_LOGOUT, OpenIdSettings

CLIENT_ID, CLIENT_SECRET = "desk", "the-secret-of-the-desk-at-the-provider"


@cache
def _key(kid: str) -> RSAKey:
    """Making one takes a while: each is made once."""
    return RSAKey.generate_key(2048, {"kid": kid})


@dataclass
class SmallProvider:
    """What it says next can be changed between two log-ins."""

    issuer: str = ""
    subject: str = "subject-of-sk"
    claims: dict[str, Any] = field(default_factory=dict)
    """Of the next ID tokens; None leaves one out."""
    answer: dict[str, str] = field(default_factory=dict)
    """What the browser brings back instead of a code."""
    metadata: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: _key("first"))
    signing_key: Any = None
    """Another key than the one that it publishes."""
    algorithm: str = "RS256"
    down: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    """What browsers came with."""
    keys_read: int = 0
    tokens: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def settings(self) -> OpenIdSettings:
        return OpenIdSettings(self.issuer, CLIENT_ID, CLIENT_SECRET)

    def change_key(self, kid: str) -> None:
        self.key = _key(kid)

    def signed(self, claims: dict[str, Any], *, typ: str | None = "JWT") -> str:
        key = self.signing_key or self.key
        header = {"alg": self.algorithm, "kid": str(self.key.kid)} | ({"typ": typ} if typ else {})
        kept = {name: value for name, value in claims.items() if value is not None}
        if self.algorithm == "none":
            return f"{_encoded(header)}.{_encoded(kept)}."
        return jwt.encode(header, kept, key, registry=JWSRegistry(algorithms=[self.algorithm]))

    def logout_token(self, *, typ: str | None = "logout+jwt", **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_hex(8),
            "sub": self.subject,
            "events": {BACK_CHANNEL_LOGOUT: {}},
        }
        return self.signed(claims | changes, typ=typ)

    def _id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": self.subject,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "sid": "session-1",
        }
        return self.signed(claims | self.claims)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def configuration() -> Response:
            if self.down:
                return Response(status_code=503)
            return JSONResponse(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                    "end_session_endpoint": f"{self.issuer}/end",
                    "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                }
                | self.metadata
            )

        @app.get("/keys")
        def keys() -> Response:
            self.keys_read += 1
            return JSONResponse(KeySet([self.key]).as_dict(private=False))

        @app.get("/authorize")
        def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            self.asked.append(asked)
            code = secrets.token_hex(8)
            self._codes[code] = asked
            back = {"state": asked["state"]} | (self.answer or {"code": code})
            return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

        @app.post("/token")
        async def token(request: Request) -> Response:
            sent = await request.form()
            asked = self._codes.pop(str(sent["code"]), None)
            scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
            client = base64.b64decode(credentials).decode().split(":") if scheme == "Basic" else []
            verifier = hashlib.sha256(str(sent.get("code_verifier", "")).encode()).digest()
            challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
            if (
                asked is None
                or asked["code_challenge_method"] != "S256"
                or asked["code_challenge"] != challenge
                or asked["redirect_uri"] != sent["redirect_uri"]
                or client != [CLIENT_ID, CLIENT_SECRET]
            ):
                return JSONResponse({"error": "invalid_grant"}, 400)
            self.tokens.append(self._id_token(asked))
            return JSONResponse({"access_token": "opaque", "token_type": "Bearer", "id_token": self.tokens[-1]})

        return app


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def shared_secret_key() -> OctKey:
    """The key of whoever takes a client's secret for one that signs."""
    return OctKey.import_key(CLIENT_SECRET)


@asynccontextmanager
async def small_provider() -> AsyncIterator[SmallProvider]:
    """Serve one on a free port."""
    provider = SmallProvider()
    async with served(provider.app()) as address:
        provider.issuer = address
        yield provider
