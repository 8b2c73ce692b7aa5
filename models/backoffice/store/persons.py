"""Finding and erasing a person, by their mail addresses."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from models.backoffice.data_map import CLOSED_STAGE
from models.backoffice.own_data import ADDRESSES, HELD_CONTRACTS, NAMES, OWN, OWN_CASES, PATTERNS, Hit, Own
from models.backoffice.store.case_audit import as_json
from models.common.store.sessions import DatabaseSession, rows_changed
from models.tables import CaseStatusRow, MyicsAccountRow, MyicsRegistrationRow, YayoiIdRow
from models.yayoi.procedures import Stage

_SECRET = {"password_hash", "keyword_hash", "token_hash", "salt", "digest"}
OPEN, STILL_AFTER_CLOSING = "手続きが続いています", "終了後の受け付けが続いています"


@dataclass(frozen=True)
class Person:
    """Everybody's addresses that are tied to those asked for, where they occur, and why they cannot be erased yet."""

    addresses: tuple[str, ...]
    hits: tuple[Hit, ...]
    cases: tuple[str, ...]
    obstacles: tuple[str, ...]
    parameters: Mapping[str, Sequence[str]]


async def find_person(session: DatabaseSession, addresses: Collection[str]) -> Person:
    """Find every row that is theirs."""
    tied = await _tied(session, addresses)
    parameters = await _parameters(session, tied)
    hits, cases, obstacles = [], set(parameters[OWN_CASES]), []
    for own in OWN:
        rows = await _count(session, own, parameters)
        if rows:
            of_cases = await _cases(session, own, parameters)
            cases |= set(of_cases)
            hits.append(Hit(own.who, own.table, rows, of_cases))
        if own.in_use:
            obstacles += await _in_use(session, own, parameters)
    return Person(
        tuple(tied), tuple(hits), tuple(sorted(cases)), tuple(await _open(session, cases) + obstacles), parameters
    )


async def rows_of_person(session: DatabaseSession, person: Person) -> dict[str, list[dict[str, Any]]]:
    """Return every row in which they occur, by table; no password, hash or salt."""
    found: dict[str, list[dict[str, Any]]] = {}
    for own in OWN:
        statement = _bound(f'select * from "{own.table}" where {own.where}')  # noqa: S608 all are ours
        rows = found.setdefault(own.table, [])
        for row in (await session.execute(statement, dict(person.parameters))).mappings():
            shown = {name: as_json(value) for name, value in row.items() if name not in _SECRET}
            if shown not in rows:
                rows.append(shown)
    return {table: rows for table, rows in found.items() if rows}


async def erase_rows(session: DatabaseSession, person: Person) -> dict[str, int]:
    """Erase what is theirs, in the caller's transaction; return how many rows of each table."""
    erased: dict[str, int] = {}
    for own in OWN:
        if count := await rows_changed(session, _bound(own.statement()), dict(person.parameters)):
            erased[own.table] = erased.get(own.table, 0) + count
    return erased


async def _tied(session: DatabaseSession, addresses: Collection[str]) -> list[str]:
    """Return these addresses, and those that MYICS knows as earlier or later ones of the same account."""
    known = set(addresses)
    while True:
        accounts = select(MyicsAccountRow.account_id).where(MyicsAccountRow.address.in_(known))
        row = MyicsRegistrationRow
        same = select(row.account_id, row.address, row.address_before).where(
            row.address.in_(known) | row.address_before.in_(known) | row.account_id.in_(accounts)
        )
        more = set(known)
        for account_id, address, before in await session.execute(same):
            now = await session.scalar(select(MyicsAccountRow.address).filter_by(account_id=account_id))
            more |= {each for each in (address, before, now) if each}
        if more == known:
            return sorted(known)
        known = more


async def _parameters(session: DatabaseSession, addresses: Sequence[str]) -> dict[str, list[str]]:
    given: dict[str, Any] = {ADDRESSES: list(addresses)}
    cases = f"select application_no from applications where existing_contract_id in {HELD_CONTRACTS}"  # noqa: S608
    own_cases = [str(each) for each in await session.scalars(_bound(cases), given)]
    names = (
        select(func.concat(YayoiIdRow.family_name, "%", YayoiIdRow.given_name))
        .where(YayoiIdRow.yayoi_id.in_(addresses), YayoiIdRow.family_name != "")
    )  # fmt: skip
    applied = "select family_name || '%' || given_name from applications where application_no = any(:own_cases)"
    held = "select customer_name from existing_contracts where mail_address = any(:addresses)"
    found = {str(each) for each in await session.scalars(names)}
    for statement in (applied, held):
        found |= {str(each) for each in await session.scalars(_bound(statement), given | {OWN_CASES: own_cases})}
    patterns = [f"%{_literally(each)}%" for each in addresses]
    return {
        ADDRESSES: list(addresses),
        PATTERNS: patterns,
        OWN_CASES: own_cases,
        NAMES: [f"%{each}%" for each in sorted(found) if each.strip("% ")],
    }


def _literally(address: str) -> str:
    return address.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def _count(session: DatabaseSession, own: Own, parameters: Mapping[str, Sequence[str]]) -> int:
    counted = _bound(f'select count(*) from "{own.table}" where {own.where}')  # noqa: S608 all are ours
    return int(await session.scalar(counted, dict(parameters)) or 0)


async def _cases(session: DatabaseSession, own: Own, parameters: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    if not own.case:
        return ()
    cases = _bound(f'select distinct {own.case} from "{own.table}" where {own.where} order by 1')  # noqa: S608
    return tuple(str(each) for each in await session.scalars(cases, dict(parameters)) if each is not None)


async def _in_use(session: DatabaseSession, own: Own, parameters: Mapping[str, Sequence[str]]) -> list[str]:
    key = own.case or "''"
    rows = _bound(f'select {key} from "{own.table}" where ({own.where}) and {own.in_use} order by 1')  # noqa: S608
    return [f"{each or own.who}：{own.in_use_as}" for each in await session.scalars(rows, dict(parameters))]


async def _open(session: DatabaseSession, cases: Collection[str]) -> list[str]:
    row = CaseStatusRow
    going_on = select(row.case_no, row.part, row.stage).where(
        row.case_no.in_(cases),
        (row.outcome.is_(None) & (row.stage != CLOSED_STAGE)) | (row.stage == Stage.AFTER_CLOSING),
    )
    found = await session.execute(going_on.order_by(row.case_no, row.part))
    return [f"{_named(case_no, part)}：{_why(stage)}" for case_no, part, stage in found]


def _named(case_no: str, part: int) -> str:
    return f"{case_no} の {part} 件目" if part else case_no


def _why(stage: str) -> str:
    return STILL_AFTER_CLOSING if stage == Stage.AFTER_CLOSING else OPEN


def _bound(statement: str) -> Any:
    names = [name for name in (ADDRESSES, PATTERNS, OWN_CASES, NAMES) if f":{name}" in statement]
    return text(statement).bindparams(*(bindparam(name, type_=ARRAY(Text)) for name in names))
