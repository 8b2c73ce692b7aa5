"""The personal link of a registration: computed from its row, so that a mail tried again holds the same one (M8)."""

from models.calendar import end_of
from models.personal_links import PersonalLink, PersonalLinkKind
from models.tables import MyicsRegistrationRow

REGISTRATION_PATH = "/myics/register"


def link_of(row: MyicsRegistrationRow) -> PersonalLink:
    """Return the link that counts now; it can be used until the end of its last day in Japan."""
    return PersonalLink(PersonalLinkKind.MYICS, row.registration_no, row.link_no, end_of(row.expires_on))


def registration_path(secret_key: str, link: PersonalLink) -> str:
    """Return where the registrant goes on, on our pages: the key comes after `?`, which no log keeps."""
    return f"{REGISTRATION_PATH}?link={link.token(secret_key)}"
