"""The links to drafts, mailed."""

from functools import partial

from jinja2 import Environment
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.common.outbox import MailIdentity, Outbox, WrittenMail
from models.common.calendar import JST
from models.common.messages import SentMail
from models.common.secret_keys import SecretKeys
from models.common.store.sessions import DatabaseSession
from models.tables import DraftRow
from models.yayoi.drafts import DRAFT_SUBJECT, RESUME_PATH, DraftRef, draft_token, mail_token, receipt_no

NO_LONGER_KEPT = "お申し込みが済んだか、期限が過ぎたため、このメールは不要になりました。"


class DraftActivities:
    """Mails each link once. The address is read here: no message holds one."""

    def __init__(self, outbox: Outbox, templates: Environment, *, secret_keys: SecretKeys, public_url: str) -> None:
        self._outbox = outbox
        self._secret_keys = secret_keys
        self._public_url = public_url.rstrip("/")
        self._template = templates.get_template("draft.md")

    @activity.defn
    async def mail_draft(self, mail: DraftRef) -> SentMail:
        """Mail the link unless it was mailed before. Raises a final error for a draft that is no longer kept."""
        identity = MailIdentity(key=f"draft:{mail.draft_id}:{mail.mail_no}", kind="draft")
        return await self._outbox.send(identity, partial(self._write, mail=mail))

    async def _write(self, session: DatabaseSession, mail: DraftRef) -> WrittenMail:
        row = await session.get(DraftRow, mail.draft_id)
        if row is None or row.mail_address is None:
            raise ApplicationError(NO_LONGER_KEPT, type="NotKept", non_retryable=True)
        token = draft_token(self._secret_keys, row.draft_id, row.expires_at)
        opened_from = mail_token(self._secret_keys, row.draft_id, row.mail_no, row.expires_at)
        body = self._template.render(
            link=f"{self._public_url}{RESUME_PATH}?draft={token}&mail={opened_from}",
            until=row.expires_at.astimezone(JST),
            receipt_no=receipt_no(row.draft_id),
        )
        return WrittenMail(row.mail_address, DRAFT_SUBJECT, body)
