"""The registry's rows: an early exit leaves them as they were before the application (Y27)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from models.tables import OfficeRow, ServiceLinkRow, SharingRow
from tests.support.environment import Environment

Office = tuple[str, str | None, int | None, str | None, datetime | None]
Sharing = tuple[int, str, str, bool]
Link = tuple[int, str, str, str, dict[str, Any], date | None, date | None]


@dataclass(frozen=True)
class Snapshot:
    """Every office, and the sharings and links that hold, by the numbers of their rows."""

    offices: list[Office]
    """Token, contract ID it is managed with, business group, for whom it is frozen and since when."""
    sharings: list[Sharing]
    """Row, token, accounting office, whether the system has released it."""
    links: list[Link]
    """Row, token, kind, service, settings, last imported and first covered day."""

    def of(self, token: str) -> "Snapshot":
        """The part of one office."""
        return Snapshot(
            [office for office in self.offices if office[0] == token],
            [sharing for sharing in self.sharings if sharing[1] == token],
            [link for link in self.links if link[1] == token],
        )


async def snapshot(environment: Environment) -> Snapshot:
    """Take it now."""
    offices = await environment.rows(select(OfficeRow).order_by(OfficeRow.office_token))
    sharings = await environment.rows(
        select(SharingRow).where(SharingRow.ended_at.is_(None)).order_by(SharingRow.sharing_id)
    )
    links = await environment.rows(
        select(ServiceLinkRow).where(ServiceLinkRow.lost_at.is_(None)).order_by(ServiceLinkRow.link_id)
    )
    return Snapshot(
        [(row.office_token, row.contract_id, row.group_id, row.frozen_by, row.frozen_at) for row in offices],
        [(row.sharing_id, row.office_token, row.firm, row.released_by_system) for row in sharings],
        [
            (
                row.link_id,
                row.office_token,
                row.kind,
                row.service,
                row.settings,
                row.last_imported_on,
                row.first_covered_on,
            )
            for row in links
        ],
    )
