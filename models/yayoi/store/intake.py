"""The one way a form becomes an application: checked and stored in one transaction, to be started afterwards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from models.common.actors import Actor
from models.common.calendar import BusinessCalendar, day_in_japan, utc_now
from models.common.case_status import CaseStatus
from models.common.encryption import key_owner
from models.common.refusals import FieldError, RefusedError
from models.common.store.audit import audit
from models.common.store.case_keys import make_case_key
from models.common.store.case_status import begin_status
from models.common.store.ledger import SYSTEM, pair_name, step_taken
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    ExistingContractRow,
    application_count,
)
from models.yayoi.application_form import ApplicationForm
from models.yayoi.customers import applicant
from models.yayoi.deadlines import EXPIRY_DAYS, OPERATOR_ALERT_DAYS
from models.yayoi.identifiers import ApplicationNo, OfficeToken, application_workflow_id, office_workflow_id
from models.yayoi.messages import FrozenImport
from models.yayoi.pair_rules import PairProblem, token_held, yayoi_id_held
from models.yayoi.procedures import APPLICATION_WORKFLOW, OFFICE_WORKFLOW, ApplicationStage, Stage
from models.yayoi.store.case_records import sharing_firms
from models.yayoi.store.confirmations import begin_waiting, is_unconfirmed, lock_contract, refuse_one_too_many
from models.yayoi.store.holding import Held, Holder
from models.yayoi.store.pair_facts import PairFacts
from models.yayoi.store.smart_import import FREEZE, FROZEN, freeze_offices
from models.yayoi.store.stage_changes import publish_stage_change

NO_SUCH_CONTRACT = (
    "このサービス契約ID（お客様番号）と対象製品の組み合わせのご契約が見つかりません。現在ご利用中の番号と、"
    "製品が「ネットワーク製品」かどうかを確認してください。"
)
"""One answer for a number that does not exist and for another product."""
_ATTEMPTS = 12
_UNIQUE_VIOLATION = "23505"
_DEADLOCK = "40P01"


@dataclass(frozen=True)
class Receipt:
    """What the submitter reads. `new`: it was not stored before."""

    application_no: ApplicationNo
    due_date: date
    new: bool
    waits_for_holder: bool = False
    """Whether the contract's holder has to confirm it before anything is issued (Y5a)."""
    link_no: int = 1
    """The number of the link that opens the case."""


@dataclass(frozen=True)
class Preview:
    """What the applicant reads before the form is sent."""

    names: Mapping[str, str]
    """What the offices are called, by their tokens; none of another contract (Y5)."""
    problems: Sequence[Sequence[PairProblem]]
    """What is wrong with each pair, in the order of the form."""
    firms: Mapping[str, Sequence[str]]
    """With which accounting offices each is shared now (Y13), by their tokens; of another contract, none is named."""


class OtherContentError(Exception):
    """The submission id was used before, with other content."""


class Intake:
    """Takes forms. What is wrong with Yayoi IDs and tokens (Y2, Y3, Y5) is left to the procedure to say.

    A public form that said it would disclose which addresses and tokens exist. What is right is held from then on
    (Y1), and the office of a right token is frozen (Y12), all in the transaction that stores the application.
    """

    def __init__(
        self,
        sessions: DatabaseSessions,
        calendar: BusinessCalendar,
        now: Callable[[], datetime] = utc_now,
        wake: Callable[[], None] = lambda: None,
        *,
        freezes: bool = True,
    ) -> None:
        """`wake` has new applications started at once; without it they are found within a round.

        `freezes`: whether smart import is the default, in our own tables. Where it is another system, the procedure's
        first step freezes.
        """
        self._sessions = sessions
        self._calendar = calendar
        self._freezes = freezes
        self._now = now
        self._wake = wake

    async def check(self, form: ApplicationForm, *, by_holder: bool = False) -> None:
        """Refuse what `receive` would refuse, and store nothing. Raises as that does."""
        form.check()
        async with self._sessions() as session:
            if await self._stored(session, form) is None:
                facts = await self._facts(session, form)
                contract = await self._refuse(session, form, facts)
                if not (by_holder or facts.shows_right_token):
                    await refuse_one_too_many(session, contract.contract_id)

    async def preview(self, form: ApplicationForm, *, by_holder: bool = False) -> Preview:
        """Return what our tables say of the pairs before they are applied for (Y1, Y2, Y3, Y5, Y13).

        What is wrong is said to those who have shown who they are: by a token of the contract's own office, or
        (`by_holder`) by a link that was mailed to its holder.
        """
        async with self._sessions() as session:
            facts = await self._facts(session, form)
            firms = {token: await sharing_firms(session, token) for token in facts.names}
        problems = [
            [each for each in (facts.problem_of_yayoi_id(pair), facts.problem_of_token(pair)) if each]
            for pair in form.offices
        ]
        is_known = by_holder or facts.shows_right_token
        return Preview(facts.names, problems if is_known else [[] for _ in form.offices], firms)

    async def receive(self, form: ApplicationForm, *, by_holder: bool = False, by: Actor | None = None) -> Receipt:
        """Store the application once, however often and by however many at once the same submission is sent.

        `by_holder`: whoever applies came by a link that was mailed to the contract's address. `by`: who has sent it, in
        the audit trail; the applicant unless given. Raises `RefusedError`
        with a reason per field (Y1, Y9), `TooManyUnconfirmedError` (Y5a) and `OtherContentError`.
        """
        form.check()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._store(form, by_holder=by_holder, by=by)
            except DBAPIError as error:
                # Somebody else was faster, with this submission or with one of its pairs. The next look finds them.
                if attempt == _ATTEMPTS or getattr(error.orig, "sqlstate", "") not in {_UNIQUE_VIOLATION, _DEADLOCK}:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def _store(self, form: ApplicationForm, *, by_holder: bool, by: Actor | None) -> Receipt:
        async with self._sessions.begin() as session:
            if stored := await self._stored(session, form):
                return stored
            facts = await self._facts(session, form)
            contract = await self._refuse(session, form, facts)
            proven = by_holder or facts.shows_right_token
            if not proven:
                await lock_contract(session, contract.contract_id)
                await refuse_one_too_many(session, contract.contract_id)
            row = await self._application(session, form, contract)
            session.add(row)
            await session.flush()  # the pairs refer to it
            await make_case_key(session, key_owner(application_workflow_id(ApplicationNo(row.application_no))))
            offices = _offices(form, row.application_no, facts, proven=proven)
            session.add_all(offices)
            if not proven:
                begin_waiting(session, row, offices)
            await session.flush()
            audit(
                session,
                row.application_no,
                "申込を受け付けた",
                by=str(by or applicant(row.application_no)),
                at=row.applied_at,
                offices=len(form.offices),
                procedure=form.procedure.value,
                rule="Y9",
            )
            if self._freezes:
                await _freeze(session, row, offices)
            await _begin_statuses(session, row, offices)
        self._wake()
        number = ApplicationNo(row.application_no)
        return Receipt(application_no=number, due_date=row.due_date, new=True, waits_for_holder=not proven)

    @staticmethod
    async def _facts(session: DatabaseSession, form: ApplicationForm) -> PairFacts:
        return await PairFacts.read(session, form.existing_contract_id, form.offices)

    async def _refuse(self, session: DatabaseSession, form: ApplicationForm, facts: PairFacts) -> ExistingContractRow:
        """Return the contract that is applied for on. Raises `RefusedError`."""
        contract = await session.get(ExistingContractRow, form.existing_contract_id)
        errors = [*_contract_errors(contract, form, facts), *await self._pair_errors(session, form, facts)]
        if errors or contract is None:
            raise RefusedError(errors)
        return contract

    @staticmethod
    async def _stored(session: DatabaseSession, form: ApplicationForm) -> Receipt | None:
        row = await session.scalar(select(ApplicationRow).where(ApplicationRow.submission_id == form.submission_id))
        if row is None:
            return None
        if row.digest != form.digest:
            raise OtherContentError
        number = ApplicationNo(row.application_no)
        waits = await is_unconfirmed(session, number)
        return Receipt(number, row.due_date, new=False, waits_for_holder=waits, link_no=row.link_no)

    @staticmethod
    async def _pair_errors(session: DatabaseSession, form: ApplicationForm, facts: PairFacts) -> list[FieldError]:
        """Refuse a Yayoi ID or token that another application holds (Y1).

        Which application it is, only the same customer learns: whoever shows a token of the contract's own office.
        """
        # This very submission, sent twice at once, may have been stored a moment ago: that is no other one.
        this = select(ApplicationRow.application_no).where(ApplicationRow.submission_id == form.submission_id)
        held = await Held.read(session, form.offices, ApplicationOfficeRow.application_no.not_in(this))

        def number_for(holder: Holder) -> str | None:
            return holder.number_for(form.existing_contract_id) if facts.shows_right_token else None

        errors = []
        for index, pair in enumerate(form.offices):
            if holder := held.yayoi_id(pair):
                message = yayoi_id_held(number_for(holder)).message
                errors.append(FieldError(field=f"offices.{index}.yayoi_id", message=message))
            if holder := held.token(pair):
                message = token_held(number_for(holder)).message
                errors.append(FieldError(field=f"offices.{index}.office_token", message=message))
        return errors

    async def _application(
        self, session: DatabaseSession, form: ApplicationForm, contract: ExistingContractRow
    ) -> ApplicationRow:
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
            network_product=contract.network_product,
            procedure=form.procedure,
            consents=form.consents.model_dump(),
            applied_at=applied_at,
            due_date=due_date,
            alert_on=self._calendar.business_days_before(due_date, OPERATOR_ALERT_DAYS),
            expires_on=self._calendar.business_days_after(due_date, EXPIRY_DAYS),
        )


def _offices(
    form: ApplicationForm, application_no: str, facts: PairFacts, *, proven: bool
) -> list[ApplicationOfficeRow]:
    return [
        ApplicationOfficeRow(
            application_no=application_no,
            office_no=number,
            yayoi_id=pair.yayoi_id,
            office_token=pair.office_token,
            issued_contract_id=pair.issued_contract_id,
            office_name=facts.names.get(pair.office_token or "") or pair.office_name or f"事業所データ{number}",
            holds_token=pair.office_token is not None and facts.problem_of_token(pair) is None,
            holds_id=proven and facts.problem_of_yayoi_id(pair) is None,
        )
        for number, pair in enumerate(form.offices, start=1)
    ]


async def _freeze(session: DatabaseSession, row: ApplicationRow, offices: Sequence[ApplicationOfficeRow]) -> None:
    """Freeze the office of every right token (Y12); the procedure finds its own step taken.

    An office that is frozen for something else does not run, either: the procedure freezes it once that is over.
    """
    number, at = row.application_no, row.applied_at
    parts = {OfficeToken(each.office_token or ""): each.office_no for each in offices if each.holds_token}
    pairs = {token: pair_name(number, part) for token, part in parts.items()}
    for token in await freeze_offices(session, pairs, at):
        step_taken(session, number, parts[token], FREEZE, FrozenImport(frozen_at=at))
        audit(session, number, FROZEN, by=SYSTEM, at=at, part=parts[token], rule="Y12")


def _contract_errors(contract: ExistingContractRow | None, form: ApplicationForm, facts: PairFacts) -> list[FieldError]:
    """Say what is wrong with the contract's number or its product.

    Which of the two it is, only somebody learns who shows a token of the contract's own office: nobody else learns
    which numbers exist and what product they have.
    """
    if contract is not None and (form.link_addition or contract.network_product == form.network_product):
        return []
    if contract is not None and facts.shows_right_token:
        kind = "ネットワーク製品" if contract.network_product else "ネットワーク製品以外"
        message = f"このサービス契約ID（お客様番号）の製品は{kind}です。「{kind}」を選んでください。"
        return [FieldError(field="network_product", message=message)]
    return [FieldError(field="existing_contract_id", message=NO_SUCH_CONTRACT)]


async def _begin_statuses(
    session: DatabaseSession, row: ApplicationRow, offices: Sequence[ApplicationOfficeRow]
) -> None:
    """Write and publish where the case and its parts are, before anything has been started."""
    number = ApplicationNo(row.application_no)
    check = CaseStatus.first(Stage.CHECK, row.applied_at, due_on=row.due_date)
    received = CaseStatus.first(ApplicationStage.RECEIVED, row.applied_at)
    begun = [
        begin_status(
            session,
            office_workflow_id(number, each.office_no),
            number,
            each.office_no,
            check,
            procedure=OFFICE_WORKFLOW,
        )
        for each in offices
    ]
    whole = begin_status(
        session, application_workflow_id(number), number, None, received, procedure=APPLICATION_WORKFLOW
    )
    for status in (*begun, whole):
        await publish_stage_change(session, status)
