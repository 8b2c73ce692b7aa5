"""Where somebody is logged in to MYICS, and ending all of it at once."""

from http import HTTPStatus

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from web.common.auth import page_router
from web.common.context import Context
from web.common.sent_forms import Forms, form_on
from web.common.shown_log_ins import shown_log_ins
from web.myics.signed_in import SIGN_IN, SignedInFirms, SignedInMember

LOG_INS = "/myics/log-ins"
END_ALL = f"{LOG_INS}/end"

router = page_router()


@router.get(LOG_INS)
async def log_ins(request: Request, context: Context, member: SignedInMember, firms: SignedInFirms) -> Response:
    facts = {
        "member": member,
        "log_ins": await shown_log_ins(request, firms, account_id=member.account_id),
        "end_all": END_ALL,
    }
    return context.show(request, "myics/log_ins.html", facts)


@router.post(END_ALL)
@form_on(LOG_INS)
async def end_all(request: Request, member: SignedInMember, firms: SignedInFirms, forms: Forms) -> Response:
    answer = RedirectResponse(f"{SIGN_IN}?done=out", HTTPStatus.SEE_OTHER)
    await firms.end_all(answer, account_id=member.account_id)
    await forms.end(request, answer)
    return answer
