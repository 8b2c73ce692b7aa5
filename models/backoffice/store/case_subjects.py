"""Whom the cases of a list are about: the customer's name and what of theirs, looked up for a page of them at once."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select

from models.backoffice.case_places import CasePlace
from models.common.store.sessions import DatabaseSession
from models.myics.batches import BATCH_WORKFLOW, BatchKind
from models.myics.registrations import RegistrationKind
from models.tables import (
    AddressCheckRow,
    ApplicationOfficeRow,
    ApplicationRow,
    CaseStatusRow,
    MyicsBatchRow,
    MyicsClientRow,
    MyicsFirmRow,
    MyicsRegistrationRow,
    WebhookMessageRow,
)
from models.webhooks.messages import DELIVERY_WORKFLOW
from models.yayoi.address_checks import CheckPurpose, case_no
from models.yayoi.procedures import APPLICATION_WORKFLOW, OFFICE_WORKFLOW

Subject = tuple[str, str]
"""The customer, and what of theirs."""
Subjects = Mapping[CasePlace, Subject]

_REGISTRATIONS = {kind.workflow_type for kind in RegistrationKind}
_CHECKS = {purpose.workflow_type for purpose in CheckPurpose}


async def about(session: DatabaseSession, rows: Sequence[CaseStatusRow]) -> Subjects:
    """Return whom and what each case is about; one whose records are gone is missing."""
    numbers: dict[str, set[str]] = {}
    for row in rows:
        numbers.setdefault(row.procedure, set()).add(row.case_no)
    found: dict[CasePlace, Subject] = {}
    if applications := numbers.get(OFFICE_WORKFLOW, set()) | numbers.get(APPLICATION_WORKFLOW, set()):
        found |= await _applications(session, applications)
    if registrations := _all_of(numbers, _REGISTRATIONS):
        found |= await _registrations(session, registrations)
    if batches := numbers.get(BATCH_WORKFLOW):
        found |= await _batches(session, batches)
    if checks := _all_of(numbers, _CHECKS):
        found |= await _checks(session, checks)
    if messages := numbers.get(DELIVERY_WORKFLOW):
        found |= await _messages(session, messages)
    return found


def _all_of(numbers: Mapping[str, set[str]], procedures: set[str]) -> set[str]:
    return {number for procedure in procedures for number in numbers.get(procedure, ())}


async def _applications(session: DatabaseSession, numbers: set[str]) -> dict[CasePlace, Subject]:
    pair, whole = ApplicationOfficeRow, ApplicationRow
    rows = await session.execute(
        select(whole.application_no, pair.office_no, whole.family_name, whole.given_name, pair.office_name)
        .join(pair, pair.application_no == whole.application_no)
        .where(whole.application_no.in_(numbers))
    )
    found: dict[CasePlace, Subject] = {}
    for number, part, family_name, given_name, office_name in rows:
        customer = f"{family_name} {given_name}"
        found[CasePlace(number, part)] = (customer, office_name)
        found[CasePlace(number)] = (customer, "申込全体")
    return found


async def _registrations(session: DatabaseSession, numbers: set[str]) -> dict[CasePlace, Subject]:
    row = MyicsRegistrationRow
    rows = await session.execute(
        select(row.registration_no, row.name, MyicsFirmRow.name, MyicsClientRow.name)
        .join(MyicsFirmRow, MyicsFirmRow.customer_no == row.customer_no)
        .outerjoin(MyicsClientRow, MyicsClientRow.client_id == row.client_id)
        .where(row.registration_no.in_(numbers))
    )
    return {CasePlace(number): (name, client or firm) for number, name, firm, client in rows}


async def _batches(session: DatabaseSession, numbers: set[str]) -> dict[CasePlace, Subject]:
    row = MyicsBatchRow
    rows = await session.execute(
        select(row.batch_no, row.kind, row.rows, MyicsFirmRow.name)
        .outerjoin(MyicsFirmRow, MyicsFirmRow.customer_no == row.customer_no)
        .where(row.batch_no.in_(numbers))
    )
    return {
        CasePlace(number): (firm or "", f"{BatchKind(kind).label} {lines} 行") for number, kind, lines, firm in rows
    }


async def _checks(session: DatabaseSession, numbers: set[str]) -> dict[CasePlace, Subject]:
    row = AddressCheckRow
    ids = [UUID(number) for number in numbers]
    rows = await session.execute(
        select(row.check_id, row.family_name, row.given_name, row.yayoi_id).where(row.check_id.in_(ids))
    )
    return {
        CasePlace(case_no(check_id)): (f"{family_name or ''} {given_name or ''}".strip(), yayoi_id)
        for check_id, family_name, given_name, yayoi_id in rows
    }


async def _messages(session: DatabaseSession, numbers: set[str]) -> dict[CasePlace, Subject]:
    row = WebhookMessageRow
    rows = await session.execute(select(row.message_id, row.application_no).where(row.message_id.in_(numbers)))
    return {CasePlace(message_id): ("他のシステム", f"{number} の通知") for message_id, number in rows}
