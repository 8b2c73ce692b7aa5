"""The plan of STEP1: what is typed is kept as a draft, so that no address of a page holds a person."""

from datetime import timedelta
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from models.yayoi.application_form import MAX_OFFICES
from models.yayoi.deadlines import DRAFT_LASTS
from web.common.auth import client_address, page_router
from web.common.context import Context
from web.common.problems import ProblemError
from web.common.sent_forms import Kept, form_on
from web.yayoi.applicant.apply_form import page_of
from web.yayoi.applicant.draft_pages import FIELD, Draft, DraftsOfAll, draft_of_text, token_of
from web.yayoi.applicant.plan import MAX_PLANNED, Plan
from web.yayoi.limits import YayoiLimit

TOO_MUCH = f"計画に入力できる量を超えています。事業所データを {MAX_PLANNED} 件以内に分けて、もう一度作成してください。"

router = page_router()


@router.get("/plan")
async def show(request: Request, context: Context, kept: Kept, draft: Draft) -> Response:
    page = Plan.of(kept.values or (draft.row.plan if draft else None) or {})
    facts = {
        "page": page.with_errors(kept.errors, kept.status),
        "most": MAX_OFFICES,
        "draft": draft,
        "kept_hours": DRAFT_LASTS // timedelta(hours=1),
    }
    return context.show(request, "yayoi/plan.html", facts)


@router.post("/plan")
@form_on(".", FIELD)
async def keep(request: Request, context: Context, drafts: DraftsOfAll) -> Response:
    """Keep what was typed, right or wrong; the page that is led to says which."""
    sent = await request.form()
    typed = {name: value for name, value in sent.items() if isinstance(value, str) and name != FIELD}
    try:
        plan = Plan.of(typed)
    except ValueError:
        raise ProblemError(HTTPStatus.BAD_REQUEST, TOO_MUCH) from None
    await context.auth.limit(YayoiLimit.DRAFT_FROM, client_address(request))
    draft = await draft_of_text(context, drafts, sent.get(FIELD))
    filled = page_of(draft.row.form).planned(plan.new).fields if draft and draft.row.form else None
    saved = await drafts.keep(draft.row.draft_id if draft else None, plan=plan.typed, form=filled)
    return RedirectResponse(f"/plan?{token_of(context, *saved)}#plan-title", HTTPStatus.SEE_OTHER)
