"""Forms of a provider: taken by the one intake; what breaks our rules is kept until somebody corrects it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from models.common.actors import Actor, ActorKind, Channel
from models.common.calendar import utc_now
from models.common.encryption import key_owner
from models.common.json_text import read_json
from models.common.refusals import FieldError, RefusedError
from models.common.store.case_keys import make_case_key
from models.common.store.sessions import DatabaseSessions
from models.tables import ApplicationRow, RefusedFormRow
from models.yayoi.holder_confirmation import TooManyUnconfirmedError
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.provider_forms.mapping import Translation
from models.yayoi.provider_forms.refused import refused_form_workflow_id
from models.yayoi.store.confirmations import is_unconfirmed
from models.yayoi.store.intake import Intake, OtherContentError, Receipt
from models.yayoi.store.refused_forms import RefusedForms, SettledError, Settlement, settle

PROVIDER = Actor(ActorKind.SYSTEM, "form-provider", channel=Channel.FORM)
"""Who has sent an application that came as a signed form."""
_UNREADABLE = FieldError(field="", message="JSON の項目の組（オブジェクト）として読み取れません。")
_OTHER_CONTENT = FieldError(
    field="",
    message="同じ番号の申し込みを、別の内容ですでに受け付けています。新しい申し込みかどうかを確認してください。",
)
_NOT_THERE = FieldError(field="", message="直した項目が、届いた内容にありません。届いた内容を確認してください。")


class ProviderForms:
    """Takes signed forms. The same webhook again gets the same answer, whatever became of it meanwhile."""

    def __init__(self, sessions: DatabaseSessions, intake: Intake, translation: Translation) -> None:
        self._sessions = sessions
        self._intake = intake
        self._translation = translation

    async def take(self, webhook_id: str, body: str) -> Receipt:
        """Store the application once.

        Raises `RefusedError` with the provider's field names, `OtherContentError`, and `TooManyUnconfirmedError`. The
        form is kept then: its applicant is gone, and its provider sends it again for a while only.
        """
        if settled := await self._settled(webhook_id):
            return settled
        try:
            receipt = await self._receive(webhook_id, _read(body), {})
        except RefusedError as refused:
            errors = [FieldError(field=_text(each.field), message=_text(each.message)) for each in refused.errors]
            await self._keep(webhook_id, body, errors)
            raise RefusedError(errors) from None
        except OtherContentError:
            await self._keep(webhook_id, body, [_OTHER_CONTENT])
            raise
        except TooManyUnconfirmedError as refused:
            await self._keep(webhook_id, body, [FieldError(field="", message=str(refused))])
            raise
        await self._no_longer_kept(webhook_id, body, receipt.application_no)
        return receipt

    async def retry(self, form_no: int, changes: Mapping[str, str], settlement: Settlement) -> Receipt:
        """Take a kept form once more, with corrected values. Raises as `take` does, `SettledError`, `ValueError`."""
        async with self._sessions.begin() as session:
            kept = await session.get_one(RefusedFormRow, form_no)
        if kept.settled_at:
            raise SettledError
        receipt = await self._receive(kept.webhook_id, _read(kept.body), changes)
        await settle(self._sessions, form_no, settlement, receipt.application_no, utc_now())
        return receipt

    async def take_asked(self) -> None:
        """Take what operators want taken, each with their corrections; what is still wrong with it is kept."""
        kept = RefusedForms(self._sessions)
        for form in await kept.asked_for():
            if errors := await self._still_wrong(form):
                await kept.refuse_again(form, {_text(each.field): _text(each.message) for each in errors})

    async def _still_wrong(self, form: RefusedFormRow) -> Sequence[FieldError]:
        try:
            await self.retry(form.form_no, form.corrections, Settlement(str(form.settled_by), str(form.reason)))
        except SettledError:
            return ()
        except RefusedError as refused:
            return refused.errors
        except TooManyUnconfirmedError as refused:
            return (FieldError(field="", message=str(refused)),)
        except OtherContentError:
            return (_OTHER_CONTENT,)
        except ValueError:  # what the provider has sent anew no longer has this place
            return (_NOT_THERE,)
        return ()

    async def _receive(self, webhook_id: str, data: Any, corrected: Mapping[str, str]) -> Receipt:
        translated = self._translation.translate(data, webhook_id, corrected)
        form = translated.form()
        try:
            return await self._intake.receive(form, by=PROVIDER)
        except RefusedError as refused:
            raise translated.renamed(refused) from None

    async def _settled(self, webhook_id: str) -> Receipt | None:
        """Return what a kept form has become. Raises `RefusedError` if it was discarded."""
        async with self._sessions() as session:
            kept = await session.scalar(select(RefusedFormRow).where(RefusedFormRow.webhook_id == webhook_id))
            if kept is None or kept.settled_at is None:
                return None
            if kept.application_no is None:
                raise RefusedError([FieldError(field=name, message=text) for name, text in kept.errors.items()])
            row = await session.get_one(ApplicationRow, kept.application_no)
            number = ApplicationNo(row.application_no)
            waits = await is_unconfirmed(session, number)
            return Receipt(number, row.due_date, new=False, waits_for_holder=waits, link_no=row.link_no)

    async def _keep(self, webhook_id: str, body: str, errors: Sequence[FieldError]) -> None:
        latest = {"body": _storable(body), "errors": {error.field: error.message for error in errors}}
        kept = insert(RefusedFormRow).values(webhook_id=webhook_id, **latest)
        async with self._sessions.begin() as session:
            form_no = await session.scalar(
                kept.on_conflict_do_update(
                    index_elements=["webhook_id"], set_=latest, where=RefusedFormRow.settled_at.is_(None)
                ).returning(RefusedFormRow.form_no)
            )
            if form_no is not None:
                await make_case_key(session, key_owner(refused_form_workflow_id(form_no)))

    async def _no_longer_kept(self, webhook_id: str, body: str, application_no: ApplicationNo) -> None:
        """The very form that was kept can be taken by now, and its provider has sent it again."""
        async with self._sessions.begin() as session:
            await session.execute(
                update(RefusedFormRow)
                .where(
                    RefusedFormRow.webhook_id == webhook_id,
                    RefusedFormRow.body == _storable(body),
                    RefusedFormRow.settled_at.is_(None),
                )
                .values(
                    settled_at=datetime.now(UTC),
                    settled_by="フォームの提供元",
                    reason="再送されたときに受け付けた",
                    application_no=application_no,
                    body="",
                    corrections={},
                )
            )


def _read(body: str) -> Any:
    try:
        data = read_json(body)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise RefusedError([_UNREADABLE])
    return data


def _text(text: str) -> str:
    """Leave out what can be neither stored nor sent: halves of characters, and the character 0."""
    return _storable(text.encode("utf-8", "replace").decode())


def _storable(text: str) -> str:
    return text.replace("\0", "")
