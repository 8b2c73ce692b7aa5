"""Enquiries: forwarded to the operators' desk (Y16)."""

from functools import partial

from temporalio import activity

from activities.common.mail_templates import mail_templates
from activities.common.outbox import Letter, Outbox, WrittenMail
from activities.yayoi.registry.protocols import Contracts
from models.common.calendar import JST
from models.common.messages import SentMail
from models.common.store.ledger import StepTransaction
from models.common.store.sessions import DatabaseSession
from models.tables import EnquiryRow
from models.yayoi.enquiries import DESK_SUBJECT, EnquiryRef
from models.yayoi.identifiers import ContractId


class EnquiryActivities:
    """Mails what customers asked to those who answer."""

    def __init__(self, outbox: Outbox, contracts: Contracts, desk: str) -> None:
        self._outbox = outbox
        self._contracts = contracts
        self._desk = desk
        self._template = mail_templates().get_template("enquiry.md")

    @activity.defn
    async def forward_enquiry(self, asked: EnquiryRef) -> SentMail:
        """Mail the enquiry to the desk unless it was mailed before."""
        letter = Letter(key=f"enquiry:{asked.receipt_no}", kind="enquiry")
        return await self._outbox.send(letter, partial(self._write, asked=asked))

    async def _write(self, session: DatabaseSession, asked: EnquiryRef) -> WrittenMail:
        row = await session.get_one(EnquiryRow, asked.receipt_no)
        contract = await self._contracts.existing(
            StepTransaction.to_read(session, row.received_at), ContractId(row.contract_id)
        )
        body = self._template.render(enquiry=row, contract=contract, received=row.received_at.astimezone(JST))
        return WrittenMail(self._desk, DESK_SUBJECT, body)
