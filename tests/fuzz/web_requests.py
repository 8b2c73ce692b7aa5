"""What people and systems send to both web applications: every form, every page's address, the API, signed forms.

The applications run in a loop of their own: examples are chosen in a thread beside it.
"""

import asyncio
import json
import re
from collections.abc import Callable, Collection, Coroutine, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from hypothesis import strategies as st

from models.yayoi.case_links import key_of
from tests.fuzz.inputs import as_json, json_values, near_json, texts
from tests.fuzz.operations import EVENT, FORM, SAID
from tests.fuzz.target import FuzzTarget, in_japanese
from tests.hostile.people import STILL_OPEN, THIEF
from tests.hostile.target import Target
from tests.support.desk import DeskSite
from tests.support.web import SECRET, Browser, application
from web.common.problems import SYSTEMS

TEMPLATES = Path(__file__).parents[2] / "web" / "templates"
IN_PATHS = {
    "application_no": THIEF.application_no,
    "office_no": "1",
    "check_id": str(uuid4()),
    "invitation_id": str(THIEF.invitation_id),
    "account_id": "2",
    "action": "stop",
    "batch_no": "MB-000001",
    "client_id": "10002003010001",
    "case_no": THIEF.application_no,
    "part": "1",
    "operation": "add_note",
    "handle": "sk",
    "path": "namespaces",
}
SHOWN = frozenset({200, 303, 400, 401, 403, 404, 409, 410, 413, 422, 429, 503})
"""What a page may be shown with: 503 where Temporal or a case is asked that does not answer here."""


def fields_of_pages() -> list[str]:
    """Return the names of all fields that some page has."""
    found = set(SAID)
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text(encoding="utf-8")
        found |= set(re.findall(r'name="([a-z_]+)"', text)) | set(re.findall(r'page, "([a-z_]+)"', text))
    return sorted(found)


FIELDS = fields_of_pages()


def paths_of(app: FastAPI, method: str, *, people: bool) -> list[str]:
    """Return what an application answers: pages, or what other systems call."""
    contexts = iter_route_contexts(app.routes)
    paths = {str(each.path) for each in contexts if method in (each.methods or ()) and each.path}
    return sorted(path for path in paths if path.startswith(SYSTEMS) is not people)


def filled(path: str) -> str:
    """Return an address of this path, of the thief's own case or made up."""
    return re.sub(r"{(\w+)[^}]*}", lambda name: IN_PATHS.get(name[1], str(uuid4())), path)


def _sent(paths: Collection[str]) -> st.SearchStrategy[bytes]:
    values = texts.map(lambda text: text.encode("utf-8", "replace").decode())
    sent = st.dictionaries(
        st.sampled_from(FIELDS) | values, values | st.sampled_from(sorted(SAID.values())), max_size=8
    )
    return st.fixed_dictionaries({"path": st.sampled_from(sorted(paths)), "fields": sent}).map(as_json)


class WebRequests:
    """Both applications, before browsers that are signed in to neither, and one that is signed in to the desk."""

    def __init__(self, target: Target, desk: DeskSite) -> None:
        self._target, self._desk = target, desk
        self._loop = asyncio.get_running_loop()
        self._own_case = key_of(SECRET, THIEF.application_no, STILL_OPEN)

    @property
    def app(self) -> FastAPI:
        """The customers' application, for what reaches it by a port."""
        return self._target.app

    def targets(self) -> Iterator[FuzzTarget]:
        app, desk = self._target.app, self._desk.app
        yield self._one("forms", _sent(paths_of(app, "POST", people=True)), self._form)
        yield self._one("addresses", _sent(paths_of(app, "GET", people=True)), self._page)
        yield self._one("forms of the desk", _sent(paths_of(desk, "POST", people=True)), self._desk_form)
        yield self._one("addresses of the desk", _sent(paths_of(desk, "GET", people=True)), self._desk_page)
        said = near_json(application()) | near_json(EVENT) | near_json(FORM) | json_values
        calls = st.fixed_dictionaries(
            {"path": st.sampled_from(paths_of(app, "POST", people=False)), "body": said, "type": _types}
        )
        yield self._one("calls of systems", calls.map(as_json), self._call)
        yield self._one("signed forms", (near_json(FORM) | near_json(application())).map(as_json), self._signed_form)

    def _one(
        self, name: str, inputs: st.SearchStrategy[bytes], check: Callable[[bytes], Coroutine[Any, Any, None]]
    ) -> FuzzTarget:
        def wait(found: bytes) -> None:
            asyncio.run_coroutine_threadsafe(check(found), self._loop).result()

        return FuzzTarget(name, inputs, wait)

    async def _form(self, found: bytes) -> None:
        sent = json.loads(found)
        async with self._target.attacker() as attacker:
            await self._people(attacker.http, sent, self._address(sent["path"]))

    async def _desk_form(self, found: bytes) -> None:
        sent = json.loads(found)
        if not await self._desk.is_in():
            await self._desk.sign_in("tn")
        await self._people(self._desk.http, sent, filled(sent["path"]))

    async def _people(self, http: httpx.AsyncClient, sent: Any, address: httpx.URL | str) -> None:
        """A form is answered by a redirect, and the page that it leads to can be shown."""
        answer = await http.request("POST", address, data=sent["fields"])
        assert answer.status_code in SHOWN, (sent["path"], answer.status_code, answer.text[:500])
        if answer.status_code == HTTPStatus.SEE_OTHER:
            place = answer.headers["location"]
            assert place.startswith("/"), (sent["path"], place)
            _is_shown(sent["path"], await http.get(place))

    async def _page(self, found: bytes) -> None:
        sent = json.loads(found)
        async with self._target.attacker() as attacker:
            _is_shown(sent["path"], await attacker.http.get(self._address(sent["path"], sent["fields"])))

    async def _desk_page(self, found: bytes) -> None:
        sent = json.loads(found)
        if not await self._desk.is_in():
            await self._desk.sign_in("tn")
        address = httpx.URL(filled(sent["path"])).copy_merge_params(sent["fields"])
        _is_shown(sent["path"], await self._desk.http.get(address))

    def _address(self, path: str, fields: Any = None) -> httpx.URL:
        own = "" if not path.startswith(("/applications/", "/calendars/")) else f"?{self._own_case}"
        return httpx.URL(filled(path) + own).copy_merge_params(fields or {})

    async def _call(self, found: bytes) -> None:
        """Whatever a system sends is answered as OpenAPI says, and a refusal says in Japanese why."""
        sent = json.loads(found)
        async with self._target.attacker() as attacker:
            headers = {"content-type": sent["type"]} if sent["type"].isprintable() and sent["type"].isascii() else {}
            answer = await attacker.http.post(sent["path"], content=as_json(sent["body"]), headers=headers)
            await self._as_described(attacker.http, sent["path"], answer)

    async def _signed_form(self, found: bytes) -> None:
        async with self._target.attacker() as attacker:
            answer = await attacker.webhook(found, webhook_id=f"msg_{uuid4()}")
            await self._as_described(attacker.http, "/webhooks/forms", answer)

    async def _as_described(self, http: Browser, path: str, answer: httpx.Response) -> None:
        await self._target.forget_tries()
        described = (await http.get("/openapi.json")).json()["paths"][path]["post"]["responses"]
        assert str(answer.status_code) in described, (path, answer.status_code, answer.text[:500])
        assert answer.status_code not in {500, 503}, (path, answer.status_code, answer.text[:500])
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            problem = answer.json()
            in_japanese(problem["detail"])
            for error in problem["errors"]:
                in_japanese(error["message"])


_types = st.sampled_from(("application/json", "application/json", "text/plain", "", "application/json; charset=utf-16"))


def _is_shown(path: str, answer: httpx.Response) -> None:
    assert answer.status_code in SHOWN, (path, answer.status_code, answer.text[:500])
    if "text/html" in answer.headers.get("content-type", "") and answer.status_code != HTTPStatus.SEE_OTHER:
        in_japanese(answer.text)
