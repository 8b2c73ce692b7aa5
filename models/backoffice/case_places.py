"""Which workflow leads a case, of every product, and what operators call it: each kind of number has a form of its own.

Of a case whose row is at hand, the row says which workflow leads it (`CaseStatusRow.workflow_id`).
"""

import re
from collections.abc import Callable
from typing import NamedTuple, Self, TypeVar
from uuid import UUID

from models.common.desk_links import desk_case_path
from models.myics.identifiers import BatchNo, RegistrationNo, registration_workflow_id
from models.webhooks.messages import DELIVERY_WORKFLOW, webhook_workflow_id
from models.yayoi import address_checks
from models.yayoi.address_checks import CheckPurpose, check_workflow_id, receipt_no
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.procedures import OFFICE_WORKFLOW

_CHECKS = {purpose.workflow_type for purpose in CheckPurpose}
_MESSAGE_ID = re.compile(r"msg_[0-9A-Za-z_-]{1,100}")
_Number = TypeVar("_Number")


class CasePlace(NamedTuple):
    """A status row's key: a case and a part of it, as pages and forms name it (`YS-000123/1`)."""

    case_no: str
    part: int = 0
    """0: the case as a whole."""

    def __str__(self) -> str:
        return f"{self.case_no}/{self.part}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `str` has written. Raises `ValueError` for another text."""
        case_no, named, part = text.rpartition("/")
        if not named or not case_no or not part.isascii() or not part.isdigit():
            raise ValueError("no case and part")
        return cls(case_no, int(part))


def workflow_ids(case_no: str, part: int | None = None) -> tuple[str, ...]:
    """Return the workflow of a case or of a part of it; none: no case has such a number.

    There are two where the number does not say which: one of them exists at most.
    """
    application = _read(ApplicationNo, case_no)
    if part:
        return (office_workflow_id(application, part),) if application else ()
    if application:
        return (application_workflow_id(application),)
    if registration := _read(RegistrationNo, case_no) or _read(BatchNo, case_no):
        return (registration_workflow_id(registration),)
    if _MESSAGE_ID.fullmatch(case_no):
        return (webhook_workflow_id(case_no),)
    if check := _read(UUID, case_no):
        return tuple(check_workflow_id(purpose, check) for purpose in CheckPurpose)
    return ()


def place_of(workflow_id: str) -> CasePlace | None:
    """Return the case, or the part of it, that a workflow leads; None: it leads none that has operations."""
    match workflow_id.split("/"):
        case ["application", number, "office", part] if part.isascii() and part.isdigit():
            found = CasePlace(number, int(part))
        case ["registration" | "password", check] if read := _read(UUID, check):
            found = CasePlace(address_checks.case_no(read))
        case [_, number]:
            found = CasePlace(number)
        case _:
            return None
    return found if workflow_id in workflow_ids(*found) else None


def case_no_of(workflow_id: str) -> str:
    """Return the number of the case that a workflow is of, leading it or not; of one of no case, its own id."""
    place = place_of("/".join(workflow_id.split("/")[:2]))
    return place.case_no if place else workflow_id


def workflows_of(case_no: str, part: int = 0) -> tuple[str, ...]:
    """Return the ids that the workflow of a part may have, by what `case_no_of` has returned."""
    return workflow_ids(case_no, part) or (case_no,)


def desk_page_of(workflow_id: str) -> str | None:
    """Return the desk's page of the case that a workflow leads."""
    place = place_of(workflow_id)
    return desk_case_path(*place) if place else None


def spoken(procedure: str, key: CasePlace) -> str:
    """Return what people call a case."""
    if procedure == OFFICE_WORKFLOW:
        return f"{key.case_no} の {key.part} 件目"
    if procedure in _CHECKS:
        return f"受付番号 {receipt_no(UUID(key.case_no))}"
    return f"通知 {key.case_no[-8:]}" if procedure == DELIVERY_WORKFLOW else key.case_no


def _read(kind: Callable[[str], _Number], text: str) -> _Number | None:
    try:
        return kind(text)
    except ValueError:
        return None
