"""The personal link of a registration: computed from its row, so that a mail sent again holds the same one (M8)."""

from datetime import date

from models.common.calendar import end_of
from models.common.personal_links import PersonalLink, PersonalLinkKind
from models.common.secret_keys import SecretKeys
from models.myics.registrations import RegistrationKind

REGISTRATION_PATH = "/myics/register"
NEW_PASSWORD_PATH = "/myics/password/new"  # noqa: S105 a path
NEW_ADDRESS_PATH = "/myics/address"


class MyicsLinkKind(PersonalLinkKind):
    """For what those who register for MYICS, and its users, are sent a link."""

    REGISTRATION = "MYICS"
    NEW_ADDRESS = "MYICS address"
    NEW_PASSWORD = "MYICS password"  # noqa: S105 the name of a kind


_PATHS: dict[PersonalLinkKind, str] = {
    MyicsLinkKind.REGISTRATION: REGISTRATION_PATH,
    MyicsLinkKind.NEW_PASSWORD: NEW_PASSWORD_PATH,
    MyicsLinkKind.NEW_ADDRESS: NEW_ADDRESS_PATH,
}
_KINDS = {
    RegistrationKind.RENEWAL: MyicsLinkKind.NEW_PASSWORD,
    RegistrationKind.ADDRESS: MyicsLinkKind.NEW_ADDRESS,
}


def link_of(kind: RegistrationKind, registration_no: str, link_no: int, expires_on: date) -> PersonalLink:
    """Return a registration's link with this number; it can be used until the end of its last day in Japan."""
    return PersonalLink(_KINDS.get(kind, MyicsLinkKind.REGISTRATION), registration_no, link_no, end_of(expires_on))


def link_path(secret_keys: SecretKeys, link: PersonalLink) -> str:
    """Return the path that opens it: the token comes after `?`, which no log keeps."""
    return f"{_PATHS[link.kind]}?link={link.token(secret_keys)}"
