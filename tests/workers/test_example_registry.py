"""The example registry loads as a whole, and holds every situation that later tests draw from."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models import tables
from models.yayoi.identifiers import OfficeToken, YayoiId
from workers.examples import registry
from workers.registry.file import load

RECORDS: list[dict[str, Any]] = json.loads(registry().read_text(encoding="utf-8"))
DOCUMENT = Path(__file__).parents[2] / "docs" / "example-registry.md"


def of_kind(kind: str, **facts: Any) -> list[dict[str, Any]]:
    return [
        record
        for record in RECORDS
        if record["record"] == kind and all(record.get(name) == fact for name, fact in facts.items())
    ]


def office(token: str) -> dict[str, Any]:
    (found,) = (row for row in of_kind("office") if OfficeToken(row["office_token"]) == token)
    return found


def tokens_with(kind: str, count: int) -> list[str]:
    tokens = [row["office_token"] for row in of_kind(kind)]
    return [token for token in dict.fromkeys(tokens) if tokens.count(token) == count]


async def test_it_loads_as_a_whole_and_again_changes_nothing(sessions: async_sessionmaker[AsyncSession]) -> None:
    first = await load(sessions, registry())
    assert (first.loaded, first.unchanged, first.refused) == (len(RECORDS), 0, ())
    again = await load(sessions, registry())
    assert (again.loaded, again.unchanged, again.refused) == (0, len(RECORDS), ())
    async with sessions() as session:
        contracts = (await session.scalars(select(tables.ExistingContractRow))).all()
    assert len(contracts) >= 30


def test_every_customer_has_a_note_and_is_in_the_document() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    for customer in of_kind("contract"):
        assert customer["note"]
        assert f"| {customer['contract_id']} | {customer['customer_name']} |" in document


def test_the_customer_of_the_demo_is_there() -> None:
    assert of_kind("contract", contract_id="8871304", customer_name="弥生 太郎", network_product=True)
    a, b, c = of_kind("office", existing_contract_id="8871304")
    assert [row["name"] for row in (a, b, c)] == ["事業所A", "事業所B", "事業所C"]
    assert a["contract_id"] == "8871304"
    assert a["group"].startswith("office-a@")
    assert b["office_token"] == "b0000002-0000-4000-8000-000000000002"
    assert not of_kind("sharing", office_token=b["office_token"])
    assert [row["kind"] for row in of_kind("link", office_token=b["office_token"])] == ["bank_account"]
    assert [row["firm"] for row in of_kind("sharing", office_token=c["office_token"])] == ["山田会計事務所"]
    assert [row["kind"] for row in of_kind("link", office_token=c["office_token"])] == ["bank_account", "air_regi"]
    for letter in "bc":
        mail = f"{letter}@".join(a["group"].split("a@", 1))
        assert of_kind("yayoi_id", yayoi_id=mail)
        assert not of_kind("member", yayoi_id=mail)
        assert not of_kind("business_group", administrator=mail)


@pytest.mark.parametrize(
    ("situation", "found"),
    [
        ("standalone product", of_kind("contract", product_name="やよいの青色申告 24", network_product=False)),
        ("shared with one", tokens_with("sharing", 1)),
        ("shared with two", tokens_with("sharing", 2)),
        ("links of every kind", tokens_with("link", 4)),
        ("two links of one office", tokens_with("link", 2)),
        ("never imported", of_kind("link", last_imported_on=None)),
        ("user of a group", of_kind("member", administrator=False)),
        ("second administrator of a group", of_kind("member", administrator=True)),
        ("administrator of another group", of_kind("business_group", administrator="office-2@chatani.example.co.jp")),
        ("contract ID within the pool", of_kind("contract", contract_id="7000005")),
        ("plus sign", [row for row in of_kind("contract") if "+" in row["mail_address"]]),
        ("plus sign in an ID", [row for row in of_kind("yayoi_id") if "+" in row["yayoi_id"]]),
        ("long name", [row for row in of_kind("contract") if len(row["customer_name"]) > 30]),
        ("long office name", [row for row in of_kind("office") if len(row["name"]) > 50]),
        ("rare kanji", [row for row in of_kind("contract") if max(row["customer_name"]) > "\uffff"]),
        ("same name twice", of_kind("contract", customer_name="弥生 太郎")[1:]),
        ("not in normal form", [row for row in of_kind("yayoi_id") if YayoiId(row["yayoi_id"]) != row["yayoi_id"]]),
        ("own contract ID already", of_kind("office", contract_id="6500033")),
    ],
)
def test_the_situation_is_there(situation: str, found: list[Any]) -> None:
    assert found, situation


def test_a_customer_with_many_offices_and_one_with_none() -> None:
    counts = {
        row["contract_id"]: len(of_kind("office", existing_contract_id=row["contract_id"]))
        for row in of_kind("contract")
    }
    assert max(counts.values()) >= 10
    assert min(counts.values()) == 0


def test_y2_an_id_that_is_not_registered() -> None:
    assert not of_kind("yayoi_id", yayoi_id="office-2@kaneko.example.co.jp")
    assert of_kind("yayoi_id", yayoi_id="office-1@kaneko.example.co.jp")


def test_y5_the_token_of_another_contract() -> None:
    (applicant,) = of_kind("contract", customer_name="銀林 薫")
    (owner,) = of_kind("contract", customer_name="紫藤 陽子")
    token = f"b{owner['contract_id']}-0000-4000-8000-000000000002"
    assert office(token)["existing_contract_id"] == owner["contract_id"] != applicant["contract_id"]


def test_the_operators_are_those_of_the_document() -> None:
    operators = of_kind("operator")
    assert len(operators) == 5
    supervisors = [operator for operator in operators if "supervisor" in operator.get("roles", ())]
    assert [each["takes_cases"] for each in supervisors] == [False, False]  # one approves what the other asks for
    assert [operator["name"] for operator in operators if "leave_from" in operator] == ["高橋"]
    document = DOCUMENT.read_text(encoding="utf-8")
    assert all(operator["name"] in document for operator in operators)
