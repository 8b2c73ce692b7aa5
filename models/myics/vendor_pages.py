"""What pages and mails of MYICS name outside of this site: its terms, and who helps. Settings say where they are."""

from models.common.contact import Contact
from models.common.message import Message
from models.common.web_addresses import WebAddress

SITE = "https://myics.jp/"
"""The service's own site, as its instructions name it."""
MYICS_SUPPORT = "MYICS サポート"
"""What texts call who helps; pages show it as a link."""


class MyicsPages(Message):
    """All that pages and mails of MYICS name outside of this site."""

    terms: WebAddress = SITE
    """MYICSの利用規約 (M1)."""
    contact: Contact = Contact(name=MYICS_SUPPORT, url=SITE)
