"""Which workflow leads a case: the number of each kind of case has a form of its own."""

import re
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from models.common.desk_links import desk_case_path
from models.myics.identifiers import BatchNo, RegistrationNo, registration_workflow_id
from models.webhooks.messages import webhook_workflow_id
from models.yayoi.address_checks import CheckPurpose, check_workflow_id
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id

Number = TypeVar("Number")
_MESSAGE_ID = re.compile(r"msg_[0-9A-Za-z_-]{1,100}")


def workflow_ids(case_no: str, part: int | None = None) -> tuple[str, ...]:
    """Return the workflow of a case or of a part of it; none: no case has such a number.

    There are two where the number does not say which: one of them exists at most.
    """
    of_parts = _read(ApplicationNo, case_no)
    if part is not None:
        return (office_workflow_id(of_parts, part),) if of_parts else ()
    if of_parts:
        return (application_workflow_id(of_parts),)
    if registration := _read(RegistrationNo, case_no) or _read(BatchNo, case_no):
        return (registration_workflow_id(registration),)
    if _MESSAGE_ID.fullmatch(case_no):
        return (webhook_workflow_id(case_no),)
    if check := _read(UUID, case_no):
        return tuple(check_workflow_id(purpose, check) for purpose in CheckPurpose)
    return ()


def case_of(workflow_id: str) -> tuple[str, int | None] | None:
    """Return the number and the part of the case that a workflow leads; None: it leads none that has operations."""
    match workflow_id.split("/"):
        case ["application", number]:
            return number, None
        case ["application", number, "office", part] if part.isdecimal():
            return number, int(part)
        case ["registration" | "password", check] if _read(UUID, check):
            return UUID(check).hex.upper(), None
        case [_, number] if workflow_id in workflow_ids(number):
            return number, None
        case _:
            return None


def desk_page_of(workflow_id: str) -> str | None:
    """Return the desk's page of the case that a workflow leads."""
    case = case_of(workflow_id)
    return desk_case_path(*case) if case else None


def _read(kind: Callable[[str], Number], text: str) -> Number | None:
    try:
        return kind(text)
    except ValueError:
        return None
