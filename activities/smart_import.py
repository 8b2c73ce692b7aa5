"""Smart import: freezing and thawing it (Y12), and the import itself that a freeze refuses."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio import activity

from activities.cases import find_pair
from activities.ledger import Ledger, Work
from activities.registry import SmartImport
from models.calendar import day_in_japan
from models.identifiers import OfficeToken
from models.messages import FrozenImport, OfficeStep, ThawedImport
from models.tables import OfficeRow, ServiceLinkRow, SmartImportRunRow


class SmartImportActivities:
    """Freezes and thaws smart import of one office; other offices of the customer are untouched (Y12)."""

    def __init__(self, ledger: Ledger, smart_import: SmartImport) -> None:
        self._ledger = ledger
        self._smart_import = smart_import

    @activity.defn
    async def freeze_smart_import(self, step: OfficeStep) -> FrozenImport:
        """Stop smart import of the office until it is thawed."""

        async def freeze(work: Work) -> FrozenImport:
            pair = await find_pair(work.session, step.application_no, step.office_no)
            await self._smart_import.freeze(work, pair.linked_token)
            work.audit("スマート取引取込を凍結した")
            return FrozenImport(frozen_at=step.at)

        return await self._ledger.once(step, "freeze", FrozenImport, freeze)

    @activity.defn
    async def thaw_smart_import(self, step: OfficeStep) -> ThawedImport:
        """Let smart import of the office run again."""

        async def thaw(work: Work) -> ThawedImport:
            pair = await find_pair(work.session, step.application_no, step.office_no)
            await self._smart_import.thaw(work, pair.linked_token)
            work.audit("スマート取引取込の凍結を解除した")
            return ThawedImport(thawed_at=step.at)

        return await self._ledger.once(step, "thaw", ThawedImport, thaw)


@dataclass(frozen=True)
class ImportRun:
    """What became of one try to import."""

    refused_because: str | None


class SmartImportRuns:
    """スマート取引取込 itself: brings every open link of an office up to a day."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions

    async def run(self, office: OfficeToken, now: datetime, up_to: date | None = None) -> ImportRun:
        """Import, or refuse while the office is frozen; recorded either way, never half done (Y12).

        Raises `LookupError`, in Japanese, for an unknown office.
        """
        async with self._sessions.begin() as session:
            row = await session.get(OfficeRow, office, with_for_update=True)
            if row is None:
                raise LookupError(f"事業所トークン {office} の事業所データはありません。")
            refused = (
                f"申込 {row.frozen_by} の手続き中のため、完了のお知らせが届くまでスマート取引取込は利用できません。"
                if row.frozen_by
                else None
            )
            session.add(SmartImportRunRow(office_token=office, refused_because=refused))
            if refused is None:
                await session.execute(
                    update(ServiceLinkRow)
                    .where(ServiceLinkRow.office_token == office, ServiceLinkRow.lost_at.is_(None))
                    .values(last_imported_on=up_to or day_in_japan(now))
                )
        return ImportRun(refused)
