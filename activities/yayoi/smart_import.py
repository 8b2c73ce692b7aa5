"""Smart import: freezing and thawing it (Y12)."""

from temporalio import activity

from activities.yayoi.cases import find_open_pair, find_pair
from activities.yayoi.registry.protocols import SmartImport
from models.common.store.ledger import Ledger, StepTransaction
from models.yayoi.messages import FrozenImport, OfficeStep, ThawedImport


class SmartImportActivities:
    """Freezes and thaws smart import of one office; other offices of the customer are untouched (Y12)."""

    def __init__(self, ledger: Ledger, smart_import: SmartImport) -> None:
        self._ledger = ledger
        self._smart_import = smart_import

    @activity.defn
    async def freeze_smart_import(self, step: OfficeStep) -> FrozenImport:
        """Stop smart import of the office until it is thawed (Y12)."""

        async def freeze(transaction: StepTransaction) -> FrozenImport:
            pair = await find_open_pair(transaction.session, step.case_no, step.part)
            await self._smart_import.freeze(transaction, pair.linked_token)
            transaction.audit("スマート取引取込を凍結した")
            return FrozenImport(frozen_at=step.at)

        return await self._ledger.once(step, "freeze", FrozenImport, freeze)

    @activity.defn
    async def thaw_smart_import(self, step: OfficeStep) -> ThawedImport:
        """Let smart import of the office run again (Y12)."""

        async def thaw(transaction: StepTransaction) -> ThawedImport:
            pair = await find_pair(transaction.session, step.case_no, step.part)
            await self._smart_import.thaw(transaction, pair.linked_token)
            transaction.audit("スマート取引取込の凍結を解除した")
            return ThawedImport(thawed_at=step.at)

        return await self._ledger.once(step, "thaw", ThawedImport, thaw)
