"""A worked example of a key management service: the transit engine of HashiCorp Vault, and of OpenBao.

The engine's key wraps our master keys, and never leaves it. Another service is another class with these two methods.
"""

import base64
import binascii
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from workers.master_keys import KMS_PATIENCE, KmsAwayError, MasterKeyError

_NOT_NOW = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
"""A service that is sealed, or has no leader yet, answers 503."""


class VaultTransit:
    """One key of the engine that is mounted at `transit`. What the service answers is in no message."""

    def __init__(self, address: str, key: str, token_file: Path) -> None:
        self._address = address.rstrip("/")
        self._key = key
        self._token_file = token_file

    async def wrap(self, key: bytes) -> str:
        """Return `vault:v1:…`. Raises `KmsAwayError` and `MasterKeyError`."""
        return str(await self._ask("encrypt", "ciphertext", {"plaintext": base64.b64encode(key).decode()}))

    async def unwrap(self, wrapped: str) -> bytes:
        """Return what is in `vault:v1:…`. Raises `KmsAwayError` and `MasterKeyError`."""
        try:
            return base64.b64decode(
                str(await self._ask("decrypt", "plaintext", {"ciphertext": wrapped})), validate=True
            )
        except binascii.Error:
            raise MasterKeyError(f"the key management service at {self._address} answered no key") from None

    async def _ask(self, what: str, wanted: str, body: dict[str, str]) -> Any:
        address = f"{self._address}/v1/transit/{what}/{self._key}"
        try:
            async with httpx.AsyncClient(timeout=KMS_PATIENCE.total_seconds(), trust_env=False) as http:
                answer = await http.post(address, json=body, headers={"x-vault-token": self._token()})
        except httpx.HTTPError as error:
            raise KmsAwayError(
                f"the key management service at {self._address} does not answer ({type(error).__name__})"
            ) from None
        if answer.status_code in _NOT_NOW or answer.is_server_error:
            raise KmsAwayError(f"the key management service at {self._address} answers {answer.status_code}")
        try:
            return answer.raise_for_status().json()["data"][wanted]
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError):
            raise MasterKeyError(
                f"the key management service at {self._address} refuses to {what} with {self._key} "
                f"({answer.status_code}): see that its token ({self._token_file}) may do so, and that the key is the "
                "one with which the master key was wrapped"
            ) from None

    def _token(self) -> str:
        try:
            return self._token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise MasterKeyError(f"TETSUZUKI_VAULT_TOKEN_FILE ({self._token_file}) cannot be read") from None
