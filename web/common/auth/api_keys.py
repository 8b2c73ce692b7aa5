"""Which other systems may use the API, by keys: each key has a name, and scopes."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from models.common.api_keys import ANONYMOUS, ApiKey, Scope, key_sent
from models.common.security_log import SecurityEvent, security_event
from web.common.problems import ProblemError, answers

UNKNOWN_KEY = "API キーが違うか、送られていません。Authorization: Bearer に、発行済みのものを付けてください。"
NOT_SET_UP = (
    "API は、まだ設定されていません。管理者は TETSUZUKI_API_KEYS に、相手のシステムごとの API キーを設定してください。"
    "キーなしで誰にでも使わせるときは、TETSUZUKI_API_OPEN を true にしてください。"
)
NOT_IN_SCOPE = (
    "この API キー（{system}）は、この操作には使えません。{scope} を許可した API キーを、管理者に依頼してください。"
)
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
_SCOPE = "api_scope"
_REFUSED = "許可されていない操作です"
_bearer = HTTPBearer(auto_error=False, description="API キー（TETSUZUKI_API_KEYS のいずれか）")


def needs(scope: Scope) -> Callable[[Endpoint], Endpoint]:
    """Mark what answers a path of the API with the scope that its caller's key needs; unmarked, no key opens it."""

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _SCOPE, scope)
        return endpoint

    return mark


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
        refusals = answers(_401="API キーが違う", _403="API キーに、この操作が許可されていない")
        return {"dependencies": [Depends(self._known)], "responses": refusals}

    async def refusal(self, request: Request) -> ProblemError | None:
        """Return why a request is refused, by its head alone; None if its system may come in."""
        if self._open:
            return None
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and key_sent(self._keys, key.strip()):
            return None
        return self._unknown()

    async def _known(
        self, request: Request, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> None:
        key = key_sent(self._keys, sent.credentials) if sent else None
        if key is None:
            raise self._unknown()
        scope = getattr(request.scope["endpoint"], _SCOPE, None)
        if scope not in key.scopes:
            raise ProblemError(HTTPStatus.FORBIDDEN, NOT_IN_SCOPE.format(system=key.name, scope=scope), title=_REFUSED)
        security_event(SecurityEvent.API_KEY, "done", system=key.name, scope=scope, path=request.url.path)
        request.state.system = key.name

    def _unknown(self) -> ProblemError:
        why = UNKNOWN_KEY if self._keys else NOT_SET_UP
        return ProblemError(HTTPStatus.UNAUTHORIZED, why, headers={"WWW-Authenticate": "Bearer"})


async def _anybody(request: Request) -> None:
    request.state.system = ANONYMOUS


def _calling_system(request: Request) -> str:
    return str(request.state.system)


CallingSystem = Annotated[str, Depends(_calling_system)]
"""The name of the system that sends a request, by its key."""
