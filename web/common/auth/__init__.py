"""Who may come in: sessions, passwords, forms of other sites, and limits on trying."""

from web.common.auth.access import Auth, page_router
from web.common.auth.guesses import Guess
from web.common.auth.rate_limits import Limit, SharedLimit, client_address

__all__ = ["Auth", "Guess", "Limit", "SharedLimit", "client_address", "page_router"]
