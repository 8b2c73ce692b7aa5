"""Where the operators' desk shows a case and the form of each operation: paths on the origin of the Temporal Web UI."""

from urllib.parse import quote

WORKLIST = "/desk"
CASES = "/desk/cases"
APPROVALS = "/desk/approvals"
"""The requests that wait for a supervisor."""

REFUSED_FORMS = "/desk/refused-forms"
"""The forms of a provider that could not be taken."""


def refused_form_path(form_no: int) -> str:
    """Return the page of one of them."""
    return f"{REFUSED_FORMS}/{form_no}"


def desk_case_path(case_no: str, part: int | None = None) -> str:
    """Return the page of a case as a whole, or of one part of it."""
    whole = f"{CASES}/{quote(case_no, safe='')}"
    return f"{whole}/{part}" if part else whole


def operation_path(case_no: str, part: int | None, operation: str) -> str:
    """Return the form of an operation."""
    return f"{desk_case_path(case_no, part)}/operations/{operation}"
