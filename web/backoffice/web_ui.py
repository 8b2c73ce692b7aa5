"""The Temporal Web UI behind the operators' log-in: what only reads is passed on, *Send an Update* is answered here.

The Web UI asks for no log-in of its own, and nobody reaches it but by this. What it may be asked is listed in
`web_ui_routes.py`; everything else is refused with what to do instead.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.responses import StreamingResponse

from models.backoffice.case_places import case_no_of, desk_page_of
from models.common.operators import Area
from web.backoffice import web_ui_routes
from web.backoffice.desk import HOME, NOT_ALLOWED, Desk, DeskContext
from web.backoffice.web_ui_routes import API, CANCEL, CODEC, RENDER, SETTINGS, RouteDecision, Treatment
from web.backoffice.web_ui_updates import WebUiUpdates
from web.common.auth.access import local_path
from web.common.auth.operator_access import AccessRefusedError, SignedInOperator
from web.common.context import given
from web.common.problems import ProblemError
from web.common.sent_forms import SignInNeededError
from web.common.trusted_authorities import trusted_authorities

LOG_IN_AGAIN = "ログインが終了しています。この画面を読み込み直し、もう一度ログインしてください。"
NOT_HERE = (
    "Temporal Web UI のこの操作は使えません。案件の操作は、担当者の画面（{page}）で選ぶか、案件の画面の"
    "「More Actions」の「Send an Update」から送ってください。"
)
CANCEL_INSTEAD = (
    "「Request Cancellation」は使えません。手続きを取り消すときは、担当者の画面（{page}）で取り消しの操作を選び、"
    "理由を書いて送ってください。"
)
NO_PAGE = "Temporal Web UI に、このページはありません。最初の画面から、案件の一覧を開いてください。"
AWAY = "Temporal Web UI から応答がありません。しばらくしてから、もう一度お試しください。"
UNSAFE = "Temporal Web UI の応答に、案件の文を安全に表示するための指定がありません。技術担当者に連絡してください。"

_PATIENCE = httpx.Timeout(60, connect=5, pool=5)  # seconds
_FOR_NEWS = httpx.Timeout(60, connect=5, pool=5, read=None)
_SENT_ON = ("accept", "accept-encoding", "accept-language", "caller-type", "content-type", "if-modified-since", "range")
_GIVEN_BACK = (
    "accept-ranges",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "last-modified",
    "vary",
)
_PAGE_POLICY = (
    "frame-ancestors 'none'; frame-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'self'; "
    "object-src 'none'"
)
"""Beside what the Web UI's pages say about their own scripts."""
_POLICY = "content-security-policy"
_NEEDED = {"form-action 'none'", "frame-ancestors 'self'"}
_SANDBOX = {"sandbox", "allow-same-origin", "allow-popups", "allow-popups-to-escape-sandbox"}
"""What the frame of a case's text may do at most: neither scripts nor forms."""
_HASHED = "/_app/immutable/"
_BUTTONS = (
    "ActivityCommandsDisabled",
    "BatchActionsDisabled",
    "StartWorkflowDisabled",
    "WorkflowCancelDisabled",
    "WorkflowPauseDisabled",
    "WorkflowResetDisabled",
    "WorkflowSignalDisabled",
    "WorkflowTerminateDisabled",
)
"""The Web UI's switches for buttons whose calls are refused here. Those of an embedded server cannot be set there."""
_CODES = {
    HTTPStatus.BAD_REQUEST: 3,
    HTTPStatus.UNAUTHORIZED: 16,
    HTTPStatus.FORBIDDEN: 7,
    HTTPStatus.NOT_FOUND: 5,
    HTTPStatus.METHOD_NOT_ALLOWED: 12,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: 8,
    HTTPStatus.UNPROCESSABLE_ENTITY: 3,
    HTTPStatus.TOO_MANY_REQUESTS: 8,
    HTTPStatus.BAD_GATEWAY: 14,
    HTTPStatus.SERVICE_UNAVAILABLE: 14,
}
_INTERNAL = 13
_log = logging.getLogger(__name__)

Result = TypeVar("Result")
router = APIRouter(include_in_schema=False)


def call_refused(problem: ProblemError) -> JSONResponse:
    """Answer a call of the Web UI as its server does: its dialogs show the message."""
    said = {"code": _CODES.get(problem.status, _INTERNAL), "message": problem.detail}
    return JSONResponse(said, problem.status, headers=problem.headers)


@dataclass(frozen=True)
class WebUi:
    """The Web UI that nobody else reaches. `address` is where it listens; what it answers is passed on as it comes.

    `token` is what it calls Temporal with: the Web UI passes it on.
    """

    address: str
    updates: WebUiUpdates
    transport: httpx.AsyncBaseTransport
    token: str | None = None

    @classmethod
    def at(cls, address: str, updates: WebUiUpdates, token: str | None = None) -> "WebUi":
        # The transport itself: a client would keep the Web UI's cookies, follow what it redirects, and decode.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        transport = httpx.AsyncHTTPTransport(verify=trusted_authorities(), limits=limits)
        return cls(address.rstrip("/"), updates, transport, token)

    async def ask(self, request: Request, *, plainly: bool = False) -> httpx.Response:
        """Pass the request on: its method, its path and query as they were sent, and nothing that says who asks.

        `plainly`: ask for an answer that is not compressed.

        Raises:
            AccessRefusedError: the Web UI cannot be reached.

        """
        path, query = raw_path(request), request.scope["query_string"]
        target = path.encode("ascii") + (b"?" + query if query else b"")
        headers = {name: value for name in _SENT_ON if (value := request.headers.get(name)) is not None}
        token = secrets.token_hex(16)
        headers |= {"sec-fetch-site": "same-origin", "x-csrf-token": token, "cookie": f"_csrf={token}"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        if plainly:
            headers["accept-encoding"] = "identity"
        patience = _FOR_NEWS if web_ui_routes.waits_for_news(path, query.decode("ascii", "replace")) else _PATIENCE
        sent = httpx.Request(
            request.method,
            self.address,
            headers=headers,
            content=await request.body() or None,
            # An address is parsed, written anew and has a limit; a target is sent as it is.
            extensions={"timeout": patience.as_dict(), "target": target},
        )
        try:
            return await _while_there(request, self.transport.handle_async_request(sent))
        except httpx.HTTPError as error:
            _log.warning("the Temporal Web UI does not answer: %s", type(error).__name__)
            raise AccessRefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "ただいま表示できません", AWAY) from None

    async def close(self) -> None:
        await self.transport.aclose()


def raw_path(request: Request) -> str:
    """Return the path as it was sent. What is not ASCII in it is of no browser, and matches nothing."""
    path: bytes = request.scope["raw_path"]
    return path.partition(b"?")[0].decode("ascii", "replace")


@router.get("/")
async def root() -> Response:
    """Lead to the desk's own first page, which asks for a log-in."""
    return RedirectResponse(HOME, HTTPStatus.SEE_OTHER)


@router.get("/login")
async def log_in(request: Request, desk: Desk) -> Response:
    """Lead whom the Web UI sends to a log-in, which it does once its calls are refused for want of one, to ours."""
    if await desk.access.find(request) is not None:
        return RedirectResponse(HOME, HTTPStatus.SEE_OTHER)  # it is a role that is wanting, and that page says so
    there = urlsplit(request.query_params.get("returnUrl", ""))
    raise SignInNeededError(there=local_path(f"{there.path}?{there.query}" if there.query else there.path))


@router.api_route("/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def web_ui(request: Request, desk: Desk, web_ui: Annotated[WebUi, Depends(given(WebUi))]) -> Response:
    path = raw_path(request)
    who = await reader_of_cases(request, desk, calls=path.startswith(API))
    decision = web_ui_routes.decide(request.method, path)
    match decision.treatment:
        case Treatment.ANSWERED:
            namespace, workflow_id, operation = decision.segments
            return JSONResponse(
                await web_ui.updates.answer(who, namespace, workflow_id, operation, await request.body())
            )
        case Treatment.FORWARDED:
            if shown := web_ui_routes.workflow_in(path):
                await desk.readings.note(who.handle, who.roles, case_no_of(shown))
            return await _forwarded(request, desk, web_ui, path, who)
        case Treatment.REFUSED:
            raise _refused(decision, path, desk)


async def reader_of_cases(request: Request, desk: Desk, *, calls: bool) -> SignedInOperator:
    """Return who asks, if they may see the Web UI. `calls`: whether its program asks, or a person opens a page."""
    who = await desk.access.find(request)
    if who is None:
        if calls:
            raise ProblemError(HTTPStatus.UNAUTHORIZED, LOG_IN_AGAIN)
        raise SignInNeededError
    if not who.may_see(Area.WEB_UI):
        raise AccessRefusedError(HTTPStatus.FORBIDDEN, "権限がありません", NOT_ALLOWED.format(area=Area.WEB_UI.value))
    return who


def _refused(decision: RouteDecision, path: str, desk: DeskContext) -> ProblemError:
    page = desk.url + (desk_page_of(web_ui_routes.workflow_in(path) or "") or HOME)
    if decision.route == CANCEL:
        return ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, CANCEL_INSTEAD.format(page=page))
    if path.startswith(API):
        return ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, NOT_HERE.format(page=page))
    return ProblemError(HTTPStatus.NOT_FOUND, NO_PAGE)


async def _forwarded(request: Request, desk: Desk, web_ui: WebUi, path: str, who: SignedInOperator) -> Response:
    if path == SETTINGS:
        return await _settings(request, desk, web_ui, who)
    answer = await web_ui.ask(request)
    headers = {name: answer.headers[name] for name in _GIVEN_BACK if name in answer.headers}
    if path == RENDER:
        policy = answer.headers.get(_POLICY, "")
        if not _is_safe(policy):
            await answer.aclose()
            _log.error("the Temporal Web UI shows a case's text without the policy that makes it safe")
            raise AccessRefusedError(HTTPStatus.BAD_GATEWAY, "表示できません", UNSAFE)
        headers[_POLICY] = policy
    else:
        headers[_POLICY] = _PAGE_POLICY
    if path.startswith(_HASHED):  # what is at such an address never changes
        headers["cache-control"] = "private, max-age=31536000, immutable"
    return StreamingResponse(_content(answer), answer.status_code, headers)


async def _settings(request: Request, desk: Desk, web_ui: WebUi, who: SignedInOperator) -> Response:
    """Answer which buttons there are, none whose call would be refused; and that we decrypt what it shows."""
    answer = await web_ui.ask(request, plainly=True)
    try:
        settings: dict[str, Any] = json.loads(await answer.aread())
    except (ValueError, httpx.HTTPError):
        raise AccessRefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "ただいま表示できません", AWAY) from None
    finally:
        await answer.aclose()
    hidden = dict.fromkeys(_BUTTONS, True) | {"WorkflowUpdateDisabled": not who.may_change(Area.CASES)}
    codec = {"Endpoint": f"{desk.url}{CODEC}", "IncludeCredentials": True, "PassAccessToken": False}
    return JSONResponse({**settings, **hidden, "Codec": codec, "DisableNewsFetch": True})


def _is_safe(policy: str) -> bool:
    """Whether markup in a customer's text can neither run a script nor send a form, nor be shown on another site."""
    directives = [" ".join(each.split()) for each in policy.split(";")]
    sandboxes = [set(each.split()) for each in directives if each.split(" ")[0] == "sandbox"]
    return set(directives) >= _NEEDED and len(sandboxes) == 1 and sandboxes[0] <= _SANDBOX


async def _content(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Pass on what comes as it comes: compressed if it was."""
    try:
        async for part in answer.aiter_raw():
            yield part
    finally:
        await answer.aclose()


async def _while_there(request: Request, answer: Coroutine[Any, Any, Result]) -> Result:
    """Wait for the answer as long as the browser does: one that asks for news may have gone on to another page."""
    upstream, leaving = asyncio.ensure_future(answer), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((upstream, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not upstream.done():
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, AWAY)
        return upstream.result()
    finally:
        for each in (upstream, leaving):
            each.cancel()
        await asyncio.gather(upstream, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
