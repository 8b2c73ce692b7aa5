"""With many cases no list and no search reads them all: Postgres' own plans say so, whatever the machine's speed."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.backoffice.store.case_search import CaseSearch
from models.backoffice.store.worklist_rows import Worklist
from models.backoffice.worklist import WorkList, WorklistFilter
from models.tables import OperatorRow
from models.yayoi.procedures import OFFICE_WORKFLOW

NOW = datetime(2026, 11, 5, 1, 0, tzinfo=UTC)
SATO = OperatorRow(operator_id=1, handle="sk", name="佐藤", mail_address="sk@back-office.example.jp")
BIG = {
    "case_status",
    "applications",
    "application_offices",
    "existing_contracts",
    "yayoi_ids",
    "myics_firms",
    "myics_registrations",
}
APPLICATIONS = 50_000
FILL = (
    """insert into existing_contracts (contract_id, customer_name, mail_address, product_name, network_product)
    select '6' || lpad(n::text, 6, '0'), chr(19968 + n % 997) || chr(20968 + n % 991) || ' 商店',
        'h' || n || '@a.jp', 'x', false
    from generate_series(1, :many) n""",
    """insert into applications (application_no, submission_id, digest, family_name, given_name, existing_contract_id,
        accounting_link, network_product, procedure, consents, applied_at, due_date, alert_on, expires_on)
    select 'YS-' || lpad(n::text, 6, '0'), gen_random_uuid(), '', chr(19968 + n % 997) || chr(20968 + n % 991),
        chr(21968 + n % 983) || '子', '6' || lpad(n::text, 6, '0'), true, false, 'x', '{}', now(), '2026-11-20',
        '2026-11-20', '2026-11-20' from generate_series(1, :many) n""",
    """insert into application_offices (application_no, office_no, yayoi_id, office_token, office_name)
    select 'YS-' || lpad(n::text, 6, '0'), 1, 'p' || n || '@example.jp', 't' || n, chr(22968 + n % 977) || '支店'
    from generate_series(1, :many) n""",
    """insert into case_status (case_no, part, procedure, version, changed_at, stage, since, waiting_for, due_on,
        assignee, overdue, failing, held, undelivered, awaits_approval, outcome, workflow_id)
    select 'YS-' || lpad(n::text, 6, '0'), 1, 'OfficeDataProcedure', 1, now(), 'x', now(),
        case when n % 20 = 0 then '担当者' else '申込者' end, date '2026-11-01' + n % 60,
        case when n % 3 = 0 then 'sk' end, n % 40 = 0, n % 200 = 0, n % 90 = 0, n % 300 = 0, n % 400 = 0,
        case when n % 10 > 0 then '完了' end, 'application/YS-' || lpad(n::text, 6, '0') || '/office/1'
    from generate_series(1, :many) n""",
    """insert into case_status (case_no, part, procedure, version, changed_at, stage, since, waiting_for, workflow_id)
    select 'YS-' || lpad(n::text, 6, '0'), 0, 'MultiOfficeApplication', 1, now(), 'x', now(), 'システム',
        'application/YS-' || lpad(n::text, 6, '0')
    from generate_series(1, :many) n""",
    """insert into yayoi_ids (yayoi_id, family_name, given_name)
    select 'p' || n || '@example.jp', chr(23968 + n % 971), '美' from generate_series(1, :many) n""",
)
REGISTRATIONS = (
    """insert into myics_firms (customer_no, name)
    select '2' || lpad(n::text, 9, '0'), chr(24968 + n % 967) || '会計' from generate_series(1, 20000) n""",
    """insert into myics_registrations (registration_no, kind, customer_no, address, name, requested_by, requested_at,
        stage, expires_on, changed_at)
    select 'MR-' || lpad(n::text, 6, '0'), 'user', '2' || lpad(n::text, 9, '0'), 'r' || n || '@example.jp',
        chr(25968 + n % 953) || '太郎', 'x', now(), 'x', '2026-12-01', now() from generate_series(1, 20000) n""",
    """insert into case_status (case_no, part, procedure, version, changed_at, stage, since, waiting_for, workflow_id)
    select 'MR-' || lpad(n::text, 6, '0'), 0, 'UserInvitation', 1, now(), 'x', now(), '申込者',
        'registration/MR-' || lpad(n::text, 6, '0')
    from generate_series(1, 20000) n""",
)
SEARCHES = ("一丁", "YS-0001", "6000123", "p123@example", "支店", "子供", "佐藤", "00 12", "99")


MOST_PAGES = 6_000
"""Pages of Postgres (8 kB) that one statement may look at, from memory or from disk: on two cores a tenth of a second.

All cases together are many times as much.
"""


async def scans(sessions: async_sessionmaker[AsyncSession], statements: Sequence[tuple[str, Any]]) -> list[str]:
    """Run statements as they were sent; return those that read a big table from beginning to end, or too much."""
    found = []
    async with sessions() as session:
        connection = (await (await session.connection()).get_raw_connection()).driver_connection
        assert connection is not None
        for statement, parameters in statements:
            explained = f"explain (analyze, buffers, format json) {statement}"
            [[[plan]]] = await connection.fetch(explained, *parameters)
            top, what = plan["Plan"], f"{str(parameters)[:60]}: {statement[:400]}"
            found += [f"{table} for {what}" for table in _read_whole(top)]
            looked_at = top["Shared Hit Blocks"] + top["Shared Read Blocks"]
            if looked_at > MOST_PAGES:
                found.append(f"{looked_at} pages, {plan['Execution Time']} ms for {what}")
    return found


def _read_whole(node: dict[str, Any], *, limited: bool = False) -> Iterator[str]:
    """The big tables that a plan reads from beginning to end; what a limit ends at once is not read so far."""
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG and not limited:
        yield node["Relation Name"]
    for each in node.get("Plans", ()):
        yield from _read_whole(each, limited=node["Node Type"] == "Limit")


@pytest.mark.long
async def test_no_list_and_no_search_reads_every_case(sessions: async_sessionmaker[AsyncSession]) -> None:
    """Each application and each registration has rows of its own: 120,000 in all."""
    many = APPLICATIONS
    async with sessions.begin() as session:
        session.add(SATO)
        for statement in FILL:
            await session.execute(text(statement), {"many": many})
        for statement in REGISTRATIONS:
            await session.execute(text(statement))
    async with sessions() as session:
        connection = (await (await session.connection()).get_raw_connection()).driver_connection
        assert connection is not None
        await connection.execute("commit")
        await connection.execute("vacuum analyze")
    sent: list[tuple[str, Any]] = []
    engine = sessions.kw["bind"].sync_engine

    @event.listens_for(engine, "before_cursor_execute")
    def keep(_c: Any, _k: Any, statement: str, parameters: Any, _x: Any, _m: Any) -> None:
        sent.append((statement, parameters))

    worklist, search = Worklist(sessions), CaseSearch(sessions)
    counts = await worklist.counts("sk")
    assert counts[WorkList.ALL] == many // 10
    for list_ in WorkList:
        page = await worklist.page(WorklistFilter(show=list_), SATO, NOW)
        assert page.total == counts[list_]
    await worklist.page(WorklistFilter(show=WorkList.ALL, within=3, procedure=OFFICE_WORKFLOW), SATO, NOW, page=3)
    await worklist.open_next(SATO, NOW)
    await worklist.awaiting_approval()
    for typed in SEARCHES:
        await search.find(typed)
    event.remove(engine, "before_cursor_execute", keep)
    asked = [(statement, parameters) for statement, parameters in sent if statement.startswith("SELECT")]
    assert len(asked) > 20
    found = await scans(sessions, asked)
    assert not found, "\n".join(found)
