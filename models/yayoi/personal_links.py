"""What the links in 弥生's mails are for."""

from models.common.personal_links import PersonalLinkKind


class YayoiLinkKind(PersonalLinkKind):
    """For what 弥生's customers are sent a link."""

    DRAFT = "draft"
    MEMBER_INVITATION = "member invitation"
    OWN_ADDRESS = "own address"
    """In a mail that anybody can ask for: whoever opens it reads the mails of that address."""
    NEW_PASSWORD = "new password"  # noqa: S105 the name of a kind
    HOLDER_CONFIRMS = "holder confirms"
    HOLDER_ENDS = "holder ends"
    HOLDER_APPLIES = "holder applies"
