"""The personal link of a registration: computed from its row, so that a mail sent again holds the same one (M8)."""

from datetime import date

from models.common.calendar import end_of
from models.common.personal_links import PersonalLink, PersonalLinkKind
from models.common.secret_keys import SecretKeys
from models.myics.registrations import RegistrationKind

REGISTRATION_PATH = "/myics/register"
NEW_PASSWORD_PATH = "/myics/password/new"  # noqa: S105 a path
NEW_ADDRESS_PATH = "/myics/address"
_PATHS = {
    PersonalLinkKind.MYICS: REGISTRATION_PATH,
    PersonalLinkKind.MYICS_PASSWORD: NEW_PASSWORD_PATH,
    PersonalLinkKind.MYICS_ADDRESS: NEW_ADDRESS_PATH,
}
_KINDS = {
    RegistrationKind.RENEWAL: PersonalLinkKind.MYICS_PASSWORD,
    RegistrationKind.ADDRESS: PersonalLinkKind.MYICS_ADDRESS,
}


def link_of(kind: RegistrationKind, registration_no: str, link_no: int, expires_on: date) -> PersonalLink:
    """Return a registration's link with this number; it can be used until the end of its last day in Japan."""
    return PersonalLink(_KINDS.get(kind, PersonalLinkKind.MYICS), registration_no, link_no, end_of(expires_on))


def link_path(secret_keys: SecretKeys, link: PersonalLink) -> str:
    """Return the path that opens it: the token comes after `?`, which no log keeps."""
    return f"{_PATHS[link.kind]}?link={link.token(secret_keys)}"
