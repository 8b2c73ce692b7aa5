"""Where somebody is signed in with their Yayoi ID, and ending all of it at once."""

from http import HTTPStatus

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from models.yayoi.identifiers import YayoiId
from web.common.auth import page_router
from web.common.context import Context
from web.common.sent_forms import Forms, SignInNeededError, form_on
from web.common.shown_log_ins import shown_log_ins
from web.yayoi.accounts.signed_in import SignedInCustomers

LOG_INS = "/log-ins"
END_ALL = f"{LOG_INS}/end"

router = page_router()


@router.get(LOG_INS)
async def log_ins(request: Request, context: Context, customers: SignedInCustomers) -> Response:
    row = await customers.find(request)
    if row is None:
        raise SignInNeededError
    facts = {
        "visitor": YayoiId(row.person.yayoi_id),
        "log_ins": await shown_log_ins(request, customers, person_id=row.person_id),
        "end_all": END_ALL,
    }
    return context.show(request, "yayoi/log_ins.html", facts)


@router.post(END_ALL)
@form_on(LOG_INS)
async def end_all(request: Request, customers: SignedInCustomers, forms: Forms) -> Response:
    row = await customers.find(request)
    if row is None:
        raise SignInNeededError
    answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    await customers.end_all(answer, person_id=row.person_id)
    await forms.end(request, answer)
    return answer
