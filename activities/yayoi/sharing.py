"""Sharing of smart import data with an accounting office (Y13)."""

from temporalio import activity

from activities.yayoi.cases import find_open_pair, find_pair, has_its_contract_id
from activities.yayoi.registry.protocols import Sharing
from models.common.store.ledger import Ledger, StepTransaction
from models.common.store.sessions import DatabaseSessions
from models.yayoi.messages import EndSharing, OfficeStep, RestoredSharing, SharingState


class SharingActivities:
    """Looks whether an office is shared, and ends its sharing."""

    def __init__(self, sessions: DatabaseSessions, ledger: Ledger, sharing: Sharing) -> None:
        self._sessions = sessions
        self._ledger = ledger
        self._sharing = sharing

    @activity.defn
    async def sharing_state(self, step: OfficeStep) -> SharingState:
        """Return the accounting offices the office is shared with now (Y13). Reads only.

        Once the pair has its contract ID, sharing had ended: the customer may share again (Y21).
        """
        async with self._sessions() as session:
            if await has_its_contract_id(session, step.case_no, step.part):
                return SharingState(shared_with=())
            pair = await find_pair(session, step.case_no, step.part)
            transaction = StepTransaction.to_read(session, step.at, step.case_no, step.part)
            return SharingState(shared_with=tuple(await self._sharing.firms(transaction, pair.own_token)))

    @activity.defn
    async def end_sharing(self, step: EndSharing) -> SharingState:
        """End the sharing (Y13) and return with whom it was, for the re-link.

        Delegated: the system releases it on the applicant's behalf; otherwise a release that was reported is recorded.
        Every report counts: the office may have been shared anew, or the token corrected, since an earlier one.
        """

        async def end(transaction: StepTransaction) -> SharingState:
            pair = await find_open_pair(transaction.session, step.case_no, step.part)
            firms = await self._sharing.end(transaction, pair.own_token, released_by_system=step.delegated)
            action = "申込者に代わって共有を解除した" if step.delegated else "共有の解除を記録した"
            transaction.audit(
                action,
                by=step.by,
                reason=step.report.reason,
                rule="Y13",
                event_id=step.report.event_id,
                firms=list(firms),
            )
            return SharingState(shared_with=tuple(firms))

        name = f"end_sharing.{step.asked_as}" if step.asked_as else "end_sharing"
        return await self._ledger.once(step, name, SharingState, end)

    @activity.defn
    async def restore_sharing(self, step: OfficeStep) -> RestoredSharing:
        """Share again with whom the system had released it from; what the customer released stays released (Y27).

        A pair that does not hold its token has ended no sharing.
        """
        async with self._sessions() as session:
            if not (await find_pair(session, step.case_no, step.part)).office.holds_token:
                return RestoredSharing(firms=())

        async def restore(transaction: StepTransaction) -> RestoredSharing:
            pair = await find_pair(transaction.session, step.case_no, step.part)
            firms = await self._sharing.restore(transaction, pair.linked_token)
            if firms:
                transaction.audit("会計事務所との共有を元に戻した", rule="Y27", firms=list(firms))
            return RestoredSharing(firms=tuple(firms))

        return await self._ledger.once(step, "restore_sharing", RestoredSharing, restore)
