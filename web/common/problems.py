"""Saying what is wrong: `application/problem+json` (RFC 9457) for other systems, a plain page for people."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from itsdangerous import BadData
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from models.common.refusals import FieldError, RefusedError, in_japanese
from models.common.secret_keys import SecretKeys
from models.common.security_log import SecurityEvent, security_event
from web.common.possible_paths import PossiblePaths
from web.common.unexpected_errors import Unexpected

ProblemAnswer = Callable[[Request, Exception], Response]
PROBLEM_JSON = "application/problem+json"
SYSTEMS = ("/api/", "/webhooks/", "/codec/", "/healthz", "/readyz")
"""What the paths of other systems begin with; all else is pages, for people."""
UNREADABLE = FieldError(field="", message="JSON として読み取れません。")
_log = logging.getLogger(__name__)

_TITLES = {
    HTTPStatus.BAD_REQUEST: "読み取れませんでした",
    HTTPStatus.UNAUTHORIZED: "送信元を確認できません",
    HTTPStatus.FORBIDDEN: "もう一度お試しください",
    HTTPStatus.NOT_FOUND: "見つかりません",
    HTTPStatus.METHOD_NOT_ALLOWED: "この操作は受け付けていません",
    HTTPStatus.REQUEST_TIMEOUT: "時間がかかりすぎました",
    HTTPStatus.CONFLICT: "受け付けられません",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "送信された内容が大きすぎます",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "この形式では受け付けられません",
    HTTPStatus.UNPROCESSABLE_ENTITY: "入力内容に誤りがあります",
    HTTPStatus.SERVICE_UNAVAILABLE: "ただいま受け付けられません",
    HTTPStatus.TOO_MANY_REQUESTS: "しばらくお待ちください",
    HTTPStatus.INTERNAL_SERVER_ERROR: "処理できませんでした",
}
_NOTED = {
    HTTPStatus.UNAUTHORIZED: SecurityEvent.REFUSED,
    HTTPStatus.FORBIDDEN: SecurityEvent.REFUSED,
    HTTPStatus.GONE: SecurityEvent.REFUSED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: SecurityEvent.LIMITED,
    HTTPStatus.TOO_MANY_REQUESTS: SecurityEvent.LIMITED,
}
"""The answers that the security log is to have."""
_LATER = "しばらくしてから、同じ内容でもう一度お試しください。二重に受け付けることはありません。"
_DETAILS = {
    HTTPStatus.NOT_FOUND: "お探しのページはありません。リンク（URL）を確認してください。",
    HTTPStatus.METHOD_NOT_ALLOWED: "URL と送信方法を確認してください。",
    HTTPStatus.SERVICE_UNAVAILABLE: _LATER,
    HTTPStatus.INTERNAL_SERVER_ERROR: _LATER,
}


class Problem(BaseModel):
    """What went wrong, for other systems (RFC 9457)."""

    type: str = "about:blank"
    title: str = Field(examples=["入力内容に誤りがあります"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["1 件の項目を確認してください。"])
    errors: list[FieldError] = Field(default=[], description="項目ごとの理由（422 のとき）")


class ProblemError(Exception):
    """An answer that is a problem. `detail` says in Japanese what is wrong and what to do instead."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        errors: list[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        title: str | None = None,
        facts: Sequence[tuple[str, str]] = (),
    ) -> None:
        """`title`: unless the status says enough. `facts`: what to pass on to whoever can help, by its name."""
        super().__init__(detail)
        self.status = status
        self.title = title or _TITLES[status]
        self.detail = detail
        self.facts = facts
        self.errors = errors or []
        self.headers = dict(headers or {})
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.headers.setdefault("Retry-After", "30")


def problem_response(problem: ProblemError) -> JSONResponse:
    body = Problem(title=problem.title, status=problem.status, detail=problem.detail, errors=problem.errors)
    return JSONResponse(body.model_dump(), problem.status, media_type=PROBLEM_JSON, headers=problem.headers)


def answers(**descriptions: str) -> dict[int | str, dict[str, Any]]:
    """The problems a route may answer with, for OpenAPI: `answers(_404="…")`."""
    return {int(status[1:]): {"model": Problem, "description": text} for status, text in descriptions.items()}


def _everywhere(method: str) -> dict[str, Any]:
    """What any operation may be answered with, whatever it does."""
    said = {
        "405": "この URL では受け付けていない送信方法である",
        "500": "処理できなかった。もう一度送れば、二重に受け付けることはない",
        "503": "データベースが応答しない。Retry-After の秒数だけ待って、もう一度送る",
    }
    if method == "post":
        said |= {
            "408": "本文の送信に時間がかかりすぎた",
            "413": "本文が大きすぎる",
            "415": "Content-Type が違うか、付いていない",
        }
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {status: {"description": text, "content": {PROBLEM_JSON: problem}} for status, text in said.items()}


_PROBLEMS = ("/Problem", "/HTTPValidationError")
"""What our errors are in OpenAPI; readiness has an answer of its own."""


def describe_problems(app: FastAPI) -> None:
    """Let OpenAPI name the media type problems really have: FastAPI files every model under `application/json`."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            operations = [each for path in schema["paths"].values() for each in path.items()]
            for method, operation in operations:
                operation["responses"] = _everywhere(method) | operation["responses"]
                for response in operation["responses"].values():
                    content = response.get("content", {}).get("application/json", {})
                    if content.get("schema", {}).get("$ref", "").endswith(_PROBLEMS):
                        response["content"] = {PROBLEM_JSON: content}
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to change it


def answer_problems(
    app: FastAPI,
    templates: Jinja2Templates,
    secret_keys: SecretKeys,
    *,
    pages: Mapping[str, str],
    to_systems: Callable[[ProblemError], Response] = problem_response,
) -> ProblemAnswer:
    """Answer every error in Japanese, by `to_systems` to other systems and elsewhere by a page.

    `pages` is the template of that page for what the paths of each product's pages begin with, the longest first.
    Who sent a form is led to a page that says it: its address holds the signed text, so that it needs no database.
    Return what answers a problem, for middleware: no handler sees what is raised there.
    """
    signed = secret_keys.serializer("problem")

    def show(request: Request, problem: ProblemError) -> Response:
        facts = {"title": problem.title, "detail": problem.detail, "facts": problem.facts}
        page = pages[_place_of(request, pages)]
        return templates.TemplateResponse(request, page, facts, problem.status, headers=problem.headers)

    def answering(problem_of: Callable[[Any], ProblemError]) -> Callable[[Request, Exception], Response]:
        def handle(request: Request, error: Exception) -> Response:
            problem = problem_of(error)
            _note(request, problem)
            if request.url.path.startswith(SYSTEMS):
                return to_systems(problem)
            if request.method != "POST":
                return show(request, problem)
            said = signed.dumps([problem.status, problem.title, problem.detail, problem.facts, problem.headers])
            return RedirectResponse(f"{_place_of(request, pages)}/problem?said={said}", HTTPStatus.SEE_OTHER)

        return handle

    async def problem(request: Request) -> Response:
        try:
            status, title, detail, facts, headers = signed.loads(request.query_params.get("said", ""))
        except BadData:
            return show(request, _plain(HTTPStatus.NOT_FOUND))
        return show(request, ProblemError(HTTPStatus(status), detail, headers=headers, title=title, facts=facts))

    for place in pages:
        app.add_api_route(f"{place}/problem", problem, include_in_schema=False)

    answer = answering(lambda error: error)
    app.add_exception_handler(ProblemError, answer)
    app.add_exception_handler(RefusedError, answering(lambda error: _refusal(error.errors)))
    app.add_exception_handler(RequestValidationError, answering(lambda error: _refusal(_field_errors(error))))
    app.add_exception_handler(HTTPException, answering(_of_http_error))
    for away in (DBAPIError, PoolTimeoutError, OSError):
        app.add_exception_handler(away, answering(_of_away))
    app.add_middleware(PossiblePaths, answer=answering(lambda _: _plain(HTTPStatus.NOT_FOUND)))
    # Not a handler: those of `Exception` answer outside of every middleware, without the security headers.
    app.add_middleware(Unexpected, answer=answering(lambda _: _plain(HTTPStatus.INTERNAL_SERVER_ERROR)))
    return answer


def _note(request: Request, problem: ProblemError) -> None:
    if event := _NOTED.get(problem.status):
        where = {"method": request.method, "path": request.url.path}
        security_event(event, "refused", status=int(problem.status), **where)


def _place_of(request: Request, places: Collection[str]) -> str:
    """Return what the path begins with, of these; the empty one is last, and begins all."""
    return next(place for place in places if request.url.path.startswith(place))


def _plain(status: HTTPStatus) -> ProblemError:
    return ProblemError(status, _DETAILS[status])


def _refusal(errors: Sequence[FieldError]) -> ProblemError:
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{len(errors)} 件の項目を確認してください。", list(errors))


def _of_http_error(error: HTTPException) -> ProblemError:
    if error.status_code == HTTPStatus.BAD_REQUEST:  # FastAPI could not even decode the body
        return _refusal([UNREADABLE])
    status = HTTPStatus(error.status_code)
    status = status if status in _DETAILS else HTTPStatus.NOT_FOUND
    return ProblemError(status, _DETAILS[status], headers=error.headers)


_AWAY_CLASSES = frozenset({"08", "28", "3D", "40", "53", "57", "58"})
"""Of SQLSTATE: connections, log-ins, no such database, rolled back, no room or memory, an operator's doing (also our
time limits), the system."""
_AWAY_STATES = frozenset({"25006", "25P03", "25P04", "55000", "55P03"})
"""Read only, a transaction that waited or took too long, no connections allowed, a lock that was not to be had."""


def _of_away(error: Exception) -> ProblemError:
    """Return "later" for what the server says about itself; what it says about the statement is nobody's trouble."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    if isinstance(error, DBAPIError) and not _is_away(error, state):
        raise error
    _log.error("the database cannot be used now: %s %s", type(error).__name__, state or "")
    return _plain(HTTPStatus.SERVICE_UNAVAILABLE)


def _is_away(error: DBAPIError, state: str | None) -> bool:
    if state is None:  # no server has said anything
        return error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
    return state[:2] in _AWAY_CLASSES or state in _AWAY_STATES


def _field_errors(error: RequestValidationError) -> list[FieldError]:
    """One message per field; the field is its path in what was sent."""
    body = error.body
    kind = body.get("kind") if isinstance(body, dict) else None
    details = error.errors()
    if any(detail["type"] == "json_invalid" for detail in details):
        return [UNREADABLE]

    def path(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
        # "body" is FastAPI's and a kind in front is the union's: neither is part of what was sent.
        return loc[2:] if kind is not None and loc[1:2] == (kind,) else loc[1:]

    return in_japanese([{**detail, "loc": path(detail["loc"])} for detail in details])
