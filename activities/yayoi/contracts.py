"""Issuing contract IDs (Y15)."""

from sqlalchemy import exists, select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.yayoi.cases import NotRightError, find_pair, find_right_pair
from activities.yayoi.registry.protocols import Contracts, Links
from activities.yayoi.service_links import keep_links
from models.common.store.ledger import Ledger, StepTransaction, key_of
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.common.waiting_for import WaitingFor
from models.tables import ApplicationOfficeRow, CaseStatusRow, LedgerRow
from models.yayoi.identifiers import OfficeToken
from models.yayoi.messages import (
    AttachedContract,
    IssuedContract,
    IssueStep,
    OfficeStep,
    RememberedLink,
    RevokedContract,
)


class ContractActivities:
    """Issues one contract ID per pair, ever."""

    def __init__(self, sessions: DatabaseSessions, ledger: Ledger, contracts: Contracts, links: Links) -> None:
        self._sessions = sessions
        self._ledger = ledger
        self._contracts = contracts
        self._links = links

    @activity.defn
    async def issue_contract_id(self, step: IssueStep) -> IssuedContract | None:
        """Issue the pair's contract ID (Y15); the office's links, made with the old one, are lost with it (Y14).

        None: an earlier pair of the application is about to be issued; numbers follow the order of the form. Raises
        `ContractIdPoolExhaustedError`, which is tried again until the pool is larger.
        """
        if step.part > 1 and not step.in_any_order:
            async with self._sessions() as session:
                others_first = await _earlier_ones_are_on_their_way(session, step)
            if others_first:
                await self._ledger.write_status(step)
                return None

        async def issue(transaction: StepTransaction) -> IssuedContract:
            pair = await find_right_pair(transaction.session, step.case_no, step.part)
            issued = await self._contracts.issue(transaction, pair.existing_contract_id, pair.yayoi_id, pair.token)
            lost = await self._lose_links(transaction, pair.token) if pair.token else ()
            transaction.audit(
                "サービス契約ID を発行した", rule="Y15", contract_id=issued.contract_id, number=issued.number
            )
            return issued.model_copy(update={"lost_links": lost})

        return await self._ledger.once(step, "issue", IssuedContract, issue)

    @activity.defn
    async def attach_to_contract(self, step: OfficeStep) -> AttachedContract:
        """Manage the office with the ID that was issued before (Y9); its links, made with the old one, are lost."""

        async def attach(transaction: StepTransaction) -> AttachedContract:
            pair = await find_right_pair(transaction.session, step.case_no, step.part)
            contract_id = pair.contract_id_to_attach
            reading = StepTransaction.to_read(transaction.session, step.at, step.case_no, step.part)
            if not await self._contracts.is_issued_to(reading, contract_id, pair.yayoi_id, pair.existing_contract_id):
                raise NotRightError  # it was revoked since it was checked
            await self._contracts.attach(transaction, contract_id, pair.linked_token)
            lost = await self._lose_links(transaction, pair.linked_token)
            transaction.audit("サービス契約ID に会計連携を設定した", rule="Y9", contract_id=contract_id)
            return AttachedContract(contract_id=contract_id, lost_links=lost)

        return await self._ledger.once(step, "attach", AttachedContract, attach)

    @activity.defn
    async def revoke_contract_id(self, step: OfficeStep) -> RevokedContract:
        """Take back what was issued or attached, and bring back the links that were lost with it (Y27).

        Raises a final error while 会計連携の追加 for this very ID is open: that has to end first.
        """

        async def revoke(transaction: StepTransaction) -> RevokedContract:
            pair = await find_pair(transaction.session, step.case_no, step.part)
            await self._refuse_while_added_to(transaction, step)
            if pair.office.issued_contract_id:
                await self._contracts.detach(transaction, pair.linked_token)
                revoked = None
            else:
                revoked = await self._contracts.revoke(transaction, pair.token)
            if pair.token:
                await self._links.restore(transaction, pair.token)
            transaction.audit("サービス契約ID を取り消した", rule="Y27", contract_id=revoked)
            return RevokedContract(contract_id=revoked)

        return await self._ledger.once(step, "revoke", RevokedContract, revoke)

    async def _refuse_while_added_to(self, transaction: StepTransaction, step: OfficeStep) -> None:
        reading = StepTransaction.to_read(transaction.session, step.at, step.case_no, step.part)
        issued = (await self._contracts.issued(reading)).get(step.part)
        if issued is None:
            return
        addition = select(ApplicationOfficeRow.application_no).where(
            ApplicationOfficeRow.holds_id, ApplicationOfficeRow.issued_contract_id == issued.contract_id
        )
        if number := await transaction.session.scalar(addition):
            message = (
                f"このサービス契約ID には、会計連携の追加のお申し込み（{number}）が手続き中です。"
                "先にそちらを取り消してから、もう一度試してください。"
            )
            raise ApplicationError(message, type="AdditionOpen", non_retryable=True)

    async def _lose_links(self, transaction: StepTransaction, office: OfficeToken) -> tuple[RememberedLink, ...]:
        """End the links with the old ID; those made since they were remembered are remembered, too (Y14)."""
        return await keep_links(transaction, await self._links.lose(transaction, office))


async def _earlier_ones_are_on_their_way(session: DatabaseSession, step: OfficeStep) -> bool:
    """Whether earlier pairs of the application have no ID yet and wait for nobody; who waits holds up no other (Y15).

    What keeps failing, was refused or is held waits for an operator.
    """
    row = CaseStatusRow
    issued = exists().where(LedgerRow.key == key_of(row.case_no, row.part, "issue"))
    on_their_way = select(row.part).where(
        row.case_no == step.case_no,
        row.part.between(1, step.part - 1),
        row.waiting_for == WaitingFor.SYSTEM,
        row.outcome.is_(None),
        row.ending.is_(None),
        ~issued,
    )
    return await session.scalar(on_their_way.limit(1)) is not None
