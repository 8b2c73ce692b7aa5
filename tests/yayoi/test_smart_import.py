"""Smart import while it is being frozen: done before or refused, recorded either way, never half done (Y12)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from random import Random

import pytest
import pytest_asyncio
from sqlalchemy import select, text

from models.common.calendar import day_in_japan
from models.tables import RememberedLinkRow, ServiceLinkRow, SmartImportRunRow
from models.yayoi.identifiers import OfficeToken
from models.yayoi.messages import RememberedLinks
from models.yayoi.service_links import NO_LINK, LinkKind
from models.yayoi.store.remembered_links import link_number
from models.yayoi.store.smart_import import ImportRun, SmartImportRuns
from tests.support.activity_environment import ActivityEnvironment, activity_environment
from tests.support.activity_trials import AT, NO, PAIR, STEP, TOKEN, C
from tests.support.environment import OFFICE_B, OFFICE_C, form
from tests.support.smtp_inbox import SmtpInbox
from workers.commands.registry import import_once

FIRST_TRY = date(2026, 11, 1)
UNKNOWN = OfficeToken("99999999-0000-4000-8000-000000000000")


@pytest_asyncio.fixture
async def environment(registry_url: str, smtp_inbox: SmtpInbox) -> AsyncIterator[ActivityEnvironment]:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        yield environment


async def apply(environment: ActivityEnvironment) -> None:
    """Apply for office C: it is frozen in the transaction that accepts the form."""
    assert await environment.apply(form([OFFICE_C])) == NO


async def imported_until(environment: ActivityEnvironment) -> set[date]:
    found = await environment.rows(select(ServiceLinkRow.last_imported_on).where(ServiceLinkRow.office_token == TOKEN))
    assert len(found) == 2
    return {day for (day,) in found}


async def recorded(environment: ActivityEnvironment) -> list[str | None]:
    rows = select(SmartImportRunRow.refused_because).where(SmartImportRunRow.office_token == TOKEN)
    return [reason for (reason,) in await environment.rows(rows.order_by(SmartImportRunRow.run_id))]


@pytest.mark.parametrize("seed", range(8))
async def test_y12_imports_in_the_moment_of_the_freeze_are_done_before_or_refused(
    environment: ActivityEnvironment, seed: int
) -> None:
    runs = SmartImportRuns(environment.sessions)
    days = {FIRST_TRY + timedelta(days=ahead) for ahead in range(20)}

    async def freeze() -> tuple[RememberedLinks, set[date]]:
        await apply(environment)
        return await environment.activities()["remember_links"](STEP), await imported_until(environment)

    async def run(day: date) -> tuple[date, ImportRun]:
        return day, await runs.run(TOKEN, AT, day)

    before = await imported_until(environment)
    order = Random(seed)  # noqa: S311 not a secret
    tries = order.sample(sorted(days), len(days))
    cut = order.randrange(len(tries))
    early = [asyncio.create_task(run(day)) for day in tries[:cut]]
    freezing = asyncio.create_task(freeze())
    results = await asyncio.gather(*early, *map(run, tries[cut:]))
    remembered, at_the_freeze = await freezing
    done = {day for day, result in results if result.refused_because is None}

    # All links of the office have the time of one and the same import, which was done...
    assert at_the_freeze == before if not done else len(at_the_freeze) == 1 and at_the_freeze <= done
    # ...and from the freeze on nothing moves, so that what is remembered is true (Y14).
    assert await imported_until(environment) == at_the_freeze
    assert {link.last_imported_on for link in remembered.links} == at_the_freeze
    assert len(await recorded(environment)) == len(days)
    assert (await recorded(environment)).count(None) == len(done)
    assert (await runs.run(TOKEN, AT)).refused_because is not None


async def test_y21_the_same_name_under_another_kind_is_another_link(environment: ActivityEnvironment) -> None:
    await apply(environment)
    await environment.activities()["remember_links"](STEP)
    row = RememberedLinkRow
    links = await environment.rows(select(row.number, row.kind, row.service))
    assert links
    for number, own, service in links:
        found = {kind: await link_number(environment.sessions, C, kind, service) for kind in LinkKind}
        assert found == dict.fromkeys(LinkKind, NO_LINK) | {LinkKind(own): number}


async def wait_for_locks(environment: ActivityEnvironment, count: int) -> None:
    """Wait until so many in this database wait for somebody else's lock."""
    waiting = text("select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")
    while len(await environment.rows(waiting)) < count:  # noqa: ASYNC110 the database is another process
        await asyncio.sleep(0.01)


async def test_y12_a_freeze_waits_for_the_import_that_is_running(environment: ActivityEnvironment) -> None:
    runs = SmartImportRuns(environment.sessions)
    async with environment.sessions.begin() as somebody:
        # The import gets as far as its links and waits there, half done.
        await somebody.execute(select(ServiceLinkRow).where(ServiceLinkRow.office_token == TOKEN).with_for_update())
        running = asyncio.create_task(runs.run(TOKEN, AT, FIRST_TRY))
        await wait_for_locks(environment, 1)
        freezing = asyncio.create_task(apply(environment))
        await wait_for_locks(environment, 2)
        assert not freezing.done()
    assert (await running).refused_because is None
    await freezing
    assert await imported_until(environment) == {FIRST_TRY}
    assert await recorded(environment) == [None]


async def test_y12_an_import_that_begins_during_the_freeze_is_refused_after_it(
    environment: ActivityEnvironment,
) -> None:
    runs = SmartImportRuns(environment.sessions)
    before = await imported_until_each(environment)
    async with environment.sessions.begin() as freezing:
        # What the freeze does, before its commit.
        await freezing.execute(
            text("update offices set frozen_by = :pair where office_token = :token"), {"pair": PAIR, "token": TOKEN}
        )
        running = asyncio.create_task(runs.run(TOKEN, AT, FIRST_TRY))
        await wait_for_locks(environment, 1)
        assert not running.done()
    refused = (await running).refused_because
    assert refused == f"申込 {PAIR} の手続き中のため、完了のお知らせが届くまでスマート取引取込は利用できません。"
    assert await recorded(environment) == [refused]
    assert await imported_until_each(environment) == before


async def imported_until_each(environment: ActivityEnvironment) -> list[tuple[object, ...]]:
    return await environment.rows(
        select(ServiceLinkRow.link_id, ServiceLinkRow.last_imported_on).order_by(ServiceLinkRow.link_id)
    )


async def test_y12_other_offices_of_the_customer_are_untouched(environment: ActivityEnvironment) -> None:
    await apply(environment)
    assert (await SmartImportRuns(environment.sessions).run(OFFICE_B[1], AT)).refused_because is None


async def test_y12_an_import_brings_every_link_up_to_today_in_japan(environment: ActivityEnvironment) -> None:
    await SmartImportRuns(environment.sessions).run(TOKEN, AT)
    assert await imported_until(environment) == {day_in_japan(AT)}


async def test_y12_an_unknown_office_is_said_to_be_unknown(environment: ActivityEnvironment) -> None:
    with pytest.raises(LookupError, match=f"事業所トークン {UNKNOWN} の事業所データはありません。"):
        await SmartImportRuns(environment.sessions).run(UNKNOWN, AT)


async def test_y12_the_command_says_what_became_of_the_import(
    environment: ActivityEnvironment, registry_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = environment.settings.model_copy(update={"database_url": registry_url})
    assert await import_once(settings, TOKEN.upper()) == 0
    assert capsys.readouterr().out == f"{TOKEN} のスマート取引取込を実行しました。\n"
    await apply(environment)
    assert await import_once(settings, TOKEN) == 1
    assert PAIR in capsys.readouterr().err
    for wrong, said in ((UNKNOWN, "はありません"), ("C 商店", OfficeToken.refusal)):
        assert await import_once(settings, wrong) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert said in captured.err
