"""A store that is swapped under a running stack: its processes see it, and serve nothing until it is set right."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from models.backoffice.restored_cases import STARTED_ANEW, Verdict
from models.common.calendar import utc_now
from models.common.store.held_cases import HeldCases
from models.yayoi.procedures import Stage
from models.yayoi.service_links import LinkKind
from tests.support.environment import OFFICE_B, OFFICE_C
from tests.support.running_stack import quiet
from tests.support.stack_cases import Case, Outside, load_examples
from workers import database, store_marks, temporal
from workers.backup.copies import back_up
from workers.backup.manifest import POSTGRES
from workers.backup.restoring import Copies, restore
from workers.health import check_worker
from workers.program import ClearError
from workers.settings import Settings
from workers.stack import postgres
from workers.stack.places import Places
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack
from workers.store_marks import StoresApartError

pytestmark = [pytest.mark.stack, pytest.mark.long]

SERVING = ("worker", "eraser", "web", "desk")
SAID = b"Nothing is served"
LINK_B = (LinkKind.BANK_ACCOUNT, "しおさい銀行 普通 1234567")


async def each_says_so(places: Places, before: Sequence[int]) -> None:
    """Wait until every process that serves has ended and said why; within a minute, and what a restart takes."""
    logs = [places.logs / f"{name}.log" for name in SERVING]
    while not all(SAID in log.read_bytes()[known:] for log, known in zip(logs, before, strict=True)):  # noqa: ASYNC110
        await asyncio.sleep(1)


def said_so_far(places: Places) -> list[int]:
    return [(places.logs / f"{name}.log").stat().st_size for name in SERVING]


async def nothing_is_served(settings: Settings, why: str) -> None:
    with pytest.raises(StoresApartError, match=why):
        await check_worker(settings)
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.TransportError):
            await http.get(f"http://127.0.0.1:{settings.web_port}/apply")


async def is_healthy(settings: Settings) -> None:
    """Wait until every process has come back by itself."""
    while True:
        try:
            await check_worker(settings)
        except ClearError:
            await asyncio.sleep(1)
        else:
            return


async def test_each_store_that_is_swapped_is_seen_and_once_it_is_set_right_cases_go_on(
    state_dir: Path, tmp_path: Path
) -> None:
    settings, places = alone(state_dir, log_level="WARNING"), Places(state_dir)
    outside = Outside(settings)
    async with Stack(settings, say=quiet) as stack:
        await load_examples(stack.settings)
        case = Case(stack.settings, outside, await outside.apply(OFFICE_B))
        await case.rests_at(1, Stage.SET_UP)
        await back_up(settings, tmp_path / "backup")
        async with database.opened(stack.settings) as sessions, temporal.opened(stack.settings) as client:
            await store_marks.count(client, sessions)  # as it is done every five minutes

        async def swap(name: str, path: Path, aside: Path) -> None:
            """Put what lies `aside` in the place of a store that runs, and that in its place."""
            for end in ("", "-wal", "-shm"):
                here, there, between = (each.with_name(each.name + end) for each in (path, aside, path.with_name("x")))
                for before, after in ((here, between), (there, here), (between, there)):
                    if before.exists():
                        before.rename(after)
            stack.kill(name)
            await stack.back(name)

        # Postgres as it was before: cases would be given numbers and steps a second time.
        older = places.postgres.with_name("older")
        await asyncio.to_thread(postgres.install, tmp_path / "backup" / POSTGRES, older)
        before = said_so_far(places)
        await swap("postgres", places.postgres, older)
        await each_says_so(places, before)
        await nothing_is_served(stack.settings, "Postgres is older")
        await swap("postgres", places.postgres, older)
        await outside.apply(OFFICE_C)
        await is_healthy(stack.settings)

        # Another, empty Temporal: every case would be without its procedure.
        before, of_before = said_so_far(places), places.temporal.with_name("of-before.db")
        await swap("temporal", places.temporal, of_before)
        await each_says_so(places, before)
        await nothing_is_served(stack.settings, "Temporal is another one")
        await swap("temporal", places.temporal, of_before)
        await case.rests_at(1, Stage.SET_UP)
        await is_healthy(stack.settings)
        [issued] = await case.issued()

    # Temporal is lost for good: nothing starts, until the stores are made to fit as they lie.
    for each in places.temporal.parent.glob(f"{places.temporal.name}*"):
        each.unlink()
    with pytest.raises(StoresApartError, match="Temporal is another one"):
        await Stack(settings, say=quiet).__aenter__()
    report = await restore(settings, Copies(), quiet)
    assert {each.verdict for each in report.cases} == {Verdict.CONTINUED}
    assert {each.detail for each in report.cases} == {STARTED_ANEW}
    async with Stack(settings, say=quiet) as stack, database.opened(stack.settings) as sessions:
        await case.rests_at(1, Stage.SET_UP)
        assert [row.contract_id for row in await case.issued()] == [issued.contract_id]
        await HeldCases(sessions).release(None, by="ab", at=utc_now())
        await case.customer_sets_up(1, LINK_B)
        await case.result()
        assert len(outside.notices(OFFICE_B[0])) == 1
