"""One customer goes through all pages; after that nothing of anybody is in the logs, or in Temporal."""

import getpass
import json
import logging
import os
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from google.protobuf.message import Message
from pydantic import SecretStr
from sqlalchemy import text
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from models.backoffice.data_map_document import DATA_MAP
from models.common.acting import SYSTEM
from models.common.actors import Actor, ActorKind
from models.common.calendar import day_in_japan
from models.common.possible_operations import CASE_NOW
from models.tables import YayoiIdRow
from models.yayoi.store.enquiries import Enquiries
from tests.support.customer import AIR, BANK, GROUP, SUPPORT_PASSWORD, Customer, customer_after_notice
from tests.support.databases import new_database
from tests.support.encryption import MASTER, decrypt
from tests.support.environment import OFFICE_C, TARO, details_of
from tests.support.journals import JOURNAL_OF_TESTS
from tests.support.mapped_json import MAPPED, beyond, written_keys
from tests.support.running_commands import settings_of
from tests.support.scanning import found_in
from tests.support.serving import served
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import PASSWORD, SAME_ORIGIN, Browser, until
from workers import database
from workers.commands.diagnose import diagnose, diagnosis
from workers.setting_types import is_secret
from workers.settings import Settings
from workers.stack.checks import free_port

HANAKO, FRIEND, ASKER, STRANGER, SAVER = (
    f"{name}@betsu.example.jp" for name in ("hanako", "tomo", "tazune", "shiranai", "nokosu")
)
REGISTRATION = {
    "family_name": "蜂須賀",
    "given_name": "花乃子",
    "yayoi_id": HANAKO,
    "yayoi_id_confirmation": HANAKO,
    "password": "Hana-no-9!",
    "password_confirmation": "Hana-no-9!",
    "terms": "true",
}
ENQUIRY = {"contract_id": "8871304", "name": "多津音", "mail_address": ASKER, "text": "電話は 03-5555-0199 です"}
OTHER_ACCOUNT = "よその銀行 普通 5550199"
OPERATORS = {"佐藤", "鈴木", "田中", "藤井", "高橋"}
"""What those who are in charge of cases are called: cases know their handles."""
TRIED = "My-real-password-1"
"""Typed at the sign-in by somebody who has none here."""


@dataclass
class Life:
    """What was done, and everything that nobody else may read of it."""

    customer: Customer
    lines: list[str]
    people: set[str] = field(default_factory=set)
    """Names, addresses, telephone numbers."""
    keys: set[str] = field(default_factory=set)
    """Passwords, codes, tokens, and the keys in links."""
    accounts: set[str] = field(default_factory=set)
    """Services, as their customers call them: with the numbers of accounts."""


class _Lines(logging.Handler):
    """Keeps each line as it would be written, with its traceback."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(("httpx", "httpcore", "mail.log")):  # the tests' own browser and mail server
            self.lines.append(self.format(record))


@pytest_asyncio.fixture(scope="module")
async def life(postgres_socket: Path, temporal: WorkflowEnvironment) -> AsyncIterator[Life]:
    """Live it once: on the database as processes reach it, and on a real port with its access log."""
    kept = _Lines()
    with _kept(kept):
        async with new_database(postgres_socket, "migrated") as url, SmtpInbox().listening() as mails:
            engine = database.engine(Settings(database_url=url))
            async with customer_after_notice(
                database.sessions(engine, MASTER, JOURNAL_OF_TESTS), temporal, mails
            ) as customer:
                life = Life(customer, kept.lines)
                async with (
                    served(customer.web.app) as address,
                    Browser(base_url=address, timeout=60, headers=SAME_ORIGIN) as http,
                ):
                    customer.web.http = http
                    await _live(life, http, mails)
                    yield life
            await engine.dispose()


@contextmanager
def _kept(lines: _Lines) -> Iterator[None]:
    """Let every line of the log be kept, as a process at its usual level would write it."""
    loggers = [logging.getLogger(), logging.getLogger("uvicorn.access")]
    levels = [logger.level for logger in loggers]
    loggers[0].addHandler(lines)
    for logger in loggers:
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        loggers[0].removeHandler(lines)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


async def _live(life: Life, http: httpx.AsyncClient, mails: SmtpInbox) -> None:
    customer = life.customer
    issued = customer.issued
    life.people |= {
        issued.yayoi_id,
        TARO,
        HANAKO,
        FRIEND,
        ASKER,
        STRANGER,
        SAVER,
        "蜂須賀",
        "花乃子",
        "多津音",
        "03-5555-0199",
    }
    life.people |= {issued.registered_name, "弥生 太郎", "弥生　太郎", GROUP["group_name"], "ヤヨイ", "0312345678"}
    life.keys |= {REGISTRATION["password"], PASSWORD, SUPPORT_PASSWORD, TRIED, "argon2"}

    # STEP2, with a wrong code first.
    begun = await customer.web.send("/register", REGISTRATION)
    place = begun.headers["location"]
    [code] = re.findall(r"^　(\d{6})\s*$", await _mailed(mails, HANAKO), re.MULTILINE)
    life.keys.add(code)
    for typed in (f"{(int(code) + 1) % 10**6:06}", code):
        await customer.web.send(place, {"code": typed}, action=place)
    assert (await http.get(place)).headers["location"] == f"{place}/done"

    # The sign-in, tried in vain and then with the password; STEP5 and STEP6.
    for yayoi_id in (STRANGER, HANAKO):
        failed = await customer.web.send("/sign-in", {"yayoi_id": yayoi_id, "password": TRIED})
        assert failed.status_code == 422
    await customer.finish_set_up()
    life.keys.add(http.cookies["session"])

    # One service linked again, and its day corrected; another system reports one that is unknown.
    life.accounts |= {BANK, AIR, BANK.rpartition(" ")[2], OTHER_ACCOUNT}
    day = day_in_japan(datetime.now(UTC)).isoformat()
    assert (await customer.record_relink(BANK, relinked_on=day, asked_from="")).status_code == 303
    corrected = {"relinked_on": day, "asked_from": "2026-10-31"}
    answer = await customer.web.send("/relink", corrected, action="/relink/correction")
    assert answer.status_code == 303
    relinked = {"service_kind": "bank_account", "service": OTHER_ACCOUNT, "relinked_on": day}
    refused = await customer.web.report(
        {"event_id": str(uuid4()), "kind": "service_relinked", "contract_id": issued.contract_id, **relinked}
    )
    assert refused.status_code == 409, refused.text
    assert AIR in refused.json()["detail"]  # whoever reports it reads the names

    # The case page, by its own key and a forged one.
    link = re.findall(r"http://web\.test(/applications/\S+)", await _mailed(mails, issued.yayoi_id))[0]
    life.keys.add(parse_qs(urlsplit(link).query)["key"][0])
    assert (await http.get(link)).status_code == 200
    assert (await http.get(link[:-3])).status_code == 404

    # A plan, kept with an address in it, and its link mailed to another.
    kept = await http.post("/plan", data={"name0": "蜂須賀商店", "yayoi_id0": STRANGER})
    saved = urlsplit(kept.headers["location"]).query
    life.people.add("蜂須賀商店")
    life.keys.add(saved.partition("=")[2])
    assert (await http.get(f"/plan?{saved}")).status_code == 200
    assert (await customer.web.send(f"/drafts?{saved}", {"mail_address": SAVER}, action="/drafts")).status_code == 303
    assert "drafts/resume" in await _mailed(mails, SAVER)

    # An enquiry and an invitation.
    assert (await customer.web.send("/enquiry", ENQUIRY)).status_code == 303
    assert (await customer.web.send("/members", {"yayoi_id": FRIEND})).status_code == 303
    [joining] = re.findall(r"http://web\.test(/members/join\?link=\S+)", await _mailed(mails, FRIEND))
    life.keys.add(joining.partition("=")[2])
    assert (await http.get(joining)).status_code == 200

    # What nobody expected: an error that speaks of people, and a database that names what it cannot keep.
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr("models.yayoi.store.enquiries.Enquiries.is_issued", _unexpected)
        assert (await customer.web.send("/enquiry", ENQUIRY)).status_code == 500
        broken.setattr("models.yayoi.store.enquiries.Enquiries.is_issued", _twice_the_same)
        assert (await customer.web.send("/enquiry", ENQUIRY)).status_code == 500

    async def forwarded() -> bool:
        return any(ENQUIRY["text"] in str(_body(mail)) for mail in mails.mails)

    await until(forwarded)


async def _unexpected(*_: object) -> bool:
    raise LookupError(f"nobody expects {ASKER}")


async def _twice_the_same(enquiries: Enquiries, _: object) -> bool:
    """Store an address that is there already."""
    async with enquiries._sessions.begin() as session:
        session.add(YayoiIdRow(yayoi_id=HANAKO, family_name="蜂須賀", given_name="花乃子"))
    return False


async def _mailed(mails: SmtpInbox, address: str) -> str:
    async def arrived() -> bool:
        return bool(mails.to(address))

    await until(arrived)
    return _body(mails.to(address)[0])


def _body(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return str(body.get_content()) if body else ""


async def test_no_log_line_holds_anything_of_anybody(life: Life) -> None:
    logged = "\n".join(life.lines)
    assert "uvicorn.access" in logged
    assert "POST /register" in logged
    assert "POST /enquiry failed" in logged
    assert "LookupError" in logged
    assert "IntegrityError" in logged
    for secret in sorted(life.people | life.keys):
        assert secret not in logged, next(line for line in life.lines if secret in line)


async def test_no_history_holds_anything_of_anybody(life: Life) -> None:
    """But what operators read: titles and details, which histories keep apart as metadata for people."""
    client = life.customer.environment.client
    found = {}

    async def all_there() -> bool:
        query = f"TaskQueue = '{life.customer.environment.settings.temporal_task_queue}'"
        found.update({each.id: each async for each in client.list_workflows(query)})
        return {workflow_id.partition("/")[0] for workflow_id in found} >= KINDS

    await until(all_there)
    for workflow_id, each in found.items():
        history = await client.get_workflow_handle(workflow_id).fetch_history()
        texts = [text for event in history.events for text in _texts(event)]
        said = "\n".join([workflow_id, str(each.search_attributes), str(each.typed_search_attributes), *texts])
        for secret in sorted(life.people | life.keys | OPERATORS):
            assert secret not in said, f"{workflow_id} holds {secret}"
        if workflow_id.startswith("application/"):
            assert life.customer.case.application_no in said  # facts are there, and are found


KINDS = {"application", "registration", "invitation", "enquiry", "draft"}


def _texts(message: Message) -> Iterator[str]:
    """Every text in an event, payloads unpacked; but what is metadata for people, which passes the payload codec."""
    if isinstance(message, UserMetadata):
        return
    if isinstance(message, Payload):
        yield message.data.decode(errors="replace")
        yield json.dumps(str(dict(message.metadata)))
        return
    for descriptor, value in message.ListFields():
        repeated = value if isinstance(value, Iterable) and not isinstance(value, str | bytes) else [value]
        for each in repeated.values() if hasattr(repeated, "values") else repeated:
            if isinstance(each, Message):
                yield from _texts(each)
            elif isinstance(each, str | bytes):
                yield each if isinstance(each, str) else each.decode(errors="replace")
        if hasattr(repeated, "keys"):
            yield descriptor.name + " " + " ".join(map(str, repeated.keys()))


def test_a_text_in_a_payload_is_found() -> None:
    """Payloads are bytes: what looks at them must unpack them."""
    logged = HistoryEvent()
    logged.workflow_execution_started_event_attributes.input.payloads.add(data="蜂須賀".encode())
    logged.workflow_execution_started_event_attributes.memo.fields["m"].data = b"memo"
    logged.user_metadata.summary.data = b"for people"
    texts = " ".join(_texts(logged))
    assert "蜂須賀" in texts
    assert "memo" in texts
    assert "for people" not in texts


async def test_the_audit_trail_names_nobody(life: Life) -> None:
    async with life.customer.environment.sessions() as session:
        trail = [str(row) for row in await session.scalars(text("select t::text from audit_trail t"))]
    assert len([row for row in trail if life.customer.case.application_no in row]) > 5
    for secret in sorted(life.people | life.keys | OPERATORS):
        assert not any(secret in row for row in trail), secret


async def test_the_audit_trail_says_by_kind_and_number_who_acted(life: Life) -> None:
    async with life.customer.environment.sessions() as session:
        acted = set(await session.scalars(text('select "by" from audit_trail'))) - {SYSTEM}
    assert {Actor.recorded(by).kind for by in acted} <= set(ActorKind)
    assert {Actor.recorded(by).kind for by in acted} >= {ActorKind.APPLICANT, ActorKind.YAYOI_ID}


async def test_every_json_key_that_was_written_is_in_the_data_map_and_the_other_way_round(life: Life) -> None:
    written = await written_keys(life.customer.environment.sessions)
    assert beyond(written, MAPPED) == {}
    assert beyond(MAPPED, written) == ELSEWHERE


def keys_in_links(mails: SmtpInbox) -> set[str]:
    """What opens a page without a log-in, in every mail that went out."""
    links = [link for mail in mails.mails for link in re.findall(r"https?://\S+", _body(mail))]
    values = {value for link in links for of_name in parse_qs(urlsplit(link).query).values() for value in of_name}
    return {value for value in values if len(value) > 40}


async def test_no_account_number_and_no_link_is_in_the_engine_whoever_has_its_keys(life: Life) -> None:
    """Neither in a history, a title, a detail or a memo, nor in what a case answers to a query."""
    customer = life.customer
    links = keys_in_links(customer.environment.inbox)
    assert len(links) >= 4
    secret = life.accounts | links | life.keys - {"argon2"}
    stored = b"".join([content async for _, content in decrypted(life)])
    assert found_in(stored, secret) == set()
    for case in (customer.case.application, customer.case.office()):
        answers = str([*[await case.query(name) for name in ("progress", CASE_NOW)], await details_of(case)])
        assert found_in(answers.encode(), secret) == set()
    assert {"口座連携（連携1）", "Airレジ（連携2）"} <= set(re.findall(r"(?:口座連携|Airレジ)（連携\d）", answers))
    assert found_in(stored, {OFFICE_C[1]}) == {OFFICE_C[1]}  # what is there is found
    assert BANK in await customer.page("/relink")  # who needs the names has them
    for table, holds in RECORDS.items():
        async with customer.environment.sessions() as session:
            rows = await session.scalars(text(f"select t::text from {table} t"))  # noqa: S608 the name of a table
            found = found_in("\n".join(map(str, rows)).encode(), life.accounts | links)
        assert bool(found) == holds, table


RECORDS = {
    "remembered_links": True,
    "events": True,
    "ledger": False,
    "audit_trail": False,
    "audit_contents": False,
    "case_status": False,
    "case_requests": False,
}
"""Tables of a case, and whether services are called there by their names."""


ELSEWHERE = {("audit_contents", "content"): {"detail"}}
"""Keys that other walks write than this one."""


async def test_nothing_of_anybody_lies_in_temporal_in_clear(life: Life) -> None:
    """What operators read included, however it is spelled; and the same search finds it once it is decrypted."""
    said = {each for each in life.people | life.keys | life.accounts if each != "argon2"}
    read = b""
    async for as_it_is, readable in decrypted(life):
        assert found_in(as_it_is, said) == set()
        read += readable
    assert found_in(read, said | OPERATORS) >= {"弥生 太郎", life.customer.issued.yayoi_id}
    assert found_in(read, OPERATORS) == set()
    assert b'"sk"' in read or b'"sm"' in read  # the search attribute says who is in charge


async def decrypted(life: Life) -> AsyncIterator[tuple[bytes, bytes]]:
    """All that Temporal has of what was done: each message as it lies there, and as who has the keys reads it."""
    config = life.customer.environment.client.config()
    config["interceptors"] = []  # histories as they are
    as_it_is = Client(**config)
    query = f"TaskQueue = '{life.customer.environment.settings.temporal_task_queue}'"
    async for each in as_it_is.list_workflows(query):
        handle = as_it_is.get_workflow_handle(each.id, run_id=each.run_id)
        described = (await handle.describe()).raw_description
        for message in (described, *(await handle.fetch_history()).events):
            lies = message.SerializeToString()
            await decrypt(message)
            yield lies, message.SerializeToString()


HOUSE = "himitsu-no-ie"
"""In every text that the settings of the house hold."""


async def test_the_file_for_a_report_of_a_problem_holds_nothing_of_anybody_no_secret_and_no_address(
    life: Life, tmp_path: Path
) -> None:
    environment = life.customer.environment
    secret = {
        name: SecretStr(f"{HOUSE}-{name}-0123456789-abcdef")
        for name, field in Settings.model_fields.items()
        if is_secret(field) and "tuple" not in str(field.annotation) and name not in {"secret_key", "master_keys"}
    }
    texts = {
        name: f"{HOUSE}.example.jp"
        for name, field in Settings.model_fields.items()
        if field.annotation is str and not name.startswith("temporal") and name != "log_level"
    }
    others = {
        "smtp_user": HOUSE,
        "deployment_name": HOUSE,
        "public_url": f"https://{HOUSE}.example.jp",
        "former_secret_keys": (SecretStr(HOUSE),),
    }
    settings = settings_of(environment).model_copy(update=secret | texts | others)
    assert {"smtp_password", "oidc_client_secret", "temporal_api_key"} <= secret.keys()
    assert {"operators_mail", "contact_name", "smtp_host"} <= texts.keys()

    file = tmp_path / "diagnose.json"
    await diagnose(settings, file)
    content = file.read_bytes()
    own = {os.uname().nodename, getpass.getuser() + "@", environment.client.service_client.config.target_host}
    own |= {settings.temporal_task_queue, settings.database_url or "", str(Path.cwd()), HOUSE}
    assert settings.secret_key is not None
    own.add(settings.secret_key.get_secret_value())
    # A library is called so, too.
    assert found_in(content, (life.people | life.keys | own) - {"argon2", ""}) == set()

    written = json.loads(content)
    assert "error" not in str(written), written
    assert written["settings"]["smtp_password"] == "set"
    assert written["settings"]["desk_port"] == "default"
    assert written["database"]["revision"] == written["database"]["revision_of_this_build"]
    assert sum(each["count"] for each in written["database"]["cases"]["open"]) > 1
    assert {each["name"] for each in written["database"]["tables"]} >= DATA_MAP.keys()
    assert written["temporal"]["open_workflows"] > 1
    assert {each["queue"] for each in written["temporal"]["task_queues"]} == {"cases", "-mails", "-erasing"}


async def test_a_part_that_does_not_answer_says_so_and_the_others_are_there(tmp_path: Path) -> None:
    nowhere = Settings(
        database_url=f"postgresql+asyncpg://{HOUSE}@/nothing?host={tmp_path}",
        temporal_address=f"127.0.0.1:{free_port()}",
        temporal_config=False,
    )
    written = await diagnosis(nowhere)
    assert written["database"] == {"error": "DatabaseUnreachableError"}
    assert written["temporal"] == {"error": "TemporalUnreachableError"}
    assert written["program"]["libraries"]["temporalio"]
    assert HOUSE not in json.dumps(written)
