"""Every line of `docs/hostile-inputs.md`: sent as it says, answered as it says."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.testing import WorkflowEnvironment

from tests.hostile.attack import Attack
from tests.hostile.document import DOCUMENT, attacks, document
from tests.hostile.elsewhere import ELSEWHERE
from tests.hostile.target import EVIL, Target, target_on
from tests.support.databases import new_database
from tests.support.encryption import MASTER
from tests.support.journals import JOURNAL_OF_TESTS
from workers import database

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@pytest_asyncio.fixture(scope="module")
async def target(postgres_socket: Path, temporal: WorkflowEnvironment) -> AsyncIterator[Target]:
    """One target for all lines: each comes from an address of its own."""
    async with new_database(postgres_socket, "migrated") as url:
        engine = create_async_engine(url)
        async with target_on(database.sessions(engine, MASTER, JOURNAL_OF_TESTS), temporal.client) as target:
            yield target
        await engine.dispose()


@pytest.mark.parametrize("attack", list(attacks()), ids=lambda attack: attack.name[:80])
async def test_a_hostile_input_gets_what_the_list_says(target: Target, attack: Attack) -> None:
    await target.forget_tries()
    async with target.attacker() as attacker:
        answer = await attack.send(attacker)
    assert answer.status_code == attack.status, answer.text
    assert attack.expected in answer.text or attack.expected in html.unescape(answer.text)
    for secret in attack.never:
        assert secret not in answer.text
    assert answer.headers.get("location", "") == attack.to
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert EVIL not in str(answer.headers)
    if answer.status_code >= 400 and answer.text:
        assert re.search(r"[ぁ-ん]", answer.text), "what is wrong is said in Japanese"


def test_the_committed_list_is_the_table() -> None:
    assert DOCUMENT.read_text() == document(), "run `python -m tests.hostile.document`"


@pytest.mark.parametrize("test", [test for _, _, test in ELSEWHERE])
def test_what_the_list_leaves_to_other_tests_is_there(test: str) -> None:
    file, _, name = test.partition("::")
    assert f"def {name}(" in next(Path(__file__).parents[1].rglob(file)).read_text()
