"""Forms that people send: each is answered by a redirect, so that neither Back nor reload sends anything again.

What was typed into a form that is refused, or that only leads on, is kept for an hour in Postgres. The page on which
the browser goes on shows it again, with what is wrong beside each field: its address holds the id of what was kept, and
a cookie proves that it is the browser that typed it. Secrets are not kept. A form that comes twice within seconds, as
after a double press, is handled once, and both are led to the same place.
"""

import hashlib
import posixpath
import re
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from jinja2.ext import Extension

from models.common.refusals import RefusedError
from models.common.secret_keys import SecretKeys
from models.common.store.sent_forms import SentFormStore
from web.common.cookies import Cookie
from web.common.page_form import LONGEST, PageForm, errors_by_field
from web.common.problems import ProblemError

SECRETS = frozenset({"password", "password_again", "password_confirmation", "code", "keyword"})
"""Fields that are never kept."""
_FORM_ID, _KEPT = "form_id", "kept"
_NOT_KEPT = SECRETS | {_FORM_ID, "link", "draft"}
MOST_KEPT = 48 * 1024
"""Characters that are kept of one form; the longest, with twenty pairs, has a quarter of it."""
LOST = (
    "入力された内容を表示できません。時間がたったか、ブラウザーが Cookie を受け付けない設定になっています。"
    "お手数ですが、もう一度入力してください。"
)
_SAID_ON_THE_FORM = {HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
"""Problems after which the form can still be sent; after others, a page of their own says what to do."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


class FormRefusedError(Exception):
    """A form cannot be taken as it is; its page says why, by field. "" is the form as a whole."""

    def __init__(
        self,
        errors: Mapping[str, str],
        status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY,
        page: str | None = None,
        instead: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`page`: which page shows the form again, if not the one that `form_on` says; `instead`: of what was sent."""
        super().__init__("the form is refused")
        self.errors = errors
        self.status = status
        self.page = page
        self.instead = instead


class SignInNeededError(Exception):
    """Only those who are signed in may come here; `place` is where that is done."""

    def __init__(self, place: str = "/sign-in", *, there: str | None = None) -> None:
        """`there`: where they are led afterwards, if not to what they have asked for."""
        super().__init__(place)
        self.place = place
        self.there = there


@dataclass(frozen=True)
class KeptForm:
    """What the browser has typed before it came to this page, and what is wrong with it; empty if nothing was."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    status: HTTPStatus = HTTPStatus.OK

    @property
    def leads_on(self) -> bool:
        """Whether something was sent with which nothing is wrong."""
        return bool(self.values) and not self.errors

    def value(self, path: str) -> str:
        return self.values.get(path, "")

    def page(self, labels: Mapping[str, str], **begun: str) -> PageForm:
        """Return the form as it was typed; a new one begins with the values that are given."""
        return PageForm(labels, begun | dict(self.values), self.errors, self.status)


@dataclass(frozen=True)
class _FormPage:
    place: str | None = "."
    carried: tuple[str, ...] = ()

    def address(self, request: Request, sent: Mapping[str, str]) -> str:
        """Return where the page is: with the form's own query, and the fields that its address holds."""
        path = posixpath.normpath(posixpath.join(request.url.path, self.place or "."))
        query = [(name, value) for name, value in parse_qsl(request.url.query) if name != _KEPT]
        query += [(name, sent[name]) for name in self.carried if sent.get(name)]
        return f"{path}?{urlencode(query)}" if query else path


def form_on(place: str | None, *carried: str) -> Callable[[Endpoint], Endpoint]:
    """Say on which page the form of a handler is, if not at its own path; "..": the path without its last part.

    None: it is on pages that do not show what was typed. `carried`: the fields that are in the page's address, such as
    the link that opened it.
    """

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.form_page = _FormPage(place, carried)  # type: ignore[attr-defined]
        return endpoint

    return mark


class PageRoute(APIRoute):
    """A route of pages. What its handlers of forms return or raise becomes a redirect."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        if "POST" not in (self.methods or ()):
            return handle

        async def answer(request: Request) -> Response:
            return await sent_forms(request).answer(request, handle)

        return answer


class SentForms:
    """Answers forms, and keeps what was typed. `closed` are errors that the page of a form says by itself."""

    def __init__(
        self,
        store: SentFormStore,
        *,
        secret_keys: SecretKeys,
        https: bool,
        limit: Callable[[Request], Awaitable[None]],
        closed: tuple[type[Exception], ...] = (),
        cookie: str = "forms",
    ) -> None:
        """`limit` counts a form that is kept, and raises `ProblemError` when one client has sent too many.

        `cookie`: of one web application; browsers send those of a host to all of its ports.
        """
        self._store = store
        self._secret_keys = secret_keys
        self._limit = limit
        self._closed = closed
        self._cookie = Cookie(cookie, https=https)

    async def answer(self, request: Request, handle: Handler) -> Response:
        """Handle a form once, however often it is pressed, and redirect whoever sent it."""
        press = self._press(request.url.path, await request.body())
        if press and (place := await self._store.claim(press)) is not None:
            return _see_other(place)
        try:
            response = await self._handled(request, handle)
        except Exception:
            if press:
                await self._store.release(press)
            raise
        if response.status_code != HTTPStatus.SEE_OTHER:
            raise TypeError(f"the form at {request.url.path} is not answered by a redirect")
        if press and "set-cookie" in response.headers:
            await self._store.release(press)  # a cookie is kept nowhere: the second press gets one of its own
        elif press:
            await self._store.settle(press, response.headers["location"])
        return response

    async def keep(
        self,
        request: Request,
        *,
        page: str | None = None,
        errors: Mapping[str, str] | None = None,
        status: HTTPStatus = HTTPStatus.OK,
        instead: Mapping[str, str] = MappingProxyType({}),
    ) -> Response:
        """Keep what was sent, and redirect to the page that shows it again: that of the form unless one is named.

        `page`: its path; its address holds the same as that of the form's page. `instead`: what is kept of some fields,
        whatever was sent.
        """
        await self._limit(request)
        sent = await _texts(request)
        form_page = _page_of(request)
        address = (replace(form_page, place=page) if page else form_page).address(request, sent)
        token = self._cookie.read(request) or secrets.token_urlsafe(32)
        path = address.partition("?")[0]
        form_id = await self._store.keep(
            _hash(token), path, _without_secrets({**sent, **instead}), errors or {}, status
        )
        response = _see_other(f"{address}{'&' if '?' in address else '?'}{_KEPT}={form_id}")
        if token != self._cookie.read(request):
            self._cookie.write(response, token)
        return response

    async def kept(self, request: Request, form_id: str) -> KeptForm:
        """Return what this browser has typed for this page under the id in its address."""
        try:
            row = await self._store.kept(UUID(form_id), _hash(self._cookie.read(request)), request.url.path)
        except ValueError:
            row = None
        if row is None:
            return KeptForm(errors={"": LOST})
        return KeptForm(row.values, row.errors, HTTPStatus(row.status))

    async def end(self, request: Request, response: Response) -> None:
        """Forget what this browser has typed: who uses it next may be somebody else."""
        if token := self._cookie.read(request):
            await self._store.forget_browser(_hash(token))
            self._cookie.delete(response)

    async def _handled(self, request: Request, handle: Handler) -> Response:
        try:
            return await handle(request)
        except FormRefusedError as refused:
            return await self.keep(
                request, page=refused.page, errors=refused.errors, status=refused.status, instead=refused.instead
            )
        except RefusedError as refused:
            errors = errors_by_field(refused.errors, _without_secrets(await _texts(request)))
            return await self.keep(request, errors=errors, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        except ProblemError as problem:
            if problem.status not in _SAID_ON_THE_FORM or _page_of(request).place is None:
                raise
            return await self.keep(request, errors={"": problem.detail}, status=problem.status)
        except SignInNeededError as needed:
            response = await self.keep(request)
            response.headers["location"] = sign_in_address(needed, response.headers["location"])
            return response
        except self._closed:
            return _see_other(_page_of(request).address(request, await _texts(request)))

    def _press(self, path: str, body: bytes) -> str | None:
        """Return what the same form has in common with this one; None for a form that has no number of its own."""
        if f"{_FORM_ID}=".encode() not in body:
            return None
        return self._secret_keys.digest(f"form:{path}:".encode() + body).hex()


class FormIds(Extension):
    """Give every form of a template that is sent a number of its own, by which a double press is known."""

    _begin = r'(<form\b[^>]*\bmethod="post"[^>]*>)'

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002
        return re.sub(self._begin, rf'\1<input type="hidden" name="{_FORM_ID}" value="{{{{ form_id() }}}}">', source)


def sent_forms(request: Request) -> SentForms:
    forms: SentForms = request.app.state.services[SentForms]
    return forms


async def _kept(request: Request, kept: Annotated[str, Query()] = "") -> KeptForm:
    return await sent_forms(request).kept(request, kept) if kept else KeptForm()


Forms = Annotated[SentForms, Depends(sent_forms)]
Kept = Annotated[KeptForm, Depends(_kept)]


def sign_in_address(needed: SignInNeededError, there: str) -> str:
    """Return where to sign in, and be led to `there` afterwards."""
    return f"{needed.place}?next={quote(there, safe='/')}"


def _page_of(request: Request) -> _FormPage:
    page: _FormPage = getattr(request.scope["endpoint"], "form_page", _FormPage())
    return page


async def _texts(request: Request) -> dict[str, str]:
    return {name: text for name, text in (await request.form()).items() if isinstance(text, str)}


def _without_secrets(sent: Mapping[str, str]) -> dict[str, str]:
    kept = {name: text[:LONGEST] for name, text in sent.items() if name not in _NOT_KEPT}
    return kept if sum(len(name) + len(text) for name, text in kept.items()) <= MOST_KEPT else {}


def _see_other(place: str) -> Response:
    return RedirectResponse(place, HTTPStatus.SEE_OTHER)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
