"""Of every table what is a person's is found and erased by the role that may; other people's rows stay as they are."""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.backoffice.data_map import Json, Whose
from models.backoffice.data_map_document import DATA_MAP
from models.backoffice.own_data import OWN
from models.backoffice.store.persons import erase_rows, find_person, rows_of_person
from models.tables import Base
from tests.support.aged_rows import insert_unchecked, row_of
from tests.support.databases import as_role
from workers.database_roles import DatabaseRole

HER, BEFORE, NO, CONTRACT, TOKEN = "hana_ko@example.jp", "hana@mae.example.jp", "YS-000001", "8871304", "token-of-hers"
TABLES = {table.name: table for table in Base.metadata.sorted_tables}
SAYS = {"text": f"{HER} です"}
OF_HERS: dict[str, dict[str, Any]] = {
    "existing_contracts": {"contract_id": CONTRACT, "mail_address": HER},
    "applications": {"application_no": NO, "existing_contract_id": CONTRACT},
    "application_offices": {"application_no": NO, "yayoi_id": HER, "holds_id": False, "holds_token": False},
    "offices": {"existing_contract_id": CONTRACT, "office_token": TOKEN},
    "service_links": {"office_token": TOKEN},
    "sharings": {"office_token": TOKEN},
    "issued_contracts": {"contract_id": "7000001", "yayoi_id": HER, "application_no": NO},
    "support_passwords": {"contract_id": "7000001"},
    "yayoi_ids": {"person_id": 1, "yayoi_id": HER},
    "credentials": {"person_id": 1},
    "web_sessions": {"person_id": 1},
    "yayoi_id_consents": {"person_id": 1},
    "business_group_members": {"person_id": 1, "group_id": 1},
    "business_groups": {"group_id": 1},
    "business_group_details": {"group_id": 1},
    "audit_contents": {"content": json.dumps(SAYS, ensure_ascii=False)},
    "events": {"payload": SAYS, "application_no": None},
    "case_requests": {"message": SAYS},
    "bulk_lines": {"message": SAYS},
    "ledger": {"result": SAYS},
    "remembered_links": {"application_no": NO},
    "sharing_again": {"application_no": NO},
    "case_status": {"case_no": NO},
    "notices": {"recipient": HER, "case_no": NO},
    "kept_forms": {"values": SAYS},
    "desk_kept_forms": {"values": SAYS},
    "drafts": {"mail_address": HER},
    "enquiries": {"mail_address": HER},
    "member_invitations": {"yayoi_id": HER},
    "address_checks": {"yayoi_id": HER},
    "refused_forms": {"body": json.dumps(SAYS)},
    "myics_batch_lines": {"values": SAYS},
    "myics_accounts": {"account_id": 5, "address": HER},
    "myics_registrations": {"account_id": 5, "address": HER, "address_before": BEFORE},
    "myics_sessions": {"account_id": 5},
}
OTHERS: dict[str, dict[str, Any]] = {
    "issued_contracts": {"contract_id": "7000002"},
    "application_offices": {"holds_id": False, "holds_token": False},
    "audit_contents": {"content": json.dumps({"text": "hanaxko@example.jp"})},  # `_` is a letter like any other
    "existing_contracts": {"mail_address": "hanaxko@example.jp"},
}
NOT_ERASED = {
    "form_presses": "a hash, for some seconds",
    "desk_form_presses": "a hash, for some seconds",
    "rate_counts": "a hash, for its window",
    "smart_import_runs": "of an office, which no longer has a name",
    "myics_firms": "a firm",
    "myics_clients": "a firm's client",
    "myics_batches": "a name, for 90 days",
    "bulk_actions": "a reason for many cases, for 90 days",
    "erasure_requests": "empties itself",
}
"""Tables that hold something of somebody outside the house, and why nothing of them is erased with a person."""


def test_nothing_that_the_data_map_calls_somebodys_is_forgotten() -> None:
    outside = {
        name
        for name, kept in DATA_MAP.items()
        for whose in kept.persons.values()
        if (whose.whose if isinstance(whose, Json) else whose) not in {Whose.NOBODY, Whose.OPERATOR}
    }
    owned = {own.table for own in OWN}
    assert outside <= owned | NOT_ERASED.keys()
    assert outside >= NOT_ERASED.keys() - owned
    assert owned == OF_HERS.keys()
    for own in OWN:
        assert set(own.blank) <= set(DATA_MAP[own.table].persons) | {"payload", "digest", "salt"}, own.table


async def everything(session: AsyncSession) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name in OF_HERS:
        rows = await session.execute(select(TABLES[name]))
        found[name] = [dict(row) for row in rows.mappings()]
    return found


async def test_what_is_hers_is_found_by_an_address_of_hers_and_erased_and_others_rows_are_whole(
    sessions: async_sessionmaker[AsyncSession],
) -> None:
    async with sessions.kw["bind"].begin() as connection:
        for name, given in OF_HERS.items():
            for row in (given, OTHERS.get(name, {})):
                await insert_unchecked(connection, TABLES[name], row_of(TABLES[name], **row))
    async with as_role(sessions, DatabaseRole.ERASE) as own, own.begin() as session:
        before = await everything(session)
        person = await find_person(session, [BEFORE])  # MYICS knows that it is an earlier one of hers
        assert person.addresses == (BEFORE, HER)
        assert person.obstacles == ()
        assert {hit.table for hit in person.hits} == OF_HERS.keys()
        assert NO in person.cases
        held = await rows_of_person(session, person)
        assert held.keys() == OF_HERS.keys()
        assert all(len(rows) == 1 for rows in held.values())
        await erase_rows(session, person)
        after = await everything(session)
    for name, rows in after.items():
        same = [row for row in before[name] if row in rows]
        assert len(same) == 1, name  # the other's
        assert HER not in str(rows), name
        assert BEFORE not in str(rows), name
    async with sessions() as session:
        assert (await find_person(session, [HER, BEFORE])).hits == ()
