"""Who is signed in with a Yayoi ID, as a dependency of pages."""

from typing import Annotated

from fastapi import Depends, Request

from models.tables import WebSessionRow
from models.yayoi.identifiers import YayoiId
from web.common.auth.sessions import Sessions
from web.common.context import given
from web.common.sent_forms import SignInNeededError


class CustomerSessions(Sessions[WebSessionRow]):
    """Sessions of those who sign in with a Yayoi ID."""


SignedInCustomers = Annotated[CustomerSessions, Depends(given(CustomerSessions))]


async def visitor(request: Request, sessions: SignedInCustomers) -> YayoiId | None:
    """Return the Yayoi ID of who is signed in, if anybody is."""
    row = await sessions.find(request)
    return YayoiId(row.person.yayoi_id) if row else None


Visitor = Annotated[YayoiId | None, Depends(visitor)]


async def signed_in(who: Visitor) -> YayoiId:
    """Return the Yayoi ID of who is signed in; whoever is not is led to `/sign-in` and back."""
    if who is None:
        raise SignInNeededError
    return who


SignedIn = Annotated[YayoiId, Depends(signed_in)]
