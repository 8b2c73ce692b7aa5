"""Issuing contract IDs (Y15)."""

from temporalio import activity

from activities.yayoi.cases import find_pair, find_right_pair
from activities.yayoi.registry.protocols import Contracts, Links
from activities.yayoi.service_links import keep_links
from models.common.store.ledger import Ledger, StepTransaction
from models.yayoi.identifiers import OfficeToken
from models.yayoi.messages import AttachedContract, IssuedContract, OfficeStep, RememberedLink, RevokedContract


class ContractActivities:
    """Issues one contract ID per pair, ever."""

    def __init__(self, ledger: Ledger, contracts: Contracts, links: Links) -> None:
        self._ledger = ledger
        self._contracts = contracts
        self._links = links

    @activity.defn
    async def issue_contract_id(self, step: OfficeStep) -> IssuedContract:
        """Issue the pair's contract ID (Y15); the office's links, made with the old one, are lost with it (Y14).

        Raises `ContractIdPoolExhaustedError`, which is tried again until the pool is larger.
        """

        async def issue(transaction: StepTransaction) -> IssuedContract:
            pair = await find_right_pair(transaction.session, step.case_no, step.part)
            issued = await self._contracts.issue(transaction, pair.existing_contract_id, pair.yayoi_id, pair.token)
            lost = await self._lose_links(transaction, pair.token) if pair.token else ()
            transaction.audit("サービス契約ID を発行した", contract_id=issued.contract_id, number=issued.number)
            return issued.model_copy(update={"lost_links": lost})

        return await self._ledger.once(step, "issue", IssuedContract, issue)

    @activity.defn
    async def attach_to_contract(self, step: OfficeStep) -> AttachedContract:
        """Manage the office with the ID that was issued before (Y9); its links, made with the old one, are lost."""

        async def attach(transaction: StepTransaction) -> AttachedContract:
            pair = await find_right_pair(transaction.session, step.case_no, step.part)
            contract_id = pair.contract_id_to_attach
            await self._contracts.attach(transaction, contract_id, pair.linked_token)
            lost = await self._lose_links(transaction, pair.linked_token)
            transaction.audit("サービス契約ID に会計連携を設定した", contract_id=contract_id)
            return AttachedContract(contract_id=contract_id, lost_links=lost)

        return await self._ledger.once(step, "attach", AttachedContract, attach)

    @activity.defn
    async def revoke_contract_id(self, step: OfficeStep) -> RevokedContract:
        """Take back what was issued or attached, and bring back the links that were lost with it (Y27)."""

        async def revoke(transaction: StepTransaction) -> RevokedContract:
            pair = await find_pair(transaction.session, step.case_no, step.part)
            if pair.office.issued_contract_id:
                await self._contracts.detach(transaction, pair.linked_token)
                revoked = None
            else:
                revoked = await self._contracts.revoke(transaction, pair.token)
            if pair.token:
                await self._links.restore(transaction, pair.token)
            transaction.audit("サービス契約ID を取り消した", contract_id=revoked)
            return RevokedContract(contract_id=revoked)

        return await self._ledger.once(step, "revoke", RevokedContract, revoke)

    async def _lose_links(self, transaction: StepTransaction, office: OfficeToken) -> tuple[RememberedLink, ...]:
        """End the links with the old ID; those made since they were remembered are remembered, too (Y14)."""
        lost = tuple(await self._links.lose(transaction, office))
        await keep_links(transaction, lost)
        return lost
