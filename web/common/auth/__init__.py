"""Who may come in: sessions, passwords, forms that only our pages can send, and limits on trying."""

from web.common.auth.access import Auth, Visitor
from web.common.auth.rate_limits import Limit, client_address

__all__ = ["Auth", "Limit", "Visitor", "client_address"]
