"""The one way a form becomes an application: checked and stored in one transaction, to be started afterwards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.exc import DBAPIError

from models.common.calendar import BusinessCalendar, day_in_japan, utc_now
from models.common.case_status import CaseStatus
from models.common.refusals import FieldError, RefusedError
from models.common.store.audit import audit
from models.common.store.case_status import begin_status
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    ExistingContractRow,
    application_count,
)
from models.yayoi.application_form import ApplicationForm
from models.yayoi.deadlines import EXPIRY_DAYS, OPERATOR_ALERT_DAYS
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.procedures import ApplicationStage, Stage
from models.yayoi.store.office_names import office_names
from models.yayoi.store.stage_changes import publish_stage_change

_ATTEMPTS = 12
_UNIQUE_VIOLATION = "23505"
_DEADLOCK = "40P01"


@dataclass(frozen=True)
class Receipt:
    """What the submitter reads. `new`: it was not stored before."""

    application_no: ApplicationNo
    due_date: date
    new: bool


class OtherContentError(Exception):
    """The submission id was used before, with other content."""


class Intake:
    """Takes forms. What the registry knows of Yayoi IDs and tokens (Y2, Y3, Y5) is left to the procedure.

    A public form that checked it would tell anyone which addresses and tokens exist.
    """

    def __init__(
        self,
        sessions: DatabaseSessions,
        calendar: BusinessCalendar,
        now: Callable[[], datetime] = utc_now,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`wake` has new applications started at once; without it they are found within a round."""
        self._sessions = sessions
        self._calendar = calendar
        self._now = now
        self._wake = wake

    async def check(self, form: ApplicationForm) -> None:
        """Refuse what `receive` would refuse, and store nothing. Raises `RefusedError` and `OtherContentError`."""
        form.check()
        async with self._sessions() as session:
            if await self._stored(session, form) is None:
                await self._refuse(session, form)

    async def office_names(self, form: ApplicationForm) -> Mapping[str, str]:
        """Return what the offices of the form are called, by their tokens; none of another contract (Y5)."""
        async with self._sessions() as session:
            return await _names(session, form)

    async def receive(self, form: ApplicationForm) -> Receipt:
        """Store the application once, however often and by however many at once the same submission is sent.

        Raises `RefusedError` with a reason per field (Y1, Y9) and `OtherContentError`.
        """
        form.check()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._store(form)
            except DBAPIError as error:
                # Somebody else was faster, with this submission or with one of its pairs. The next look finds them.
                if attempt == _ATTEMPTS or getattr(error.orig, "sqlstate", "") not in {_UNIQUE_VIOLATION, _DEADLOCK}:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _store(self, form: ApplicationForm) -> Receipt:
        async with self._sessions.begin() as session:
            if stored := await self._stored(session, form):
                return stored
            await self._refuse(session, form)
            row = await self._application(session, form)
            session.add(row)
            await session.flush()  # the pairs refer to it
            offices = await self._offices(session, form, row.application_no)
            session.add_all(offices)
            await _begin_statuses(session, row, offices)
            audit(
                session,
                row.application_no,
                "申込を受け付けた",
                by="申込者",
                at=row.applied_at,
                offices=len(form.offices),
                procedure=form.procedure.value,
            )
        self._wake()
        return Receipt(application_no=ApplicationNo(row.application_no), due_date=row.due_date, new=True)

    async def _refuse(self, session: DatabaseSession, form: ApplicationForm) -> None:
        if errors := [*await self._contract_errors(session, form), *await self._pair_errors(session, form)]:
            raise RefusedError(errors)

    @staticmethod
    async def _stored(session: DatabaseSession, form: ApplicationForm) -> Receipt | None:
        row = await session.scalar(select(ApplicationRow).where(ApplicationRow.submission_id == form.submission_id))
        if row is None:
            return None
        if row.digest != form.digest:
            raise OtherContentError
        return Receipt(application_no=ApplicationNo(row.application_no), due_date=row.due_date, new=False)

    @staticmethod
    async def _contract_errors(session: DatabaseSession, form: ApplicationForm) -> list[FieldError]:
        contract = await session.get(ExistingContractRow, form.existing_contract_id)
        if contract is None:
            message = "このサービス契約ID（お客様番号）は登録されていません。現在ご利用中の番号を入力してください。"
            return [FieldError(field="existing_contract_id", message=message)]
        if contract.network_product != form.network_product:
            kind = "ネットワーク製品" if contract.network_product else "ネットワーク製品以外"
            message = f"このサービス契約ID（お客様番号）の製品は{kind}です。「{kind}」を選んでください。"
            return [FieldError(field="network_product", message=message)]
        return []

    @staticmethod
    async def _pair_errors(session: DatabaseSession, form: ApplicationForm) -> list[FieldError]:
        """Refuse a Yayoi ID or token that another open application holds (Y1)."""
        ids = [pair.yayoi_id for pair in form.offices]
        tokens = [pair.office_token for pair in form.offices if pair.office_token]
        held = await session.execute(
            select(ApplicationOfficeRow.yayoi_id, ApplicationOfficeRow.office_token).where(
                ApplicationOfficeRow.closed_at.is_(None),
                # This very submission, sent twice at once, may have been stored a moment ago: that is no other one.
                ApplicationOfficeRow.application_no.not_in(
                    select(ApplicationRow.application_no).where(ApplicationRow.submission_id == form.submission_id)
                ),
                or_(ApplicationOfficeRow.yayoi_id.in_(ids), ApplicationOfficeRow.office_token.in_(tokens)),
            )
        )
        taken = {value for row in held for value in row}
        errors = []
        for index, pair in enumerate(form.offices):
            if pair.yayoi_id in taken:
                message = "この弥生ID は、手続き中の別のお申し込みで使われています。別の弥生ID を入力してください。"
                errors.append(FieldError(field=f"offices.{index}.yayoi_id", message=message))
            if pair.office_token and pair.office_token in taken:
                message = (
                    "この事業所トークンは、手続き中の別のお申し込みで使われています。事業所データを確認してください。"
                )
                errors.append(FieldError(field=f"offices.{index}.office_token", message=message))
        return errors

    async def _application(self, session: DatabaseSession, form: ApplicationForm) -> ApplicationRow:
        applied_at = self._now()
        due_date = self._calendar.due_date(day_in_japan(applied_at))
        return ApplicationRow(
            application_no=ApplicationNo.from_count(await session.scalar(select(application_count.next_value())) or 0),
            submission_id=form.submission_id,
            digest=form.digest,
            family_name=form.applicant.family_name,
            given_name=form.applicant.given_name,
            existing_contract_id=form.existing_contract_id,
            accounting_link=form.accounting_link,
            network_product=form.network_product,
            procedure=form.procedure,
            consents=form.consents.model_dump(),
            applied_at=applied_at,
            due_date=due_date,
            alert_on=self._calendar.business_days_before(due_date, OPERATOR_ALERT_DAYS),
            expires_on=self._calendar.business_days_after(due_date, EXPIRY_DAYS),
        )

    @staticmethod
    async def _offices(
        session: DatabaseSession, form: ApplicationForm, application_no: str
    ) -> list[ApplicationOfficeRow]:
        names = await _names(session, form)
        return [
            ApplicationOfficeRow(
                application_no=application_no,
                office_no=number,
                yayoi_id=pair.yayoi_id,
                office_token=pair.office_token,
                issued_contract_id=pair.issued_contract_id,
                office_name=names.get(pair.office_token or "") or pair.office_name or f"事業所データ{number}",
            )
            for number, pair in enumerate(form.offices, start=1)
        ]


async def _names(session: DatabaseSession, form: ApplicationForm) -> Mapping[str, str]:
    return await office_names(session, form.existing_contract_id, [pair.office_token for pair in form.offices])


async def _begin_statuses(
    session: DatabaseSession, row: ApplicationRow, offices: Sequence[ApplicationOfficeRow]
) -> None:
    """Write and publish where the case and its parts are, before anything has been started."""
    number, check = row.application_no, CaseStatus.first(Stage.CHECK, row.applied_at)
    received = CaseStatus.first(ApplicationStage.RECEIVED, row.applied_at)
    begun = [begin_status(session, number, office.office_no, check) for office in offices]
    for status in (*begun, begin_status(session, number, None, received)):
        await publish_stage_change(session, status)
