"""Logging in by OpenID Connect: the code flow with PKCE, nonce and state; log-out here, there and from there.

Who somebody is, is what the provider's signed token says: its issuer and their `sub`, never a mail address.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx2
import jmespath
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client.errors import MismatchingStateError
from authlib.integrations.starlette_client import OAuth
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from starlette.requests import Request
from starlette.responses import Response

from models.common.operators import Role
from models.common.store.operators import ProviderIdentity
from web.common.auth.operator_access import AccessRefusedError, EndedAtProvider, logout_token_hash
from web.common.trusted_authorities import trusted_authorities

BACK_CHANNEL_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""How a provider may sign. Not `none`, and nothing that is verified with a secret that others share."""
_LEEWAY = 60
"""Seconds by which the provider's clock may be another."""
_ANSWERS_WITHIN = 10.0  # seconds
_KEYS_AGAIN_AFTER = 60.0  # seconds: whoever sends tokens with made-up keys does not make us ask the provider each time
_log = logging.getLogger(__name__)

_AGAIN = "お手数ですが、ログイン画面からもう一度お試しください。"
CANCELLED = f"ログインのサービスで、ログインが完了しませんでした。{_AGAIN}"
BROKEN_OFF = (
    "ログインの手続きを確認できませんでした。時間がたちすぎたか、別の画面で始められた手続きです。"
    f"{_AGAIN}ブラウザーの Cookie が無効のときは、有効にしてください。"
)
NOT_VERIFIED = f"ログインのサービスの応答を確認できませんでした。{_AGAIN}繰り返すときは、管理者に連絡してください。"
AWAY = "ログインのサービスに接続できませんでした。しばらくしてから、もう一度お試しください。"
SECOND_FACTOR = (
    "ログインには、パスワードに加えて、もう 1 つの方法での本人確認が必要です。"
    "ログインのサービスで二段階認証を設定してから、もう一度お試しください。"
)


@dataclass(frozen=True)
class OpenIdSettings:
    """How the provider is reached, and what is asked of it."""

    issuer: str
    client_id: str
    client_secret: str
    scope: str = "openid"
    roles_claim: str | None = None
    """A JMESPath into the ID token, such as `realm_access.roles`; None: roles are in the operators' table."""
    acr_values: Sequence[str] = ()
    """One of these is required as `acr`, if there are any."""
    amr_values: Sequence[str] = ()
    """One of these is required in `amr`, if there are any."""


@dataclass(frozen=True)
class ProvenIdentity:
    """Whom the provider has logged in."""

    identity: ProviderIdentity
    roles: frozenset[Role] | None
    provider_session: str | None
    id_token: str


class LogoutTokenError(Exception):
    """A log-out that cannot be verified; the message is for the provider's log."""


class OpenIdProvider:
    """One provider. It is asked for its addresses and keys when they are first needed."""

    def __init__(self, settings: OpenIdSettings, redirect_uri: str) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._client = OAuth().register(
            "desk",
            server_metadata_url=f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            client_kwargs={
                "scope": settings.scope,
                "code_challenge_method": "S256",
                "timeout": _ANSWERS_WITHIN,
                "verify": trusted_authorities(),
                # By http it is on this machine, and the environment's proxy is for addresses of others.
                "trust_env": settings.issuer.startswith("https:"),
            },
        )
        self._keys_read_at = -_KEYS_AGAIN_AFTER

    @property
    def issuer(self) -> str:
        return self._settings.issuer

    @property
    def gives_roles(self) -> bool:
        """Whether roles are the provider's to give: then each log-in brings them."""
        return self._settings.roles_claim is not None

    async def redirect(self, request: Request) -> Response:
        """Send the browser to the provider. State, nonce and verifier wait in a signed cookie of this browser."""
        await self._metadata()
        asked = {"acr_values": " ".join(self._settings.acr_values)} if self._settings.acr_values else {}
        response: Response = await self._client.authorize_redirect(request, self._redirect_uri, **asked)
        return response

    async def identity(self, request: Request) -> ProvenIdentity:
        """Return whom the provider sends back. Raises `AccessRefusedError`, also when it has let nobody in."""
        await self._metadata()
        if request.query_params.get("iss", self.issuer) != self.issuer:  # RFC 9207: the answer of another provider
            raise _refused(NOT_VERIFIED)
        try:
            token = await self._client.authorize_access_token(
                request,
                leeway=_LEEWAY,
                claims_options={
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._settings.client_id},
                },
            )
        except MismatchingStateError:
            raise _refused(BROKEN_OFF, HTTPStatus.BAD_REQUEST) from None
        except AuthlibBaseError as error:
            _log.warning("the OpenID provider has let nobody in: %s", error.error)
            raise _refused(CANCELLED) from None
        except httpx2.HTTPError as error:
            raise _away(error) from None
        except (JoseError, ValueError, KeyError, TypeError, RuntimeError) as error:
            # The type only: a token's text names a person.
            _log.warning("the OpenID provider's token is refused: %s", _kind(error))
            raise _refused(NOT_VERIFIED) from None
        claims, id_token = token.get("userinfo"), token.get("id_token")
        if not claims or not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise _refused(NOT_VERIFIED)
        self._check_second_factor(claims)
        session = claims.get("sid")
        return ProvenIdentity(
            ProviderIdentity(self.issuer, claims["sub"]),
            self._roles(claims),
            session if isinstance(session, str) else None,
            id_token,
        )

    async def end_session_url(self, id_token: str | None, back_to: str) -> str | None:
        """Return where a browser ends its session at the provider; None if the provider offers no such thing."""
        metadata = await self._metadata()
        if "end_session_endpoint" not in metadata:
            return None
        made = await self._client.create_logout_url(
            post_logout_redirect_uri=back_to, id_token_hint=id_token, client_id=self._settings.client_id
        )
        url: str = made["url"]
        return url

    async def ended(self, logout_token: str) -> EndedAtProvider:
        """Read a log-out that the provider sends by itself (OpenID Connect Back-Channel Logout 1.0, 2.6).

        Raises:
            LogoutTokenError: it is not the provider's, not for us, too old, or no log-out.

        """
        try:
            token = await self._verified(logout_token)
            jwt.JWTClaimsRegistry(
                leeway=_LEEWAY,
                iss={"essential": True, "value": self.issuer},
                aud={"essential": True, "value": self._settings.client_id},
                iat={"essential": True},
                exp={"essential": True},
                jti={"essential": True},
                events={"essential": True},
            ).validate(token.claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise LogoutTokenError(_kind(error)) from None
        claims = token.claims
        kind = str(token.header.get("typ", "JWT")).lower().removeprefix("application/")
        if kind not in {"jwt", "logout+jwt"}:
            raise LogoutTokenError("typ")
        if not isinstance(claims["events"], dict) or not isinstance(claims["events"].get(BACK_CHANNEL_LOGOUT), dict):
            raise LogoutTokenError("events")
        if "nonce" in claims:  # an ID token is no log-out
            raise LogoutTokenError("nonce")
        named = {name: claims[name] for name in ("sub", "sid") if claims.get(name) is not None}
        if not named or not all(isinstance(value, str) and value for value in (*named.values(), claims["jti"])):
            raise LogoutTokenError("sub or sid")
        until = datetime.fromtimestamp(claims["exp"], UTC) + timedelta(seconds=2 * _LEEWAY)
        return EndedAtProvider(named.get("sub"), named.get("sid"), logout_token_hash(self.issuer, claims["jti"]), until)

    async def _verified(self, token: str) -> jwt.Token:
        signatures = JWSRegistry(algorithms=self._signatures(await self._metadata()), strict_check_header=False)
        try:
            return jwt.decode(token, await self._keys(), registry=signatures)
        except InvalidKeyIdError:
            return jwt.decode(token, await self._keys(again=True), registry=signatures)

    async def _keys(self, *, again: bool = False) -> KeySet:
        again = again and time.monotonic() - self._keys_read_at >= _KEYS_AGAIN_AFTER
        if again:
            self._keys_read_at = time.monotonic()
        try:
            return KeySet.import_key_set(await self._client.fetch_jwk_set(force=again))
        except httpx2.HTTPError as error:
            raise _away(error) from None

    async def _metadata(self) -> Mapping[str, Any]:
        """Return what the provider says of itself. Raises `AccessRefusedError` if it cannot, or is another one."""
        try:
            metadata: dict[str, Any] = await self._client.load_server_metadata()
        except (httpx2.HTTPError, ValueError) as error:
            raise _away(error) from None
        if metadata.get("issuer") != self.issuer:
            self._client.server_metadata.clear()
            _log.error("TETSUZUKI_OIDC_ISSUER is not what the provider calls itself")
            raise _refused(NOT_VERIFIED, HTTPStatus.SERVICE_UNAVAILABLE)
        metadata["id_token_signing_alg_values_supported"] = self._signatures(metadata)
        return metadata

    @staticmethod
    def _signatures(metadata: Mapping[str, Any]) -> list[str]:
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        return [each for each in SIGNATURES if each in offered]

    def _check_second_factor(self, claims: Mapping[str, Any]) -> None:
        acr, amr = self._settings.acr_values, self._settings.amr_values
        used = claims.get("amr") or []
        if (acr and claims.get("acr") not in acr) or (amr and not set(amr) & {str(each) for each in used}):
            raise AccessRefusedError(HTTPStatus.FORBIDDEN, "本人確認が足りません", SECOND_FACTOR)

    def _roles(self, claims: Mapping[str, Any]) -> frozenset[Role] | None:
        if self._settings.roles_claim is None:
            return None
        found = jmespath.search(self._settings.roles_claim, dict(claims))
        names = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        return Role.known([name for name in names if isinstance(name, str)])


def _refused(detail: str, status: HTTPStatus = HTTPStatus.FORBIDDEN) -> AccessRefusedError:
    return AccessRefusedError(status, "ログインできませんでした", detail)


def _away(error: Exception) -> AccessRefusedError:
    _log.error("the OpenID provider cannot be asked: %s", type(error).__name__)
    return AccessRefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "ログインできませんでした", AWAY)


def _kind(error: Exception) -> str:
    """Return what is wrong, without what was sent: of a claim, its name."""
    claim = getattr(error, "claim", None)
    return f"{type(error).__name__}{f' ({claim})' if isinstance(claim, str) else ''}"
