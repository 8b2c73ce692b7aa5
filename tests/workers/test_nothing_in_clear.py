"""After whole cases on a whole stack nothing of anybody lies in clear in Temporal, in a log, or in a mail's header.

With encryption switched off the same search finds each kind: it can see what it looks for.
"""

import asyncio
from collections.abc import Collection
from email import message_from_bytes
from pathlib import Path

import pytest

from models.yayoi.procedures import Stage
from tests.support.environment import OFFICE_C
from tests.support.scanning import found_in, sqlite_content, tables_content
from tests.support.stack_cases import LINKS_C, Case, Outside, load_examples
from workers.settings import Settings
from workers.stack.places import Places
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

SAID = {
    "name": ["弥生 太郎", "弥生　太郎"],
    "address": [str(OFFICE_C[0]), "taro@yayoi-taro.example.jp"],
    "token": [str(OFFICE_C[1])],
    "account": [service for _, service in LINKS_C],
}
"""What is known of people in this story, by kind."""
TEXTS = [each for texts in SAID.values() for each in texts]
NOBODY_IN = {
    "case_keys",
    "case_stages",
    "contract_id_pool",
    "form_presses",
    "logout_tokens",
    "operator_sessions",
    "operator_sign_in_links",
    "public_keys",
    "rate_counts",
    "webhook_messages",
}
"""The tables that hold nobody."""


async def lived(settings: Settings) -> dict[str, bytes]:
    """Lead an application to its end; return what each table holds."""
    outside = Outside(settings)
    async with Stack(settings) as stack, asyncio.timeout(280):
        await load_examples(stack.settings)
        application_no = await outside.apply(OFFICE_C)
        case = Case(stack.settings, outside, application_no)
        await case.rests_at(1, Stage.SHARING)
        await outside.report("sharing_released", office_token=OFFICE_C[1])
        await case.rests_at(1, Stage.SET_UP)
        await case.customer_sets_up(1, *LINKS_C)
        await case.result()
        return await tables_content(stack.settings)


def kinds(texts: Collection[str]) -> set[str]:
    return {kind for kind, of_kind in SAID.items() if set(of_kind) & set(texts)}


@pytest.mark.stack
@pytest.mark.long
@pytest.mark.parametrize("encrypted", [True, False], ids=["encrypted", "in clear"])
async def test_temporal_logs_and_mail_headers_hold_nobody(state_dir: Path, *, encrypted: bool) -> None:
    tables = await lived(alone(state_dir, encrypt_histories=encrypted))
    places = Places(state_dir)
    in_temporal = found_in(sqlite_content(places.temporal), TEXTS)
    if encrypted:
        assert in_temporal == set()
    else:
        assert kinds(in_temporal) == SAID.keys()
    for log in places.logs.iterdir():
        assert found_in(log.read_bytes(), TEXTS) == set(), log.name
    for file in places.mail.glob("*.eml"):
        mail = message_from_bytes(file.read_bytes())
        headers = "\n".join(f"{name}: {value}" for name, value in mail.items() if name.lower() != "to").encode()
        assert found_in(headers, TEXTS) == set(), file.name
    assert {name for name, content in tables.items() if found_in(content, TEXTS)} & NOBODY_IN == set()
    assert kinds(found_in(b"\n".join(tables.values()), TEXTS)) == SAID.keys()
