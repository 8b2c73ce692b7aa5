"""The personal link of a registration: computed from its row, so that a mail sent again holds the same one (M8)."""

from models.common.calendar import end_of
from models.common.personal_links import PersonalLink, PersonalLinkKind
from models.myics.registrations import RegistrationKind
from models.tables import MyicsRegistrationRow

REGISTRATION_PATH = "/myics/register"
NEW_PASSWORD_PATH = "/myics/password/new"  # noqa: S105 a path
_PATHS = {
    PersonalLinkKind.MYICS: REGISTRATION_PATH,
    PersonalLinkKind.MYICS_PASSWORD: NEW_PASSWORD_PATH,
}


def link_of(row: MyicsRegistrationRow) -> PersonalLink:
    """Return the link that counts now; it can be used until the end of its last day in Japan."""
    kind = PersonalLinkKind.MYICS_PASSWORD if row.kind == RegistrationKind.RENEWAL else PersonalLinkKind.MYICS
    return PersonalLink(kind, row.registration_no, row.link_no, end_of(row.expires_on))


def link_path(secret_key: str, link: PersonalLink) -> str:
    """Return the path that opens it: the token comes after `?`, which no log keeps."""
    return f"{_PATHS[link.kind]}?link={link.token(secret_key)}"
