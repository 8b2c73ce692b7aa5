"""Writing a mail: its recipient, and its text from the template of its kind."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from urllib.parse import urljoin

from jinja2 import Environment
from sqlalchemy import select

from activities.common.mail_templates import facts_named_in
from activities.common.operators import address_of_handle, operator_address
from activities.common.outbox import WrittenMail
from activities.yayoi.registry.protocols import ExistingContract, Registry
from models.common.bulk_updates import others_handed_over
from models.common.calendar import day_in_japan
from models.common.desk_links import desk_case_path, operation_path
from models.common.identifiers import ledger_key
from models.common.operators_by_name import by_name
from models.common.store.case_status import status_of
from models.common.store.ledger import StepTransaction
from models.common.store.operators import names_of_operators, operator_name
from models.common.store.sessions import DatabaseSession
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    LedgerRow,
    RememberedLinkRow,
)
from models.yayoi.application_form import NO_FEE
from models.yayoi.case_links import calendar_address, link_expiry
from models.yayoi.deadlines import AFTER_CLOSING_DAYS, OPERATOR_ALERT_DAYS
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken
from models.yayoi.mails import AUTOMATIC_MAIL_SUBJECT, NOTICE_SUBJECT, MailKind
from models.yayoi.messages import KEPT, RestoredSharing, SendMail
from models.yayoi.passwords import SUPPORT_PASSWORD
from models.yayoi.procedures import SET_UP_PATH, Procedure
from models.yayoi.service_links import LinkKind
from models.yayoi.store.after_closing import pairs_after_closing
from models.yayoi.store.late_offices import late_offices
from models.yayoi.store.moved_deadlines import moved_with
from models.yayoi.store.open_parts import open_parts
from models.yayoi.store.remembered_links import service_names
from models.yayoi.store.smart_import import stopped_offices

_TO_THE_PAIR = {
    MailKind.COMPLETION_NOTICE,
    MailKind.LINK_ADDED,
    MailKind.FOLLOW_UP_REMINDER,
    MailKind.FOLLOW_UP_ENDED,
    MailKind.CASE_LINK,
}
"""These go to the pair's own Yayoi ID if they are about one office (Y18), and link to that office alone.

All others go to the address of the existing contract.
"""
CONSTANTS = {
    "no_fee": NO_FEE,
    "automatic_mail_subject": AUTOMATIC_MAIL_SUBJECT,
    "notice_subject": NOTICE_SUBJECT,
    "days_of_alert": OPERATOR_ALERT_DAYS,
    "after_closing_days": AFTER_CLOSING_DAYS,
    "support_password_rule": SUPPORT_PASSWORD.text,
    "LinkKind": LinkKind,
}
"""What every template of a case may state beside its facts."""


@dataclass(frozen=True)
class EndedOffice:
    """An office whose early end a mail is about, and how things are left (Y27)."""

    office: ApplicationOfficeRow
    points: Sequence[str]
    """What the applicant reads about why."""
    had_links: bool
    shared_again: Sequence[str]
    """With whom the system shares again, having released it itself."""
    still_released: Sequence[str]
    """Whose sharing the customer has released for this procedure: that stays as it is."""


class CaseLink(Protocol):
    """Writes the link to a whole case, or to one office, that opens until the end of a day."""

    def __call__(self, application_no: ApplicationNo, until: date, office_no: int | None, *, link_no: int) -> str:
        """`link_no`: the number of the link that opens it now."""
        ...


class MailTexts:
    """Reads what a mail mentions and renders its template."""

    def __init__(
        self,
        registry: Registry,
        templates: Environment,
        case_link: CaseLink,
        desk_url: str,
        desk: str,
    ) -> None:
        """Take how applicants' cases are linked to, where operators reach their desk, and its mail address."""
        self._registry = registry
        self._case_link = case_link
        self._desk_url = desk_url
        self._desk = desk
        self._templates = templates

    async def write(
        self,
        session: DatabaseSession,
        request: SendMail,
        *,
        copy_to_pair: bool = False,
        ended: Sequence[int] | None = None,
    ) -> WrittenMail:
        """Write the mail from what our records and the registry hold now.

        `copy_to_pair`: the one for the pair's own Yayoi ID, of a mail that otherwise goes to the applicant. `ended`: of
        whose end it is about, if not of the one office's.
        """
        if ended is None:
            ended = [request.part] if request.part else []
        if request.points or request.turn:
            services = await service_names(session, request.case_no, request.part)
            operators = await names_of_operators(session)
            points = tuple(by_name(services.named(point), operators) for point in request.points)
            turn = request.turn.with_names(operators) if request.turn else None
            request = request.model_copy(update={"points": points, "turn": turn})
        application = await session.get_one(ApplicationRow, request.case_no)
        transaction = StepTransaction.to_read(session, request.at, request.case_no, request.part)
        contract = await self._contract(transaction, application)
        office = await session.get_one(ApplicationOfficeRow, (request.case_no, request.part)) if request.part else None
        own = request.kind in _TO_THE_PAIR and not request.to_applicant
        to_the_pair = office is not None and (copy_to_pair or own)
        opens_until = link_expiry(application.due_date, day_in_japan(request.at))
        status = await status_of(session, request.case_no, request.part) if request.kind.for_operators else None
        assignee = status.assignee if status else None
        of_pair, link_no = (office.office_no, office.link_no) if office and to_the_pair else (None, application.link_no)
        case_url = self._case_link(ApplicationNo(request.case_no), opens_until, of_pair, link_no=link_no)
        template = f"{request.kind}.md"
        facts: dict[str, Callable[[], Awaitable[Any]]] = {
            "offices": lambda: self._offices(session, request),
            "issued": lambda: self._registry.contracts.issued(transaction),
            "links": lambda: self._links(session, request.case_no, request.part),
            "firms": lambda: self._firms(transaction, office),
            "ended": lambda: self._ended(session, request, ended),
            "others_go_on": lambda: self._others_go_on(session, request, ended),
            "late": lambda: late_offices(session, request.case_no),
            "late_until": lambda: self._late_until(session, request),
            "moved": lambda: self._moved(session, request),
            "stopped": lambda: stopped_offices(session, request.case_no),
        }
        named = facts_named_in(self._templates, template)
        body = self._templates.get_template(template).render(
            CONSTANTS | {name: await read() for name, read in facts.items() if name in named},
            application=application,
            procedure=Procedure(application.procedure),
            contract=contract,
            office=office,
            request=request,
            to_the_pair=to_the_pair,
            assignee=await operator_name(session, assignee),
            case_url=case_url,
            set_up_url=urljoin(case_url, SET_UP_PATH),
            calendar_url=calendar_address(case_url),
            opens_until=opens_until,
            desk_page=self._desk_url + desk_case_path(request.case_no, request.part),
            forms=self._forms(request),
            others_handed_over=others_handed_over(self._desk_url, request.asked_as),
        )
        if request.kind.for_operators:
            recipient = await self._operator(session, request, assignee) or self._desk
        else:
            recipient = office.yayoi_id if office and to_the_pair else contract.mail_address
        return WrittenMail(recipient, request.kind.subject, body)

    @staticmethod
    async def _operator(session: DatabaseSession, request: SendMail, assignee: str | None) -> str | None:
        if request.to_handle:
            return await address_of_handle(session, request.to_handle)
        return await operator_address(session, assignee, escalated=request.kind is MailKind.OPERATOR_ESCALATION)

    def _forms(self, request: SendMail) -> list[tuple[str, str]]:
        """Return what can be done, each with where its form is."""
        return [
            (label, self._desk_url + operation_path(request.case_no, request.part, operation))
            for operation, label in (request.turn.operations if request.turn else ())
        ]

    async def _contract(self, transaction: StepTransaction, application: ApplicationRow) -> ExistingContract:
        contract = await self._registry.contracts.existing(transaction, ContractId(application.existing_contract_id))
        if contract is None:
            raise LookupError(f"the registry no longer knows the contract of {application.application_no}")
        return contract

    @staticmethod
    async def _offices(session: DatabaseSession, request: SendMail) -> list[ApplicationOfficeRow]:
        rows = await session.scalars(
            select(ApplicationOfficeRow)
            .where(ApplicationOfficeRow.application_no == request.case_no)
            .order_by(ApplicationOfficeRow.office_no)
        )
        return list(rows)

    @staticmethod
    async def _links(session: DatabaseSession, application_no: str, part: int | None) -> list[RememberedLinkRow]:
        rows = await session.scalars(
            select(RememberedLinkRow)
            .where(
                RememberedLinkRow.application_no == application_no,
                RememberedLinkRow.office_no == part,
            )
            .order_by(RememberedLinkRow.kind, RememberedLinkRow.service)
        )
        return list(rows)

    @staticmethod
    async def _others_go_on(session: DatabaseSession, request: SendMail, ended: Sequence[int]) -> bool:
        """Whether another office of the application is open, and not about to end itself."""
        going_on = (await open_parts(session, request.case_no, request.at)).going_on
        return bool(going_on - {request.part, *ended})

    @staticmethod
    async def _moved(session: DatabaseSession, request: SendMail) -> Sequence[ApplicationOfficeRow]:
        """Return the offices whose new deadlines the mail says; of one that is only shown beforehand, none."""
        return await moved_with(session, request.case_no, request.part or 0) if request.asked_as else []

    @staticmethod
    async def _late_until(session: DatabaseSession, request: SendMail) -> dict[int, date | None]:
        """Return, for each office that was closed with something open, until when that can be done (Y25)."""
        pairs = await pairs_after_closing(session, request.case_no)
        return {office.office_no: status.until for office, status in pairs}

    async def _firms(self, transaction: StepTransaction, office: ApplicationOfficeRow | None) -> tuple[str, ...]:
        """Return with whom the office was shared until this procedure ended it, and is now.

        Of a token that was not found right, nothing is asked or said: the office may be anybody's.
        """
        if office is None or office.office_token is None or not (office.holds_token or office.outcome in KEPT):
            return ()
        sharing, token = self._registry.sharing, OfficeToken(office.office_token)
        ended = [each.firm for each in await sharing.ended(transaction) if each.office == token]
        return tuple(dict.fromkeys([*ended, *await sharing.firms(transaction, token)]))

    async def _ended(self, session: DatabaseSession, request: SendMail, parts: Sequence[int]) -> list[EndedOffice]:
        """Return whose end the mail is about, and how things are left (Y27)."""
        return [await self._ended_office(session, request, part) for part in parts]

    async def _ended_office(self, session: DatabaseSession, request: SendMail, part: int) -> EndedOffice:
        office = await session.get_one(ApplicationOfficeRow, (request.case_no, part))
        restored = await session.get(LedgerRow, ledger_key(request.case_no, part, "restore_sharing"))
        transaction = StepTransaction.to_read(session, request.at, request.case_no, part)
        return EndedOffice(
            office,
            points=request.points if part == request.part and request.points else tuple(office.open_points or ()),
            had_links=bool(await self._links(session, request.case_no, part)),
            shared_again=RestoredSharing.model_validate(restored.result).firms if restored else (),
            still_released=[
                each.firm for each in await self._registry.sharing.ended(transaction) if not each.released_by_system
            ],
        )
