"""Who may come in: sessions, passwords, forms that only our pages can send, and limits on trying."""

from web.doors.doors import Doors, Visitor
from web.doors.limits import Limit, client_address

__all__ = ["Doors", "Limit", "Visitor", "client_address"]
