"""The Temporal Web UI behind the log-in: what is passed on and how, what is answered here, and what is refused."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import MessageToDict
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.operatorservice.v1 import service_pb2 as operator_service
from temporalio.api.update.v1 import Input, Meta
from temporalio.api.update.v1 import Request as UpdateRequest
from temporalio.api.workflowservice.v1 import UpdateWorkflowExecutionRequest
from temporalio.api.workflowservice.v1 import service_pb2 as workflow_service

from models.common.actors import Actor, ActorKind, Channel
from models.common.operators import Role
from models.yayoi.identifiers import ApplicationNo, office_workflow_id
from tests.support.desk import DESK, OPERATORS, DeskSite, desk_on, fill_operators
from tests.support.serving import served
from tests.support.web import CROSS_SITE, text_of
from tests.support.web_ui import SAFE, SmallWebUi, small_web_ui
from web.backoffice import web_ui_routes
from web.backoffice.web_ui import CANCEL_INSTEAD, LOG_IN_AGAIN, NOT_HERE, UNSAFE
from web.backoffice.web_ui_routes import API, CANCEL, CODEC, QUERY, ROUTES, UPDATE, Route, Treatment
from web.backoffice.web_ui_updates import NOT_ALLOWED, OTHER_NAMESPACE, OWN_UPDATE_ID
from web.common.operation_sender import NOT_KNOWN, Done, NotKnown, Refused
from workers.desk_server import LONGEST_REQUEST_HEAD

RECORDED = Path(__file__).with_name("web_ui_routes.txt")
CASE = "YS-000001/1"
PAGES = [
    "/",
    "/namespaces",
    "/namespaces/default/workflows",
    "/namespaces/default/workflows/YS-000001%2F1/0/user-metadata",
    "/nexus",
    "/select-namespace",
    "/import/events",
    "/render",
    "/_app/version.json",
    "/_app/immutable/entry/start.js",
    "/favicon.ico",
    "/i18n/en/common.json",
    "/api/v1/settings",
    "/auth/sso",
    "/auth/refresh",
    "/login",
    "/codec/decode",
    "/openapi",
    "/namespaces/default/%2e%2e/healthz",
    "/namespaces/default/a%2F..%2Fb",
    "/namespaces/default/a%252F..%252Fb",
    "/namespaces/default/a%5Cb",
    "/api/v1/namespaces/default/workflows/a/b/c",
    "/api/v2/cluster-info",
    "/api/v1/new-route",
]
"""Of the Web UI itself, and of nobody."""
PEOPLE = {
    "nobody": None,
    "caseworker": "sk",
    "supervisor": "tn",
    "auditor": "kn",
    "administrator": "ad",
    "no role": "mr",
}


@pytest_asyncio.fixture
async def web_ui() -> AsyncIterator[SmallWebUi]:
    async with small_web_ui() as web_ui:
        yield web_ui


@pytest_asyncio.fixture
async def site(sessions: async_sessionmaker[AsyncSession], web_ui: SmallWebUi) -> AsyncIterator[DeskSite]:
    await fill_operators(sessions)
    async with desk_on(sessions, web_ui=web_ui.address) as site:
        await site.change("tn", roles=[Role.SUPERVISOR])
        await site.add("ad", Role.ADMINISTRATOR)
        yield site


def place(path: str, *segments: str) -> str:
    """Return a path of a route with these segments, as a browser sends it."""
    for segment in segments:
        path = path.replace("{}", quote(segment, safe=""), 1)
    return path.replace("{}", "x")


def update(content: object, update_id: str = "", payloads: int = 1) -> bytes:
    """What the Web UI's dialog sends."""
    data = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    payload = Payload(metadata={"encoding": b"json/plain"}, data=data)
    request = UpdateRequest(meta=Meta(update_id=update_id), input=Input(args=Payloads(payloads=[payload] * payloads)))
    return json.dumps(MessageToDict(UpdateWorkflowExecutionRequest(request=request))).encode()


async def sent(site: DeskSite, content: object, operation: str = "add_note", **how: Any) -> dict[str, Any]:
    """Send an update as the dialog does; return what the dialog gets."""
    namespace = str(how.pop("namespace", "default"))
    answer = await site.http.post(
        place(UPDATE.path, namespace, CASE, operation),
        content=update(content, **how),
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["outcome"])


# Routes and roles --------------------------------------------------------------------------------------------------


def annotated() -> set[Route]:
    """Return every route of the services' HTTP annotations that the Web UI has."""
    services = [
        service
        for file in (workflow_service.DESCRIPTOR, operator_service.DESCRIPTOR)
        for service in file.services_by_name.values()
    ]
    routes = {route for service in services for method in service.methods for route in _routes_of(method)}
    return {route for route in routes if route.path.startswith(API)}


def _routes_of(method: MethodDescriptor) -> list[Route]:
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    found = []
    for each in (rule, *rule.additional_bindings):
        if (verb := each.WhichOneof("pattern")) is not None:
            parts = ["{}" if part.startswith("{") else part for part in getattr(each, verb).split("/")]
            found.append(Route(verb.upper(), "/".join(parts)))
    return found


def test_every_route_that_the_servers_services_have_is_named_and_no_other() -> None:
    assert len(ROUTES) == len(set(ROUTES))
    assert set(ROUTES) == annotated()
    assert {route for route in ROUTES if route.treatment is Treatment.ANSWERED} == {UPDATE}
    forwarded = {route for route in ROUTES if route.treatment is Treatment.FORWARDED and route.method != "GET"}
    assert forwarded == {QUERY}


def asked_of_each() -> list[tuple[str, str]]:
    """Every request that the recorded table has: each route, the same with other methods, and the Web UI's own."""
    routes = sorted(
        {(route.method, place(route.path, "default", CASE)) for route in ROUTES}, key=lambda each: each[::-1]
    )
    own = [(method, path) for path in PAGES for method in ("GET", "POST")]
    others = [(method, place(UPDATE.path, "default", CASE)) for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS")]
    return [*routes, ("HEAD", f"{API}/cluster-info"), *others, *own]


def recorded() -> dict[tuple[str, str], dict[str, str]]:
    lines = RECORDED.read_text(encoding="utf-8").splitlines()
    who = lines[0].split("\t")[2:]
    rows = [line.split("\t") for line in lines[1:]]
    return {(method, path): dict(zip(who, answers, strict=True)) for method, path, *answers in rows}


async def tried(site: DeskSite, web_ui: SmallWebUi, http: httpx.AsyncClient, method: str, path: str) -> str:
    """Say what became of a request: to whom it was passed on, or what was answered."""
    web_ui.asked.clear()
    site.operations.sent.clear()
    content = update({"reason": "-"}) if method == "POST" else None
    # Not by the client's own way to write addresses.
    url = httpx.URL(DESK).copy_with(raw_path=path.encode())
    assert url.raw_path.decode() == path
    answer = await http.request(method, url, content=content)
    if web_ui.asked:
        assert web_ui.last.path == path
        return "passed on"
    if site.operations.sent:
        return "sent"
    if answer.status_code == 303:
        return f"to {answer.headers['location'].partition('?')[0]}"
    if answer.status_code == 200 and path == f"{CODEC}/decode":
        return "answered"
    if answer.status_code == 200:
        return f"refused: {answer.json()['outcome']['failure']['message'].partition('。')[0]}"
    return str(answer.status_code)


@asynccontextmanager
async def signed_in(site: DeskSite, who: str) -> AsyncIterator[httpx.AsyncClient]:
    async with site.browser() as http:
        if (handle := PEOPLE[who]) is not None:
            await site.sign_in(handle, http)
        yield http


def test_the_recorded_table_has_every_request_and_every_role() -> None:
    table = recorded()
    assert list(table) == asked_of_each()
    assert all(list(answers) == list(PEOPLE) for answers in table.values())
    assert len(Role) == len(PEOPLE) - 2


@pytest.mark.long
@pytest.mark.parametrize("who", PEOPLE)
async def test_every_route_is_answered_to_every_role_as_recorded(site: DeskSite, web_ui: SmallWebUi, who: str) -> None:
    async with signed_in(site, who) as http:
        answers = {each: await tried(site, web_ui, http, *each) for each in asked_of_each()}
    expected = {each: answers[who] for each, answers in recorded().items()}
    assert {each: (answer, expected[each]) for each, answer in answers.items() if answer != expected[each]} == {}


@pytest.mark.parametrize("who", PEOPLE)
async def test_some_routes_are_answered_to_every_role_as_recorded(site: DeskSite, web_ui: SmallWebUi, who: str) -> None:
    some = [
        (route.method, place(route.path, "default", CASE))
        for route in (UPDATE, QUERY, CANCEL, Route("GET", f"{API}/namespaces/{{}}/workflows/{{}}/history"))
    ]
    some += [("GET", "/namespaces/default/workflows"), ("GET", "/render"), ("POST", "/render"), ("GET", "/auth/sso")]
    some += [("POST", f"{API}/namespaces/default/workflows/YS-000001%2F1/terminate"), ("GET", f"{API}/new-route")]
    expected = recorded()
    async with signed_in(site, who) as http:
        for each in some:
            assert await tried(site, web_ui, http, *each) == expected[each][who], each


# What is passed on -------------------------------------------------------------------------------------------------


async def test_a_request_is_passed_on_as_it_was_sent_without_who_asks(site: DeskSite, web_ui: SmallWebUi) -> None:
    await site.sign_in("sk")
    path = f"{API}/namespaces/default/workflows/YS-000001%2F1?execution.runId=1&query=%E6%9D%B1+%2B"
    answer = await site.http.get(
        path, headers={"authorization": "Bearer x", "x-forwarded-for": "1", "caller-type": "operator"}
    )
    assert answer.json() == {"asked": "for"}
    assert web_ui.last.path == path
    headers = web_ui.last.headers
    token = headers["x-csrf-token"]
    assert headers["cookie"] == f"_csrf={token}"
    assert headers["sec-fetch-site"] == "same-origin"
    assert headers["caller-type"] == "operator"
    known = {"host", "accept", "accept-encoding", "caller-type", "cookie", "sec-fetch-site", "x-csrf-token"}
    assert headers.keys() <= known
    assert site.http.cookies["desk"] not in str(web_ui.last)
    assert "set-cookie" not in answer.headers


async def test_a_query_of_a_case_is_passed_on_with_its_body(site: DeskSite, web_ui: SmallWebUi) -> None:
    await site.sign_in("kn")
    answer = await site.http.post(place(QUERY.path, "default", CASE, "__temporal_workflow_metadata"), json={"query": 1})
    assert answer.status_code == 200
    assert (web_ui.last.method, json.loads(web_ui.last.body)) == ("POST", {"query": 1})
    assert web_ui.last.headers["content-type"] == "application/json"


async def test_the_frame_of_a_cases_text_keeps_its_policy_and_is_refused_without_it(
    site: DeskSite, web_ui: SmallWebUi
) -> None:
    await site.sign_in("sk")
    shown = await site.http.get("/render?content=x")
    assert shown.headers["content-security-policy"] == SAFE
    for missing in (
        None,
        "default-src 'none'",
        SAFE.replace("sandbox", "upgrade"),
        SAFE.replace("form-action 'none'", "form-action 'self'"),
        SAFE.replace("frame-ancestors 'self'", "frame-ancestors *"),
        SAFE.replace("allow-popups;", "allow-popups allow-scripts;").replace("sandbox", "sandbox allow-scripts"),
        SAFE.replace("sandbox", "sandbox allow-forms"),
        SAFE + " sandbox allow-scripts",
    ):
        web_ui.policy = missing
        refused = await site.http.get("/render?content=x")
        assert refused.status_code == 502, missing
        assert UNSAFE in text_of(refused)
        assert "<p>\n" not in refused.text or "x" not in refused.text


async def test_a_page_of_the_web_ui_can_be_framed_by_nobody_and_calls_nobody_else(site: DeskSite) -> None:
    await site.sign_in("sk")
    policy = (await site.http.get("/namespaces/default/workflows")).headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "connect-src 'self'" in policy
    assert "default-src" not in policy  # the Web UI's page says about its scripts what it allows


async def test_buttons_whose_calls_are_refused_are_not_there(site: DeskSite) -> None:
    async def settings(who: str) -> dict[str, object]:
        async with site.browser() as http:
            await site.sign_in(who, http)
            return dict((await http.get("/api/v1/settings")).json())

    of_caseworker, of_auditor = await settings("sk"), await settings("kn")
    assert of_caseworker["Version"] == "2.54.1"
    assert of_caseworker["WorkflowCancelDisabled"] is of_caseworker["WorkflowTerminateDisabled"] is True
    assert of_caseworker["WorkflowUpdateDisabled"] is False
    assert of_auditor["WorkflowUpdateDisabled"] is True


async def test_without_the_web_ui_a_page_and_a_call_say_so(sessions: async_sessionmaker[AsyncSession]) -> None:
    await fill_operators(sessions)
    async with desk_on(sessions) as site:
        await site.sign_in("sk")
        page, call = await site.http.get("/namespaces"), await site.http.get(f"{API}/cluster-info")
        settings = await site.http.get("/api/v1/settings")
    assert page.status_code == call.status_code == settings.status_code == 503
    assert "Temporal Web UI から応答がありません" in text_of(page)
    assert call.json()["code"] == 14


@pytest.mark.parametrize(
    ("path", "query", "waits"),
    [
        ("/a/history", "waitNewEvent=true&execution.runId=1", True),
        ("/a/history", "wait_new_event=true", True),
        ("/a/history", "waitNewEvent=false", False),
        ("/a/nexus-operations/1/poll", "", True),
        ("/a/activities/1/outcome", "", True),
        ("/a/workflows", "", False),
    ],
)
def test_what_waits_for_news_has_no_read_limit(path: str, query: str, *, waits: bool) -> None:
    assert web_ui_routes.waits_for_news(path, query) is waits


async def test_a_request_line_has_room_for_a_cases_details_and_they_are_in_no_log(
    site: DeskSite, web_ui: SmallWebUi, caplog: pytest.LogCaptureFixture
) -> None:
    await site.sign_in("sk")
    caplog.set_level(logging.DEBUG)
    content = quote("佐藤弥生" * 5000)
    room = {"http": "h11", "h11_max_incomplete_event_size": LONGEST_REQUEST_HEAD}
    async with site.app.router.lifespan_context(site.app), served(site.app, **room) as address:
        headers, target = {"cookie": f"desk={site.http.cookies['desk']}"}, f"/render?content={content}".encode()
        async with httpx.AsyncClient(headers=headers) as http:
            assert (await http.get(address, extensions={"target": target})).status_code == 200
    assert web_ui.last.path == f"/render?content={content}"
    written = [f"{record.getMessage()} {record.args}" for record in caplog.records if record.name != "httpx"]
    assert any("/render" in line for line in written)
    assert not [line for line in written if content[:60] in line and "httpcore" not in line]


# What is refused ---------------------------------------------------------------------------------------------------


async def test_a_refused_call_says_what_to_do_in_the_dialogs_own_form(site: DeskSite) -> None:
    await site.sign_in("sk")
    office = office_workflow_id(ApplicationNo("YS-000001"), 2)
    page = f"{DESK}/desk/cases/YS-000001/2"
    cancel = await site.http.post(place(CANCEL.path, "default", office), json={})
    assert (cancel.status_code, cancel.json()) == (405, {"code": 12, "message": CANCEL_INSTEAD.format(page=page)})
    terminate = await site.http.post(f"{API}/namespaces/default/workflows/x/terminate", json={})
    assert (terminate.status_code, terminate.json()) == (
        405,
        {"code": 12, "message": NOT_HERE.format(page=f"{DESK}/desk")},
    )
    async with site.browser() as nobody:
        answer = await nobody.get(f"{API}/cluster-info")
        assert (answer.status_code, answer.json()) == (401, {"code": 16, "message": LOG_IN_AGAIN})


@pytest.mark.parametrize(
    "path",
    [
        "/namespaces/default/../../healthz",
        "/namespaces/default/./x",
        "/api/v1/namespaces/../cluster-info",
        "/api/v1/namespaces/default/workflows/%2e%2e",
        "/namespaces/default/%252e%252e/x",
        "/namespaces/default/a\\b",
        "/namespaces/default/é",
        "/namespaces/default/%zz",
        "/namespaces/default/a b",
        "/namespaces/default/x\n",
        "//namespaces/default",
        "namespaces/default",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_path_that_leads_up_or_can_be_read_in_two_ways_is_refused(method: str, path: str) -> None:
    assert web_ui_routes.decide(method, path).treatment is Treatment.REFUSED


async def test_a_refused_page_says_what_to_do_as_a_page(site: DeskSite) -> None:
    await site.sign_in("sk")
    assert "このページはありません" in text_of(await site.http.get("/auth/sso"))
    async with site.browser() as other:
        await site.sign_in("ad", other)
        page = await other.get("/namespaces/default/workflows")
    assert page.status_code == 403
    assert "Temporal Web UI" in text_of(page)
    assert "管理者に役割の追加を依頼してください" in text_of(page)


async def test_no_call_is_taken_from_another_site(site: DeskSite, web_ui: SmallWebUi) -> None:
    await site.sign_in("sk")
    for path in (place(UPDATE.path, "default", CASE), place(QUERY.path, "default", CASE)):
        answer = await site.http.post(path, content=update({"reason": "-"}), headers=CROSS_SITE)
        assert answer.status_code == 403
        assert answer.json()["code"] == 7
    assert web_ui.asked == []
    assert site.operations.sent == []


async def test_who_follows_a_link_comes_to_it_after_the_log_in(site: DeskSite) -> None:
    there = "/namespaces/default/workflows/YS-000001%2F1?query=%E6%9D%B1"
    answer = await site.http.get(there)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sign-in?next={quote(there, safe='/')}"
    login = await site.http.get("/login", params={"returnUrl": f"{DESK}{there}"})
    assert login.headers["location"] == f"/sign-in?next={quote(there, safe='/')}"
    elsewhere = await site.http.get("/login", params={"returnUrl": "https://elsewhere.test//elsewhere.test/x"})
    assert "elsewhere" not in elsewhere.headers["location"]
    await site.sign_in("mr")
    assert (await site.http.get("/login")).headers["location"] == "/desk"


# Send an Update ----------------------------------------------------------------------------------------------------


async def test_an_update_is_sent_as_who_is_logged_in_and_answered_in_the_web_uis_format(
    site: DeskSite, web_ui: SmallWebUi
) -> None:
    await site.sign_in("sk")
    site.operations.outcome = Done("記録しました。")
    outcome = await sent(site, {"reason": "お電話", "days": 3})
    [payload] = outcome["success"]["payloads"]
    assert payload["metadata"] == {"encoding": "anNvbi9wbGFpbg=="}
    site.operations.outcome = Done()
    assert await sent(site, {"reason": "お電話", "days": 3}) == {"success": {}}
    [first, second] = site.operations.sent
    actor = Actor(ActorKind.OPERATOR, "sk", ("caseworker",), Channel.WEB_UI)
    assert first[:4] == (CASE, "add_note", {"reason": "お電話", "days": 3}, actor)
    assert UUID(first[4]) != UUID(second[4])
    assert web_ui.asked == []


async def test_a_refusal_is_the_outcome_and_has_no_stack_trace(site: DeskSite) -> None:
    await site.sign_in("sk")
    site.operations.outcome = Refused("保留中の案件です。")
    failure = (await sent(site, {"reason": "-"}))["failure"]
    assert failure == {
        "message": "保留中の案件です。",
        "applicationFailureInfo": {"type": "Refused", "nonRetryable": True},
    }


async def test_what_may_have_been_taken_is_sent_again_under_the_same_id(site: DeskSite) -> None:
    await site.sign_in("sk")
    site.operations.outcome = NotKnown()
    assert (await sent(site, {"reason": "-"}))["failure"]["message"] == NOT_KNOWN
    await sent(site, {"reason": "another"})
    site.operations.outcome = Done()
    for _ in range(2):
        await sent(site, {"reason": "-"})
    ids = [update_id for *_, update_id in site.operations.sent]
    assert ids[0] == ids[2]
    assert len(set(ids)) == 3


async def test_an_auditor_and_another_namespace_send_nothing(site: DeskSite) -> None:
    async with site.browser() as auditor:
        await site.sign_in("kn", auditor)
        answer = await auditor.post(place(UPDATE.path, "default", CASE, "add_note"), content=update({"reason": "-"}))
        assert answer.json()["outcome"]["failure"]["message"] == NOT_ALLOWED
    await site.sign_in("sk")
    failure = (await sent(site, {"reason": "-"}, namespace="temporal-system"))["failure"]
    assert failure["message"] == OTHER_NAMESPACE
    assert site.operations.sent == []


@pytest.mark.parametrize(
    ("content", "payloads", "said"),
    [
        (b"", 1, "「Data」に何も書かれていません"),
        (None, 1, "「Data」に何も書かれていません"),
        ({}, 0, "「Data」に何も書かれていません"),
        ({}, 2, "「Data」に何も書かれていません"),
        (b"{", 1, "かっこ・引用符・カンマを確認してください"),
        (b"\xff", 1, "かっこ・引用符・カンマを確認してください"),
        (b"[" * 100_000, 1, "かっこ・引用符・カンマを確認してください"),
        (["reason"], 1, "{ で始まり } で終わる JSON を貼り付けてください"),
    ],
)
async def test_what_is_no_json_is_refused_in_japanese(
    site: DeskSite, content: object, payloads: int, said: str
) -> None:
    await site.sign_in("sk")
    content = content[:40_000] if isinstance(content, bytes) else content
    failure = (await sent(site, content, payloads=payloads))["failure"]
    assert said in failure["message"]
    assert site.operations.sent == []


async def test_an_update_id_that_was_made_up_is_refused_and_one_of_the_dialogs_button_is_taken(site: DeskSite) -> None:
    await site.sign_in("sk")
    failure = (await sent(site, {"reason": "-"}, update_id="佐藤さまの件"))["failure"]
    assert failure["message"] == OWN_UPDATE_ID
    given = str(uuid4())
    await sent(site, {"reason": "-"}, update_id=given)
    [(*_, update_id)] = site.operations.sent
    assert update_id == given


async def test_what_is_no_request_of_the_dialog_is_refused(site: DeskSite) -> None:
    await site.sign_in("sk")
    for content in (b"{", b"[]", b"\xff", b'{"request": 1}'):
        answer = await site.http.post(place(UPDATE.path, "default", CASE, "add_note"), content=content)
        assert "読み取れません" in answer.json()["outcome"]["failure"]["message"]
    assert site.operations.sent == []


def test_the_operators_of_these_tests_have_the_roles_that_are_said() -> None:
    assert OPERATORS["sk"][1] == [Role.CASEWORKER]
    assert OPERATORS["kn"][1] == [Role.AUDITOR]
    assert OPERATORS["mr"][1] == []
