"""Notification the operators' desk of a form that could not be taken."""

from functools import partial

from temporalio import activity

from activities.common.mail_templates import mail_templates
from activities.common.outbox import Letter, Outbox, WrittenMail
from models.common.messages import SentMail
from models.common.store.sessions import DatabaseSession
from models.tables import RefusedFormRow
from models.yayoi.mails import REFUSED_FORM_SUBJECT
from models.yayoi.provider_forms.refused import RefusedFormRef


class RefusedFormActivities:
    """Mails what was wrong with a form; what it says stays in the database."""

    def __init__(self, outbox: Outbox, *, desk: str) -> None:
        self._outbox = outbox
        self._desk = desk
        self._template = mail_templates().get_template("refused_form.md")

    @activity.defn
    async def report_refused_form(self, form: RefusedFormRef) -> SentMail:
        """Mail the desk unless it was told of this form before."""
        letter = Letter(key=f"refused-form:{form.form_no}", kind="refused_form")
        return await self._outbox.send(letter, partial(self._write, form=form))

    async def _write(self, session: DatabaseSession, form: RefusedFormRef) -> WrittenMail:
        row = await session.get_one(RefusedFormRow, form.form_no)
        return WrittenMail(self._desk, REFUSED_FORM_SUBJECT, self._template.render(row=row))
