"""HTTP's edges: HEAD wherever GET is, 405 and 415 in words, and all of it in the API's description."""

import json
import re
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from tests.support.web import fill_registry, web_on

EDGES = pytest.mark.robustness("edges of HTTP")
PAGES = ("/", "/apply", "/healthz", "/readyz", "/static/style.css", "/openapi.json", "/myics/sign-in", "/nowhere")


@EDGES
async def test_the_edges_of_http(sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> None:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client) as web:
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

        body = json.dumps({"event_id": str(uuid4()), "kind": "x"})
        for path in ("/api/events", "/api/applications", "/api/evidence/check", "/api/bounces"):
            for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/xml", "json"):
                answer = await http.post(path, content=body, headers={"content-type": kind} if kind else {})
                assert answer.status_code == 415, (path, kind)
                assert "Content-Type" in answer.json()["detail"]
            for kind in ("application/json", "Application/JSON; charset=utf-8", "application/vnd.books+json"):
                answer = await http.post(path, content=body, headers={"content-type": kind})
                assert answer.status_code == 422, (path, kind)

        described = (await http.get("/openapi.json")).json()
        for path, operations in described["paths"].items():
            for method, operation in operations.items():
                wanted = {"405", "500", "503"} | ({"408", "413", "415"} if method == "post" else set())
                assert wanted <= operation["responses"].keys(), path
        identifiers = re.findall(r'"pattern": "([^"]+)"', json.dumps(described))
        assert len(identifiers) > 3
