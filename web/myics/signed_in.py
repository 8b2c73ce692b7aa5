"""Who is logged in to MYICS, as its pages need it."""

from typing import Annotated

from fastapi import Depends, Request

from models.common.identifiers import MailAddress
from models.myics.identifiers import HolderNo
from models.myics.store.permissions import NotPossibleError
from models.myics.store.sign_in import Member, SignIn
from models.tables import MyicsSessionRow
from web.common.auth.sessions import Sessions
from web.common.context import given
from web.common.sent_forms import SignInNeededError

SIGN_IN = "/myics/sign-in"
ONLY_ADMINISTRATORS = (
    "この画面を使えるのは、事務所の管理者の方だけです。ユーザーや顧問先の登録は、事務所の管理者の方に依頼してください。"
)


class FirmSessions(Sessions[MyicsSessionRow]):
    """Sessions of those who log in to MYICS."""


SignedInFirms = Annotated[FirmSessions, Depends(given(FirmSessions))]


async def _member(
    request: Request, sessions: SignedInFirms, sign_in: Annotated[SignIn, Depends(given(SignIn))]
) -> Member:
    """Return who is logged in, as the account is now; whoever is not is led to the log-in and back."""
    session = await sessions.find(request)
    member = await sign_in.member(session.account_id) if session else None
    if member is None:
        raise SignInNeededError(SIGN_IN)
    return member


SignedInMember = Annotated[Member, Depends(_member)]


async def _manager(member: SignedInMember) -> Member:
    """Return the firm's administrator who is logged in (M4, M7). Raises `NotPossibleError` for everybody else."""
    if not member.manages:
        raise NotPossibleError(ONLY_ADMINISTRATORS)
    return member


SignedInManager = Annotated[Member, Depends(_manager)]


def account_name(holder_no: HolderNo, address: MailAddress | str) -> str:
    """Return what guesses at an account's password count as."""
    return f"{holder_no} {address}"
