"""The security log: what an attack leaves behind, joined by request and client, and naming nobody."""

import json
import logging
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.actors import Actor, ActorKind
from models.common.api_keys import read_api_keys
from models.common.secret_keys import SecretKeys
from models.common.security_log import LOGGER, SecurityEvent, client_hash, security_event, write_to_stderr
from models.common.signing_keys import KeyPurpose
from tests.support.auth_app import PASSWORD
from tests.support.desk import desk_on, fill_operators
from tests.support.signing import customers_signer, operations_by
from tests.support.web import SECRET, Web, fill_registry, hidden_fields, web_on
from web.common.auth.api_keys import Systems
from web.common.request_ids import REQUEST_ID
from workers.commands.keys import new
from workers.settings import Settings

HANAKO = "b@example.co.jp"
KEY = "key-of-the-registry-0123456789-abcdef"
Line = dict[str, str | int]


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """What is written, whatever the level of all other logs."""
    written: list[Line] = []

    class Reading(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(json.loads(record.getMessage()))

    root, security, handler = logging.getLogger(), logging.getLogger(LOGGER), Reading()
    level = root.level
    root.setLevel(logging.CRITICAL)
    security.addHandler(handler)
    yield written
    security.removeHandler(handler)
    root.setLevel(level)


def of(lines: list[Line], event: SecurityEvent) -> list[Line]:
    return [line for line in lines if line["event"] == event]


async def test_what_strangers_try_on_the_customers_web_is_written_down(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, lines: list[Line]
) -> None:
    await fill_registry(sessions)
    systems = Systems(read_api_keys([f"registry:report:{KEY}"]))
    async with web_on(sessions, temporal.client, systems=systems) as web:
        answers = {
            "forged link": await web.http.get("/applications/YS-000001?until=20261231&key=0.forged"),
            "unknown key": await web.http.post("/api/events", json={}, headers={"Authorization": "Bearer guessed"}),
            "known key": await web.http.post("/api/events", json={}, headers={"Authorization": f"Bearer {KEY}"}),
            "not its scope": await web.http.post(
                "/api/applications", json={}, headers={"Authorization": f"Bearer {KEY}"}
            ),
            "foreign form": await web.http.request("POST", "/sign-in", headers={"sec-fetch-site": "cross-site"}),
        }
        ids = {what: answer.headers[REQUEST_ID] for what, answer in answers.items()}
        assert len(set(ids.values())) == len(ids)
        by_request = {line["request"]: line for line in lines}
        assert by_request[ids["forged link"]]["event"] == SecurityEvent.FORGED_LINK
        assert [by_request[ids[what]]["status"] for what in ("unknown key", "not its scope", "foreign form")] == [
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.FORBIDDEN,
        ]
        used = by_request[ids["known key"]]
        assert (used["event"], used["system"], used["scope"]) == (SecurityEvent.API_KEY, "registry", "report")
        await guesses(web, lines)
    assert {line["client"] for line in lines} == {client_hash(SECRET, "127.0.0.1")}
    assert {line["application"] for line in lines} == {"web"}
    text = json.dumps(lines, ensure_ascii=False)
    for secret in ("127.0.0.1", HANAKO, PASSWORD, KEY, "guessed", "0.forged", "20261231"):
        assert secret not in text


async def guesses(web: Web, lines: list[Line]) -> None:
    """Sign in, then guess until the limit; each guess of one account has the same hash."""
    await web.sign_in(HANAKO)
    [signed_in] = of(lines, SecurityEvent.LOG_IN)
    assert isinstance(signed_in["person_id"], int)
    web.http.cookies.clear()
    for _ in range(11):
        page = await web.http.get("/sign-in")
        await web.http.post("/sign-in", data=hidden_fields(page) | {"yayoi_id": HANAKO, "password": "Wrong1!aa"})
    wrong = of(lines, SecurityEvent.GUESS)
    assert len(wrong) == 10
    assert len({line["account"] for line in wrong}) == 1
    [limited] = of(lines, SecurityEvent.LIMITED)
    assert limited["limit"] == "guesses"


async def test_what_operators_do_is_written_down_by_their_handle(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, lines: list[Line]
) -> None:
    await fill_operators(sessions)
    async with desk_on(sessions, sender=operations_by(temporal.client, sessions, customers_signer)) as desk:
        await desk.sign_in("tn")
        await desk.http.post("/desk/operators/sk/roles", data={"roles": "supervisor"})
        used = await desk.http.request("POST", "/sign-in/link", data={"key": "used up"})
        await desk.http.post("/sign-out")
        await desk.sign_in("mr")
        assert (await desk.http.get("/desk/operators")).status_code == HTTPStatus.FORBIDDEN
    assert {line["application"] for line in lines} == {"desk"}
    assert [(line["outcome"], line["operator"], line["by"]) for line in of(lines, SecurityEvent.OPERATOR)] == [
        ("signed_in", "tn", "tn"),
        ("roles_changed", "sk", "tn"),
        ("signed_out", "tn", "tn"),
        ("signed_in", "mr", "mr"),
    ]
    refused = {line["request"]: line["status"] for line in of(lines, SecurityEvent.REFUSED)}
    assert refused[used.headers[REQUEST_ID]] == HTTPStatus.GONE
    assert HTTPStatus.FORBIDDEN in refused.values()


async def test_an_operation_and_a_key_are_written_down_outside_of_a_request_too(
    temporal: WorkflowEnvironment,
    sessions: async_sessionmaker[AsyncSession],
    lines: list[Line],
    database_url: str,
    tmp_path: Path,
) -> None:
    sender = operations_by(temporal.client, sessions, customers_signer)
    case = f"application/{uuid4()}"
    await sender.send(case, "withdraw", {}, Actor(ActorKind.APPLICANT, "YS-000001/1"), "the update's id")
    [operation] = of(lines, SecurityEvent.OPERATION)
    assert (operation["case"], operation["by"], operation["outcome"]) == (case, "applicant:YS-000001/1", "refused")
    settings = Settings(database_url=database_url, signing_keys_dir=tmp_path)
    await new(settings, KeyPurpose.AUDIT)
    await new(settings, KeyPurpose.AUDIT)
    first, second = (str(line["key"]) for line in of(lines, SecurityEvent.SIGNING_KEY))
    assert first != second
    assert all("request" not in line for line in lines)


def test_a_line_feed_in_what_is_written_begins_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger(LOGGER)
    before = log.handlers, log.propagate
    write_to_stderr()
    try:
        security_event(SecurityEvent.OPERATOR, "a\n{}", by="b\r\nforged", operator="\x1b[2K")
    finally:
        log.handlers, log.propagate = before
    [line] = capsys.readouterr().err.removesuffix("\n").splitlines()
    read = json.loads(line)
    assert (read["outcome"], read["by"], read["operator"]) == ("a\n{}", "b\r\nforged", "\x1b[2K")


def test_a_client_is_known_again_by_its_key_alone() -> None:
    one, other = SecretKeys("one key"), SecretKeys("another key")
    assert client_hash(one, "192.0.2.1") == client_hash(one, "192.0.2.1")
    assert len({client_hash(one, "192.0.2.1"), client_hash(one, "192.0.2.2"), client_hash(other, "192.0.2.1")}) == 3
