"""Which other systems may use the API: those that know one of its keys."""

import hmac
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from web.common.problems import ProblemError, answers

UNKNOWN_KEY = "API キーが違うか、送られていません。Authorization: Bearer に、発行済みのものを付けてください。"
_bearer = HTTPBearer(auto_error=False, description="API キー（TETSUZUKI_API_KEYS のいずれか）")


class Systems:
    """The keys of the systems that may come in. Without any, whoever reaches the API may use it."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    @property
    def only(self) -> dict[str, Any]:
        """How a router is included that is for these systems alone."""
        if not self._keys:
            return {}
        return {"dependencies": [Depends(self._known)], "responses": answers(_401="API キーが違う")}

    async def _known(self, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
        typed = sent.credentials.encode() if sent else b""
        if not any(hmac.compare_digest(typed, key) for key in self._keys):
            raise ProblemError(HTTPStatus.UNAUTHORIZED, UNKNOWN_KEY, headers={"WWW-Authenticate": "Bearer"})
