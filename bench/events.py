"""How many events a case has on the straight way: at rest after its notice, and when it is closed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from bench.batch import measure
from bench.ours import Ours
from bench.reading import events_of, wait_until_closed
from bench.registry import SERVICE, yayoi_id
from models.common.calendar import day_in_japan, utc_now
from models.tables import IssuedContractRow


@dataclass(frozen=True)
class Events:
    """Events of an application with one office: of all its workflows together, on average."""

    to_notice: float
    to_closed: float


async def count_events(ours: Ours, numbers: Iterable[int]) -> Events:
    """Lead the applications of these customers one after the other, so that nothing of one waits for another."""
    to_notice, to_closed = [], []
    for number in numbers:
        [case] = (await measure(ours, [number])).cases
        to_notice.append(await events_of(ours.client, case))
        for report in _reports(number, await _contract_id(ours, case)):
            (await ours.http.post("/api/events", json=report)).raise_for_status()
        await wait_until_closed(ours.client, case)
        to_closed.append(await events_of(ours.client, case))
    return Events(mean(to_notice), mean(to_closed))


async def _contract_id(ours: Ours, application_no: str) -> str:
    issued = select(IssuedContractRow.contract_id).where(IssuedContractRow.application_no == application_no)
    async with ours.sessions() as session:
        return str((await session.execute(issued)).scalar_one())


def _reports(number: int, contract_id: str) -> Sequence[dict[str, Any]]:
    """What is left to the customer after the notice, in its order: the set-up steps, and the one service."""
    pair = {"contract_id": contract_id, "yayoi_id": yayoi_id(number)}
    relinked = {"service_kind": SERVICE["kind"], "service": SERVICE["service"]}
    today = str(day_in_japan(utc_now()))
    facts: dict[str, dict[str, str]] = {
        "support_password_set": pair,
        "business_group_created": {"yayoi_id": yayoi_id(number), "group_name": f"弥生 {number} 商店"},
        "product_registered": pair,
        "owned_product_registered": pair,
        "service_relinked": {"contract_id": contract_id, **relinked, "relinked_on": today},
    }
    return [{"event_id": str(uuid4()), "kind": kind, **known} for kind, known in facts.items()]
