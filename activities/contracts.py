"""Issuing contract IDs (Y15)."""

from temporalio import activity

from activities.cases import find_pair
from activities.ledger import Ledger, Work
from activities.registry import Contracts, Links
from models.messages import IssuedContract, OfficeStep


class ContractActivities:
    """Issues one contract ID per pair, ever."""

    def __init__(self, ledger: Ledger, contracts: Contracts, links: Links) -> None:
        self._ledger = ledger
        self._contracts = contracts
        self._links = links

    @activity.defn
    async def issue_contract_id(self, step: OfficeStep) -> IssuedContract:
        """Issue the pair's contract ID; the office's links, made with the old one, are lost with it (Y14).

        Raises `ContractIdPoolExhaustedError`, which is tried again until the pool is larger.
        """

        async def issue(work: Work) -> IssuedContract:
            pair = await find_pair(work.session, step.application_no, step.office_no)
            issued = await self._contracts.issue(work, pair.existing_contract_id, pair.yayoi_id, pair.token)
            if pair.token:
                await self._links.lose(work, pair.token)
            work.audit("サービス契約ID を発行した", contract_id=issued.contract_id, number=issued.number)
            return issued

        return await self._ledger.once(step, "issue", IssuedContract, issue)
