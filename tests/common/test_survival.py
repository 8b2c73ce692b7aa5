"""`kill -9` in the middle of a case: whatever dies, it ends with exactly one ID and one notice per office."""

import asyncio
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import psutil
import pytest

from models.yayoi.messages import Outcome
from models.yayoi.procedures import Stage
from models.yayoi.service_links import LinkKind
from tests.support.environment import OFFICE_B, OFFICE_C
from tests.support.running_stack import running
from tests.support.stack_cases import LINKS_C, Case, Outside, load_examples
from workers.stack.stack_settings import alone
from workers.stack.supervisor import Stack

pytestmark = [pytest.mark.stack, pytest.mark.long]

LINKS_B = [(LinkKind.BANK_ACCOUNT, "しおさい銀行 普通 1234567")]


def _exactly_one_notice(mails: list[EmailMessage]) -> bool:
    # A crash between the SMTP server's yes and our commit may send a mail again: the same one, as its Message-ID says.
    return len({mail["Message-ID"] for mail in mails}) == 1


async def test_worker_temporal_and_postgres_killed_in_the_middle_of_a_case(state_dir: Path) -> None:
    said: list[str] = []
    async with asyncio.timeout(300), Stack(alone(state_dir), say=said.append) as stack:
        await load_examples(stack.settings)
        outside = Outside(stack.settings)
        case = Case(stack.settings, outside, await outside.apply(OFFICE_B, OFFICE_C))
        # While both offices are checked, frozen and remembered:
        stack.kill("worker")
        await stack.back("worker")
        stack.kill("temporal")
        await stack.back("temporal")
        stack.kill("postgres")
        await outside.notice(OFFICE_B[0])
        await case.rests_at(1, Stage.SET_UP)
        await case.rests_at(2, Stage.SHARING)
        # While the second ID is issued and its notice sent:
        await outside.report("sharing_released", office_token=OFFICE_C[1])
        for name in ("postgres", "worker", "temporal"):
            stack.kill(name)
        await outside.notice(OFFICE_C[0])
        await case.rests_at(2, Stage.SET_UP)
        await case.status_rows_say_what_the_procedures_are(1, 2)
        await case.customer_sets_up(1, *LINKS_B)
        await case.customer_sets_up(2, *LINKS_C)
        outcome = await case.result()
        await case.status_rows_say_what_the_procedures_are(1, 2)

        assert [office.outcome for office in outcome.offices] == [Outcome.COMPLETED, Outcome.COMPLETED]
        issued = await case.issued()
        assert [row.office_no for row in issued] == [1, 2]
        assert {row.registered_name for row in issued} == {"弥生 太郎 - 1 (8871304)", "弥生 太郎 - 2 (8871304)"}
        assert [row.part for row in await case.notices()] == [1, 2]
        for to in (OFFICE_B[0], OFFICE_C[0]):
            assert _exactly_one_notice(await asyncio.to_thread(outside.notices, to))
    for name in ("worker", "temporal", "postgres"):
        assert len([line for line in said if line.startswith(f"{name} was killed by SIGKILL")]) == 2


async def test_everything_killed_at_once_in_the_middle_of_a_case(state_dir: Path, tmp_path: Path) -> None:
    settings = alone(state_dir)
    outside = Outside(settings)
    async with asyncio.timeout(300):
        async with running(settings, tmp_path / "first") as first:
            await load_examples(settings)
            application_no = await outside.apply(OFFICE_B)
            supervisor = psutil.Process(first.pid)
            for process in [supervisor, *supervisor.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            await first.wait()
        async with running(settings, tmp_path / "second"):
            case = Case(settings, outside, application_no)
            await outside.notice(OFFICE_B[0])
            await case.rests_at(1, Stage.SET_UP)
            await case.status_rows_say_what_the_procedures_are(1)
            await case.customer_sets_up(1, *LINKS_B)
            outcome = await case.result()
            await case.status_rows_say_what_the_procedures_are(1)
            assert [office.outcome for office in outcome.offices] == [Outcome.COMPLETED]
            assert len(await case.issued()) == 1
            assert len(await case.notices()) == 1
            assert _exactly_one_notice(await asyncio.to_thread(outside.notices, OFFICE_B[0]))
