"""Smart import: thawing it (Y12). It is frozen by the transaction that finds a pair's token right."""

from temporalio import activity

from activities.yayoi.cases import find_pair
from activities.yayoi.registry.protocols import SmartImport
from models.common.store.ledger import Ledger, StepTransaction
from models.common.store.sessions import DatabaseSessions
from models.yayoi.messages import OfficeStep, ThawedImport
from models.yayoi.store.smart_import import THAW, THAWED


class SmartImportActivities:
    """Thaws smart import of one office; other offices of the customer are untouched (Y12)."""

    def __init__(self, sessions: DatabaseSessions, ledger: Ledger, smart_import: SmartImport) -> None:
        self._sessions = sessions
        self._ledger = ledger
        self._smart_import = smart_import

    @activity.defn
    async def thaw_smart_import(self, step: OfficeStep) -> ThawedImport:
        """Let smart import of the office run again (Y12). A pair that does not hold its token has frozen none."""
        async with self._sessions() as session:
            if not (await find_pair(session, step.case_no, step.part)).office.holds_token:
                await self._ledger.write_status(step)
                return ThawedImport(thawed_at=None)

        async def thaw(transaction: StepTransaction) -> ThawedImport:
            pair = await find_pair(transaction.session, step.case_no, step.part)
            await self._smart_import.thaw(transaction, pair.linked_token)
            transaction.audit(THAWED, rule="Y12")
            return ThawedImport(thawed_at=step.at)

        return await self._ledger.once(step, THAW, ThawedImport, thaw)
