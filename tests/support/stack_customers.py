"""Many customers of a stack, each with one contract and one office, who do with it what a test says."""

import json
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import select

from models.common.calendar import day_in_japan, utc_now
from models.tables import ApplicationRow, CaseStatusRow, IssuedContractRow
from models.yayoi.identifiers import ApplicationNo, office_workflow_id
from models.yayoi.operator_actions import Action
from models.yayoi.service_links import LinkKind
from tests.support.signing import SATO
from tests.support.stack_cases import Outside
from workers import database, examples, temporal
from workers.commands.act import workflow_id_of
from workers.registry.file import load
from workers.settings import Settings
from workers.wiring.operations import operations_by_operators

FIRST_CONTRACT = 8_100_000
SERVICE = (LinkKind.BANK_ACCOUNT, "みずうみ銀行 普通 7654321")
UNREGISTERED = "nobody-{}@many.example.jp"
WRONG_TOKEN = "99999999-0000-4000-8000-999999999999"


class Customer:
    """One of them, by number."""

    def __init__(self, number: int, outside: Outside) -> None:
        self.contract_id = str(FIRST_CONTRACT + number)
        self.yayoi_id = f"office-{number}@many.example.jp"
        self.token = f"{number:08d}-0000-4000-8000-{number:012d}"
        self.application_no: ApplicationNo | None = None
        self._outside = outside

    @property
    def workflow_id(self) -> str:
        """Of the office's procedure; empty until it has applied."""
        return office_workflow_id(self.application_no, 1) if self.application_no else ""

    @property
    def case_no(self) -> str:
        return str(self.application_no)

    async def apply(self, *, token: str | None = None, yayoi_id: str | None = None) -> None:
        """`token` and `yayoi_id`: others than their own."""
        pair = (yayoi_id or self.yayoi_id, token or self.token)
        self.application_no = await self._outside.apply(pair, contract_id=self.contract_id)

    async def release_sharing(self) -> None:
        await self._outside.report("sharing_released", office_token=self.token)

    async def set_password_and_group(self, settings: Settings) -> None:
        both = {"contract_id": await self.issued(settings), "yayoi_id": self.yayoi_id}
        await self._outside.report("support_password_set", **both)
        await self._outside.report("business_group_created", yayoi_id=self.yayoi_id, group_name="多数商店")

    async def register_products(self, settings: Settings) -> None:
        both = {"contract_id": await self.issued(settings), "yayoi_id": self.yayoi_id}
        await self._outside.report("product_registered", **both)
        await self._outside.report("owned_product_registered", **both)

    async def relink(self, settings: Settings) -> None:
        facts = {"service_kind": SERVICE[0], "service": SERVICE[1], "relinked_on": f"{day_in_japan(utc_now())}"}
        await self._outside.report("service_relinked", contract_id=await self.issued(settings), **facts)

    async def set_up(self, settings: Settings) -> None:
        await self.set_password_and_group(settings)
        await self.register_products(settings)
        await self.relink(settings)

    async def issued(self, settings: Settings) -> str:
        query = select(IssuedContractRow.contract_id).where(
            IssuedContractRow.application_no == self.application_no, IssuedContractRow.yayoi_id == self.yayoi_id
        )
        async with database.opened(settings) as sessions, sessions() as session:
            return str((await session.scalars(query)).one())

    async def act(self, settings: Settings, action: Action, **content: Any) -> None:
        """Have an operator do something with the case."""
        async with temporal.opened(settings) as client, database.opened(settings) as sessions:
            operations = operations_by_operators(settings, client, sessions)
            assert self.application_no
            case = workflow_id_of(f"{self.application_no}/1")
            outcome = await operations.send(case, action, content, SATO, str(uuid4()))
        assert type(outcome).__name__ == "Done", outcome


async def load_many(settings: Settings, folder: Path, count: int, shared: frozenset[int] = frozenset()) -> None:
    """Load so many, and the example's operators; `shared`: who shares smart import with an accounting office."""
    lines = [json.dumps(each) for number in range(count) for each in _records(number, is_shared=number in shared)]
    (folder / "many.jsonl").write_text("\n".join(lines), encoding="utf-8")
    async with database.opened(settings) as sessions:
        await load(sessions, examples.registry())
        report = await load(sessions, folder / "many.jsonl")
    assert not report.refused, report.refused


async def statuses(settings: Settings) -> dict[str, CaseStatusRow]:
    """Return where every case is, by its workflow."""
    async with database.opened(settings) as sessions, sessions() as session:
        rows = await session.scalars(select(CaseStatusRow))
        return {row.workflow_id: row for row in rows}


async def applied(settings: Settings) -> set[str]:
    async with database.opened(settings) as sessions, sessions() as session:
        return set(await session.scalars(select(ApplicationRow.application_no)))


def _records(number: int, *, is_shared: bool) -> list[dict[str, Any]]:
    customer = Customer(number, cast("Outside", None))  # it says nothing
    of_contract = {"existing_contract_id": customer.contract_id, "office_token": customer.token}
    records: list[dict[str, Any]] = [
        {
            "record": "contract",
            "contract_id": customer.contract_id,
            "customer_name": "多数 太郎",
            "mail_address": f"holder-{number}@many.example.jp",
            "product_name": "弥生会計 24 ネットワーク",
            "network_product": True,
        },
        {"record": "yayoi_id", "yayoi_id": customer.yayoi_id, "family_name": "多数", "given_name": "太郎"},
        {"record": "office", **of_contract, "name": f"事業所{number}"},
        {
            "record": "link",
            "office_token": customer.token,
            "kind": SERVICE[0],
            "service": SERVICE[1],
            "last_imported_on": "2026-10-30",
        },
    ]
    if is_shared:
        records.append({"record": "sharing", "office_token": customer.token, "firm": "山田会計事務所"})
    return records
