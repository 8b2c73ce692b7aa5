"""Which other systems may use the API: those that know one of its keys, each by the name of its key."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from models.common.api_keys import ANONYMOUS, ApiKey, system_of
from web.common.problems import ProblemError, answers

UNKNOWN_KEY = "API キーが違うか、送られていません。Authorization: Bearer に、発行済みのものを付けてください。"
NOT_SET_UP = (
    "API は、まだ設定されていません。管理者は TETSUZUKI_API_KEYS に、相手のシステムごとの API キーを設定してください。"
    "キーなしで誰にでも使わせるときは、TETSUZUKI_API_OPEN を true にしてください。"
)
_bearer = HTTPBearer(auto_error=False, description="API キー（TETSUZUKI_API_KEYS のいずれか）")


class Systems:
    """The keys of the systems that may come in; without any, nobody may, unless the API is open to everybody."""

    def __init__(self, keys: Sequence[ApiKey], *, open_to_all: bool = False) -> None:
        self._keys = tuple(keys)
        self._open = open_to_all

    @property
    def only(self) -> dict[str, Any]:
        """How a router is included that is for these systems alone."""
        if self._open:
            return {"dependencies": [Depends(_anybody)]}
        return {"dependencies": [Depends(self._known)], "responses": answers(_401="API キーが違う")}

    async def refusal(self, request: Request) -> ProblemError | None:
        """Return why a request is refused, by its head alone; None if its system may come in."""
        if self._open:
            return None
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and system_of(self._keys, key.strip()):
            return None
        return self._unknown()

    async def _known(
        self, request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> None:
        system = system_of(self._keys, sent.credentials) if sent else None
        if system is None:
            raise self._unknown()
        request.state.system = system

    def _unknown(self) -> ProblemError:
        why = UNKNOWN_KEY if self._keys else NOT_SET_UP
        return ProblemError(HTTPStatus.UNAUTHORIZED, why, headers={"WWW-Authenticate": "Bearer"})


async def _anybody(request: Request) -> None:
    request.state.system = ANONYMOUS


def _calling_system(request: Request) -> str:
    return str(request.state.system)


CallingSystem = Annotated[str, Depends(_calling_system)]
"""The name of the system that sends a request, by its key."""
