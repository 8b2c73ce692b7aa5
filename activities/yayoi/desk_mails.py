"""Mails to the operators' desk: customers' enquiries (Y16), and forms that could not be taken."""

from functools import partial

from jinja2 import Environment
from temporalio import activity

from activities.common.outbox import MailIdentity, Outbox, WrittenMail
from activities.yayoi.registry.protocols import Contracts
from models.common.calendar import JST
from models.common.desk_links import desk_case_path, refused_form_path
from models.common.messages import SentMail
from models.common.store.ledger import StepTransaction
from models.common.store.sessions import DatabaseSession
from models.tables import EnquiryRow, RefusedFormRow
from models.yayoi.enquiries import DESK_SUBJECT, EnquiryRef
from models.yayoi.identifiers import ContractId
from models.yayoi.mails import REFUSED_FORM_SUBJECT
from models.yayoi.provider_forms.refused import RefusedFormRef, what_is_wrong


class DeskMailActivities:
    """Mails each enquiry and each refused form once. What a form says stays in the database."""

    def __init__(
        self, outbox: Outbox, templates: Environment, contracts: Contracts, *, desk_url: str, desk: str
    ) -> None:
        """Take where operators reach their desk, and its mail address."""
        self._outbox = outbox
        self._contracts = contracts
        self._desk_url = desk_url
        self._desk = desk
        self._templates = templates

    @activity.defn
    async def forward_enquiry(self, enquiry: EnquiryRef) -> SentMail:
        """Mail the enquiry unless it was mailed before."""
        mail = MailIdentity(key=f"enquiry:{enquiry.receipt_no}", kind="enquiry")
        return await self._outbox.send(mail, partial(self._write_enquiry, enquiry=enquiry))

    @activity.defn
    async def report_refused_form(self, form: RefusedFormRef) -> SentMail:
        """Mail what was wrong with the form unless that was mailed before."""
        mail = MailIdentity(key=f"refused-form:{form.form_no}", kind="refused_form")
        return await self._outbox.send(mail, partial(self._write_refused_form, form=form))

    async def _write_enquiry(self, session: DatabaseSession, enquiry: EnquiryRef) -> WrittenMail:
        row = await session.get_one(EnquiryRow, enquiry.receipt_no)
        contract = await self._contracts.existing(
            StepTransaction.to_read(session, row.received_at), ContractId(row.contract_id)
        )
        template = self._templates.get_template("enquiry.md")
        page = self._desk_url + desk_case_path(row.application_no) if row.application_no else None
        received = row.received_at.astimezone(JST)
        body = template.render(enquiry=row, contract=contract, received=received, desk_page=page)
        return WrittenMail(self._desk, DESK_SUBJECT, body)

    async def _write_refused_form(self, session: DatabaseSession, form: RefusedFormRef) -> WrittenMail:
        row = await session.get_one(RefusedFormRow, form.form_no)
        body = self._templates.get_template("refused_form.md").render(
            row=row,
            wrong=what_is_wrong(row.body, row.errors),
            page=self._desk_url + refused_form_path(row.form_no),
        )
        return WrittenMail(self._desk, REFUSED_FORM_SUBJECT, body)
