"""After the whole demo nothing of anybody lies in clear in Temporal, in a log, a figure, or a mail's header.

With encryption switched off the same search finds each kind: it can see what it looks for. The numbers of accounts and
the links to people's pages are not in Temporal even then.
"""

import json
import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from models.backoffice.data_map_document import DATA_MAP
from tests.support.house_key import read_with_the_house_key
from tests.support.mapped_json import MAPPED, beyond, written_keys
from tests.support.scanning import columns_of_tables, found_in, sqlite_content
from workers import examples
from workers.codec import CaseCodec
from workers.demo import demo, myics
from workers.demo.run import DemoRun
from workers.stack.checks import metrics_ports
from workers.stack.inbox import text_of
from workers.stack.places import Places
from workers.stack.stack_settings import alone
from workflows.backoffice.daily_reconciliation import DailyReconciliation
from workflows.backoffice.morning_digest import MorningDigest

REGISTRY = json.loads(examples.registry().read_text(encoding="utf-8"))


def registered(*fields: str) -> set[str]:
    return {str(row[field]) for row in REGISTRY for field in fields if row.get(field)}


SAID = {
    "name": registered("customer_name") | {"青葉 一郎", "青葉 花子", "緑 太郎", "みどり商店"},
    "address": {each for each in registered("mail_address", "yayoi_id") if "@back-office" not in each}
    | {myics.ICHIRO, myics.HANAKO, myics.MIDORI},
    "token": registered("office_token"),
    "account": registered("service"),
    "secret": {myics.KEYWORD, myics.PASSWORD},
}
"""What is known of people in this story, by kind."""
IN_TEMPORAL = {"name", "address", "token"}
"""What cases need, and Temporal has encrypted. All else is in no history."""
NOBODY_IN = {(name, column) for name, kept in DATA_MAP.items() for column in kept.numbers.split()}
"""The columns of which the data map says that they hold nobody."""
WHERE_A_FORM_LED = {"form_presses", "kept_forms", "desk_form_presses", "desk_kept_forms"}
"""For seconds, or an hour, the address of a page with what opens it is kept here, for the browser that is led there."""


def kinds(texts: Collection[str]) -> set[str]:
    return {kind for kind, of_kind in SAID.items() if of_kind & set(texts)}


def mails_in(folder: Path) -> list[EmailMessage]:
    return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted(folder.glob("*.eml"))]


def keys_of_links(mails: list[EmailMessage]) -> set[str]:
    """What opens somebody's page without a log-in: the long parts of every link that was mailed."""
    links = [urlsplit(link) for mail in mails for link in re.findall(r"https?://\S+", text_of(mail))]
    values = {value for link in links for of_name in parse_qs(link.query).values() for value in of_name}
    return {each for each in values | {part for link in links for part in link.path.split("/")} if len(each) > 40}


@pytest.mark.stack
@pytest.mark.long
@pytest.mark.parametrize("encrypted", [True, False], ids=["encrypted", "in clear"])
async def test_temporal_logs_and_mail_headers_hold_nobody_after_the_whole_demo(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, *, encrypted: bool
) -> None:
    columns: dict[tuple[str, str], bytes] = {}
    of_no_case: list[bytes] = []
    measured: dict[str, bytes] = {}

    @asynccontextmanager
    async def opened() -> AsyncIterator[DemoRun]:
        settings = alone(state_dir, time_skipping=True, encrypt_histories=encrypted, telemetry=True)
        async with demo.demo_on(settings) as run:
            yield run
            for procedure in (DailyReconciliation, MorningDigest):
                procedure_id = f"now-{procedure.__name__}"
                await run._client.execute_workflow(
                    procedure.run, id=procedure_id, task_queue=settings.temporal_task_queue
                )
            async with httpx.AsyncClient(trust_env=False) as http:
                for process, port in metrics_ports(settings).items():
                    measured[process] = (await http.get(f"http://{settings.metrics_host}:{port}/metrics")).content
            columns.update(await columns_of_tables(run.sessions))
            assert beyond(await written_keys(run.sessions), MAPPED) == {}
            codec = run._client.data_converter.payload_codec
            assert isinstance(codec, CaseCodec)
            if encrypted:
                ids = [each.id async for each in run._client.list_workflows()]
                of_no_case.append(await read_with_the_house_key(run._client, ids, codec._keys))

    monkeypatch.setattr(demo, "_opened", opened)
    await demo.run_demo()
    places = Places(state_dir)
    mails = mails_in(places.mail)
    links = keys_of_links(mails)
    assert len(links) > 10
    texts = {text for of_kind in SAID.values() for text in of_kind} | links
    in_temporal = found_in(sqlite_content(places.temporal), texts)
    assert kinds(in_temporal) == (set() if encrypted else IN_TEMPORAL)
    assert in_temporal & (links | SAID["account"] | SAID["secret"]) == set()
    for log in places.logs.iterdir():
        assert found_in(log.read_bytes(), texts) == set(), log.name
    assert b"tetsuzuki_cases_waiting" in b"".join(measured.values())
    assert {process for process, figures in measured.items() if found_in(figures, texts)} == set()
    for number, mail in enumerate(mails):
        headers = "\n".join(f"{name}: {value}" for name, value in mail.items() if name.lower() != "to").encode()
        assert found_in(headers, texts) == set(), number
    assert columns.keys() >= {("applications", "application_no"), ("audit_trail", "action")}
    assert {place for place in NOBODY_IN & columns.keys() if found_in(columns[place], texts)} == set()
    in_tables = found_in(b"\n".join(columns.values()), texts)
    assert kinds(in_tables) == SAID.keys() - {"secret"}
    assert {table for (table, _), content in columns.items() if found_in(content, links)} <= WHERE_A_FORM_LED
    for content in of_no_case:
        assert "朝のお知らせを送る担当者を調べる".encode() in content  # what is there is read
        assert found_in(content, texts) == set()
    assert kinds(found_in("\n".join(map(text_of, mails)).encode(), texts)) >= {"name", "account"}
