"""Links to a case: for applicants a page that nobody else can find, for operators its place in the Temporal Web UI."""

import hashlib
from urllib.parse import quote

from itsdangerous import Signer

from models.identifiers import ApplicationNo, application_workflow_id, office_workflow_id


def case_path(secret_key: str, application_no: ApplicationNo) -> str:
    """Path and query of the case page. The same case always has the same link, so that a resend is answered alike."""
    return f"/applications/{application_no}?key={_signer(secret_key).get_signature(application_no).decode()}"


def case_link(public_url: str, secret_key: str, application_no: ApplicationNo) -> str:
    """The whole link, for mails and for other systems."""
    return public_url.rstrip("/") + case_path(secret_key, application_no)


def opens_case(secret_key: str, application_no: str, key: str) -> bool:
    """Whether `key` is the one in the link to this case."""
    return key.isascii() and _signer(secret_key).verify_signature(application_no, key)


def _signer(secret_key: str) -> Signer:
    return Signer(secret_key, salt="case page", digest_method=hashlib.sha256)


def operators_link(ui_url: str, namespace: str, application_no: ApplicationNo, office_no: int) -> str:
    """Return where an operator reads the case: of one office, or (0) of the whole application."""
    workflow_id = (
        office_workflow_id(application_no, office_no) if office_no else application_workflow_id(application_no)
    )
    return workflow_link(ui_url, namespace, workflow_id)


def workflow_link(ui_url: str, namespace: str, workflow_id: str) -> str:
    """Return where the Temporal Web UI shows a workflow."""
    place = f"/namespaces/{quote(namespace, safe='')}/workflows/{quote(workflow_id, safe='')}"
    return ui_url.rstrip("/") + place
