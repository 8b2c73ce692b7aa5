"""Each request has an id: the answer carries it, and so do the lines of the logs that are about it."""

from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.common.secret_keys import SecretKeys
from models.common.security_log import RequestFacts, answering, client_hash
from web.common.auth.rate_limits import client_address

REQUEST_ID = "X-Request-Id"


class RequestIds:
    """Give each request an id of our own: one that somebody sends could be another's, or say anything."""

    def __init__(self, app: ASGIApp, *, application: str, secret_keys: SecretKeys) -> None:
        self._app = app
        self._application = application
        self._secret_keys = secret_keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = client_hash(self._secret_keys, client_address(Request(scope)))
        facts = RequestFacts(uuid4().hex, self._application, client, self._secret_keys)

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID] = facts.request_id
            await send(message)

        with answering(facts):
            await self._app(scope, receive, with_id)
