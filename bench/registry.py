"""Customers, each with one contract, one office linked to one service, and one free Yayoi ID; and some operators."""

import json
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from workers.registry.file import load

FIRST_CONTRACT = 8_000_000
SERVICE = {"kind": "bank_account", "service": "みずうみ銀行 普通 7654321"}
"""What each office is linked to."""
_OPERATORS = [
    {
        "record": "operator",
        "handle": f"op-{number}",
        "name": name,
        "mail_address": f"operator-{number}@bench.example.jp",
    }
    for number, name in enumerate(("佐藤", "鈴木", "高橋"))
]


def contract(number: int) -> str:
    return str(FIRST_CONTRACT + number)


def yayoi_id(number: int) -> str:
    return f"office-{number}@bench.example.jp"


def token(number: int) -> str:
    return f"{number:08d}-0000-4000-8000-{number:012d}"


async def load_customers(sessions: async_sessionmaker[AsyncSession], folder: Path, count: int) -> None:
    file = folder / "customers.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        for record in (*_OPERATORS, *(record for number in range(count) for record in _records(number))):
            lines.write(json.dumps(record, ensure_ascii=False) + "\n")
    report = await load(sessions, file)
    if report.refused:
        raise RuntimeError(report.refused[0].reason)


def _records(number: int) -> list[dict[str, object]]:
    return [
        {
            "record": "contract",
            "contract_id": contract(number),
            "customer_name": "弥生 太郎",
            "mail_address": f"customer-{number}@bench.example.jp",
            "product_name": "弥生会計 24 ネットワーク",
            "network_product": True,
        },
        {"record": "yayoi_id", "yayoi_id": yayoi_id(number), "family_name": "弥生", "given_name": "太郎"},
        {
            "record": "office",
            "office_token": token(number),
            "existing_contract_id": contract(number),
            "name": f"事業所{number}",
        },
        {
            "record": "link",
            "office_token": token(number),
            **SERVICE,
            "last_imported_on": "2026-10-30",
        },
    ]
