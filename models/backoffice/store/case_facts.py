"""What an operator needs of a case on the phone: the customer, what was applied for, and what their records say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy import select

from models.backoffice.case_names import CaseNames
from models.common.calendar import day_in_japan, day_in_words
from models.common.store.case_status import status_of
from models.common.store.operators import names_of_operators
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.myics.identifiers import HolderNo
from models.myics.registrations import RegistrationKind
from models.tables import (
    AddressCheckRow,
    ApplicationOfficeRow,
    ApplicationRow,
    CaseStatusRow,
    ExistingContractRow,
    IssuedContractRow,
    MyicsBatchRow,
    MyicsFirmRow,
    MyicsRegistrationRow,
    WebhookMessageRow,
)
from models.yayoi.store.remembered_links import service_names

Fact = tuple[str, str]
"""What it is called, and what it is."""


@dataclass(frozen=True)
class CaseFacts:
    """The records of a case, or of one part of it."""

    status: CaseStatusRow | None = None
    facts: Sequence[Fact] = ()
    entered: Mapping[str, str] = field(default_factory=dict)
    """What the customer has entered, by the names of the fields that correct it."""
    parts: Sequence[tuple[int, str]] = ()
    """Of an application as a whole: its pairs, and what their offices are called."""
    names: CaseNames = field(default_factory=CaseNames)
    """What its workflow calls by numbers and handles."""
    has_pages: bool = False
    """Whether the applicant has a page of it."""
    in_charge: str | None = None
    """What the operator in charge is called."""


async def case_facts(sessions: DatabaseSessions, case_no: str, part: int | None) -> CaseFacts:
    """Read what is known of a case; nothing, if there is no such case or it was deleted."""
    async with sessions() as session:
        facts = await _facts(session, case_no, part)
        everybody = await names_of_operators(session)
        in_charge = everybody.get(facts.status.assignee or "") if facts.status else None
        return replace(facts, names=replace(facts.names, operators=everybody), in_charge=in_charge)


async def operators_in_texts(sessions: DatabaseSessions) -> CaseNames:
    """Return what operators are called, for texts of any case."""
    async with sessions() as session:
        return CaseNames(operators=await names_of_operators(session))


async def _facts(session: DatabaseSession, case_no: str, part: int | None) -> CaseFacts:
    status = await status_of(session, case_no, part)
    if application := await session.get(ApplicationRow, case_no):
        return await _of_application(session, application, part, status)
    if registration := await session.get(MyicsRegistrationRow, case_no):
        return await _of_registration(session, registration, status)
    if batch := await session.get(MyicsBatchRow, case_no):
        firm = await session.get(MyicsFirmRow, batch.customer_no) if batch.customer_no else None
        return CaseFacts(status, [("事務所", firm.name if firm else "—"), ("行の数", f"{batch.rows} 行")])
    if message := await session.get(WebhookMessageRow, case_no):
        return CaseFacts(status, [("申込番号", message.application_no), ("通知の種類", message.kind)])
    return CaseFacts(status, await _of_check(session, case_no))


async def _of_application(
    session: DatabaseSession, application: ApplicationRow, part: int | None, status: CaseStatusRow | None
) -> CaseFacts:
    number = application.application_no
    contract = await session.get(ExistingContractRow, application.existing_contract_id)
    facts = [
        ("お客様", f"{application.family_name} {application.given_name} 様"),
        ("ご契約の名義", f"{contract.customer_name}（{contract.product_name}）" if contract else "—"),
        ("登録メールアドレス", contract.mail_address if contract else "—"),
        ("元のお客様番号", application.existing_contract_id),
        ("手続き", application.procedure),
        ("申込日", day_in_words(day_in_japan(application.applied_at))),
        ("完了予定日", day_in_words(application.due_date)),
    ]
    pairs = select(ApplicationOfficeRow).filter_by(application_no=number).order_by(ApplicationOfficeRow.office_no)
    offices = (await session.scalars(pairs)).all()
    if part is None:
        parts = [(each.office_no, f"{each.office_name}（{each.yayoi_id}）") for each in offices]
        return CaseFacts(status, facts, parts=parts, has_pages=True)
    office = next((each for each in offices if each.office_no == part), None)
    if office is None:
        return CaseFacts(status)
    issued = await session.scalar(select(IssuedContractRow).filter_by(application_no=number, office_no=part))
    entered = {
        "yayoi_id": office.yayoi_id,
        "office_token": office.office_token or "",
        "issued_contract_id": office.issued_contract_id or "",
        "family_name": application.family_name,
        "given_name": application.given_name,
        "office_name": office.office_name,
    }
    own = [
        ("事業所データ", office.office_name),
        ("弥生ID", office.yayoi_id),
        ("事業所トークン", office.office_token or "（なし）"),
        ("新しい契約ID", issued.contract_id if issued else "—"),
    ]
    services = await service_names(session, number, part)
    links, names = services.by_label.items(), CaseNames(services)
    return CaseFacts(status, [*facts[:1], *own, *facts[1:], *links], entered, names=names, has_pages=True)


async def _of_registration(
    session: DatabaseSession, registration: MyicsRegistrationRow, status: CaseStatusRow | None
) -> CaseFacts:
    firm = await session.get_one(MyicsFirmRow, registration.customer_no)
    holder_no = HolderNo(registration.client_id or registration.customer_no)
    facts = [
        ("お名前", registration.name),
        ("メールアドレス", registration.address or "—"),
        ("事務所", firm.name),
        (holder_no.label, holder_no),
        ("手続き", RegistrationKind(registration.kind).label),
        ("依頼した方", registration.requested_by),
        ("期限", day_in_words(registration.expires_on)),
    ]
    return CaseFacts(status, facts, {"mail_address": registration.address or ""})


async def _of_check(session: DatabaseSession, case_no: str) -> Sequence[Fact]:
    """Read what is known of a mailed code; nothing, once it was deleted."""
    try:
        row = await session.get(AddressCheckRow, UUID(case_no))
    except ValueError:
        return ()
    if row is None:
        return ()
    name = f"{row.family_name or ''} {row.given_name or ''}".strip()
    return [*([("お名前", f"{name} 様")] if name else []), ("弥生ID（メールアドレス）", row.yayoi_id)]
