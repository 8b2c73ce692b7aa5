"""HTTP's edges: HEAD wherever GET is, 405 and 415 in words, and all of it in the API's description."""

import gzip
import json
import re
from urllib.parse import quote
from uuid import uuid4

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from tests.fuzz.web_requests import filled
from tests.hostile.target import target_on
from tests.support.desk import desk_on, fill_operators
from tests.support.web import fill_registry, web_on
from tests.support.webhook_receiver import SECRET

EDGES = pytest.mark.robustness("edges of HTTP")
SIGNED = "/webhooks/forms"
FOR_SYSTEMS = ("/api/events", "/api/applications", "/api/evidence/check", "/api/bounces", SIGNED)
PAGES = ("/", "/apply", "/healthz", "/readyz", "/static/style.css", "/openapi.json", "/myics/sign-in", "/nowhere")


@EDGES
async def test_the_edges_of_http(sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> None:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client, form_secrets=(SECRET,)) as web:
        http = web.http
        for path in PAGES:
            asked, got = await http.head(path), await http.get(path)
            assert (asked.status_code, asked.content) == (got.status_code, b""), path
            assert asked.headers.get("content-type") == got.headers.get("content-type"), path
        for method, path in (
            ("HEAD", "/api/events"),
            ("PUT", "/apply"),
            ("DELETE", "/healthz"),
            ("PATCH", "/api/events"),
        ):
            assert (await http.request(method, path)).status_code == 405, path
        assert set((await http.delete("/healthz")).headers["allow"].split(", ")) == {"GET", "HEAD"}

        led = await http.post("/myics/batches/%00/stop", data={"reason": "x"})  # no database can be asked about NUL
        assert (led.status_code, led.url.path) == (404, "/myics/problem")

        body = json.dumps({"event_id": str(uuid4()), "kind": "x"})
        for path in FOR_SYSTEMS:
            for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/xml", "json"):
                answer = await http.post(path, content=body, headers={"content-type": kind} if kind else {})
                assert answer.status_code == 415, (path, kind)
                assert "Content-Type" in answer.json()["detail"]
            for coding in ("gzip", "deflate, br", "x-unknown"):
                headers = {"content-type": "application/json", "content-encoding": coding}
                answer = await http.post(path, content=gzip.compress(body.encode()), headers=headers)
                assert answer.status_code == 415, (path, coding)
                assert "圧縮せずに" in answer.json()["detail"]
            for kind in ("application/json", "Application/JSON; charset=utf-8", "application/vnd.books+json"):
                answer = await http.post(path, content=body, headers={"content-type": kind})
                assert answer.status_code == (401 if path == SIGNED else 422), (path, kind)

        described = (await http.get("/openapi.json")).json()
        for path, operations in described["paths"].items():
            for method, operation in operations.items():
                wanted = {"405", "500", "503"} | ({"408", "413", "415"} if method == "post" else set())
                assert wanted <= operation["responses"].keys(), path
        identifiers = re.findall(r'"pattern": "([^"]+)"', json.dumps(described))
        assert len(identifiers) > 3


@EDGES
@pytest.mark.long
async def test_every_path_of_both_applications_has_the_same_edges(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_operators(sessions)
    async with target_on(sessions, temporal.client) as target, desk_on(sessions) as desk, target.attacker() as attacker:
        await desk.sign_in("tn")
        for app, http in ((target.app, attacker.http), (desk.app, desk.http)):
            allowed: dict[str, set[str]] = {}
            for route in iter_route_contexts(app.routes):
                path = str(route.path)
                if route.methods and ":path" not in path:  # that is the Web UI's own, whatever it takes
                    with_head = {"HEAD"} if "GET" in route.methods else set()
                    allowed.setdefault(path, set()).update(route.methods | with_head)
            assert len(allowed) > 30
            for path, methods in allowed.items():
                address = filled(path)
                if "GET" in methods:
                    got, asked = await http.get(address), await http.head(address)
                    assert (asked.status_code, asked.content) == (got.status_code, b""), path
                refused = await http.request("TRACE", address)
                assert refused.status_code == 405, path
                taken = set(refused.headers["allow"].split(", "))
                assert methods <= taken, path  # of another path that fits as well, there may be more
                for method in {"GET", "POST", "PUT"} - taken:
                    answer = await http.request(method, address)
                    if method == "POST" and answer.status_code == 303:  # a page that says it, to people
                        continue
                    assert answer.status_code == 405, (method, path, answer.status_code)
                    assert set(answer.headers["allow"].split(", ")) == taken, (method, path)
                    assert "この操作は受け付けていません" in answer.text, (method, path)


NOWHERE = ("\0", "YS-000001\0", "2147483648", "9223372036854775808", "9" * 25, "-1", "x" * 300, "\u202e", "..", "%")
"""What a part of a path can be, though nothing is called so: some of it no database can be asked for."""


@EDGES
@pytest.mark.long
async def test_no_path_of_either_application_is_an_error(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    """Of a customer who has signed in, and of a supervisor."""
    await fill_operators(sessions)
    async with target_on(sessions, temporal.client) as target, desk_on(sessions) as desk, target.attacker() as attacker:
        await desk.sign_in("tn")
        await attacker.sign_in()
        for app, http in ((target.app, attacker.http), (desk.app, desk.http)):
            paths = {
                (str(route.path), method) for route in iter_route_contexts(app.routes) for method in route.methods or ()
            }
            in_parts = [(path, method) for path, method in sorted(paths) if "{" in path and ":path" not in path]
            assert len(in_parts) > 20
            for path, method in in_parts:
                for part in re.findall(r"{\w+[^}]*}", path):
                    for value in NOWHERE:
                        address = filled(path.replace(part, quote(value, safe="")))
                        answer = await http.request(method, address, data={"reason": "x"} if method == "POST" else None)
                        assert answer.status_code < 500, (method, address, answer.status_code)
                        await target.forget_tries()


async def test_neither_application_answers_the_others_paths(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    """Nor says to customers where operators work, or in which namespace; a supervisor is logged in here."""
    await fill_registry(sessions)
    await fill_operators(sessions)
    async with web_on(sessions, temporal.client) as web, desk_on(sessions) as desk:
        await desk.sign_in("tn")
        of_customers, of_operators = (
            {str(each.path) for each in iter_route_contexts(app.routes) if "GET" in (each.methods or ())}
            for app in (web.app, desk.app)
        )
        elsewhere = {path for path in of_operators - of_customers if ":path" not in path} | {
            "/operators",
            "/namespaces",
        }
        assert len(elsewhere) > 20
        for path in sorted(elsewhere):
            answer = await web.http.get(filled(path))
            assert answer.status_code == 404, path
            assert not {"namespace", "desk.test", "8233"} & set(re.findall(r"[\w.]+", answer.text)), path
        assert len(of_customers - of_operators) > 40
        for path in sorted(of_customers - of_operators):
            assert (await desk.http.get(filled(path))).status_code == 404, path
