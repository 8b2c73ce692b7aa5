"""Links to the case page: whoever holds one may read that one case, and nobody can make one up."""

import hashlib

from itsdangerous import Signer

from models.identifiers import ApplicationNo


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
