"""What the operators' pages are made with, and who may open them."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import Depends, Request
from fastapi.templating import Jinja2Templates

from models.backoffice.store.case_readings import CaseReadings
from models.backoffice.store.worklist_rows import Worklist
from models.common.calendar import utc_now
from models.common.operators import Area
from models.common.refusals import RefusedError
from models.common.secret_keys import SecretKeys
from models.common.store.operators import Operators
from models.common.store.sessions import DatabaseSessions
from web.backoffice.case_reader import ReadsCases
from web.backoffice.mail_previews import PreviewsMails
from web.backoffice.web_ui_updates import SendsOperations
from web.common.auth.openid import OpenIdProvider
from web.common.auth.operator_access import AccessRefusedError, OperatorAccess, SignedInOperator
from web.common.auth.sign_in_links import SignInLinks
from web.common.context import ShowsPages, given
from web.common.sent_forms import FormRefusedError, SignInNeededError

HOME = "/desk"
"""The worklist; of whoever may see no case, their own page."""
NOT_ALLOWED = (
    "この画面を開く役割（{area}）がありません。必要なときは、管理者に役割の追加を依頼してください。"
    "役割は、追加された後の次の操作から有効になります。"
)


@dataclass(frozen=True)
class DeskContext(ShowsPages):
    """What all handlers of the operators' pages share. There is a provider, or there are sign-in links."""

    operators: Operators
    access: OperatorAccess
    templates: Jinja2Templates
    url: str
    """Where operators reach these pages, without a slash at its end."""
    secret_keys: SecretKeys
    sessions: DatabaseSessions
    sender: SendsOperations
    readings: CaseReadings
    cases: ReadsCases
    previews: PreviewsMails
    namespace: str
    """Of the cases, in Temporal."""
    provider: OpenIdProvider | None = None
    links: SignInLinks | None = None
    now: Callable[[], datetime] = utc_now
    traces_url: str | None = None
    """Where engineers see a case's traces: `{case}` stands for its number."""
    logs_url: str | None = None
    """And its lines of the log."""


Desk = Annotated[DeskContext, Depends(given(DeskContext))]


async def signed_in(request: Request, desk: Desk) -> SignedInOperator:
    """Return who is logged in; whoever is not is led to `/sign-in` and back."""
    who = await desk.access.find(request)
    if who is None:
        raise SignInNeededError
    return who


Operator = Annotated[SignedInOperator, Depends(signed_in)]


async def _count_for_navigation(
    request: Request, who: Operator, worklist: Annotated[Worklist, Depends(given(Worklist))]
) -> None:
    """Every page's navigation says how many cases wait for a supervisor."""
    if request.method == "GET" and who.may_see(Area.CASES):
        request.state.awaiting_approval = await worklist.awaiting_approval()


PAGES = [Depends(signed_in), Depends(_count_for_navigation)]
"""The dependencies of every page behind the log-in."""


def update_id_of(form_id: str, workflow_id: str) -> str:
    """Return the id of the update that a form sends to a case: the same however often the form is sent."""
    try:
        namespace = UUID(form_id)
    except ValueError:
        namespace = NAMESPACE_URL
    return str(uuid5(namespace, workflow_id))


def seeing(area: Area) -> Callable[[SignedInOperator], Coroutine[Any, Any, None]]:
    """Return the dependency of pages that only those open who may see the area."""

    async def check(who: Operator) -> None:
        if not who.may_see(area):
            raise not_allowed(area)

    return check


def changing(area: Area) -> Callable[[SignedInOperator], Coroutine[Any, Any, None]]:
    """Return the dependency of forms that only those send who may change what is in the area."""

    async def check(who: Operator) -> None:
        if not who.may_change(area):
            raise not_allowed(area)

    return check


@contextmanager
def said_beside() -> Iterator[None]:
    """Say what is refused beside its field in its own words: on these forms an empty field need not be filled in."""
    try:
        yield
    except RefusedError as refused:
        raise FormRefusedError({each.field: each.message for each in refused.errors}) from None


def not_allowed(area: Area) -> AccessRefusedError:
    return AccessRefusedError(HTTPStatus.FORBIDDEN, "権限がありません", NOT_ALLOWED.format(area=area.value))
