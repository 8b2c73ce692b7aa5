"""Finding a case by what a caller says. What is looked for is a person: it is sent by a form, and in no address."""

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response

from models.backoffice.store.case_search import SHORTEST, CaseSearch, FoundCases
from models.common.operators import Area
from models.common.refusals import RefusedError
from web.backoffice.desk import HOME, Desk, Operator, seeing
from web.backoffice.desk_worklist import case_path
from web.common.auth import page_router
from web.common.context import given
from web.common.page_form import sent_values
from web.common.sent_forms import FormRefusedError, Forms, Kept, form_on

SEARCH = f"{HOME}/search"
_LABELS = {"text": "探すもの"}

router = page_router()
_sees = Depends(seeing(Area.CASES))
Search = Annotated[CaseSearch, Depends(given(CaseSearch))]


@router.get(SEARCH, dependencies=[_sees])
async def show(request: Request, desk: Desk, who: Operator, search: Search, kept: Kept) -> Response:
    found: FoundCases | None = None
    if kept.leads_on and (text := kept.value("text")):
        found = await search.find(text)
    facts: dict[str, Any] = {
        "who": who,
        "page": kept.page(_LABELS, text=""),
        "found": found,
        "case_path": case_path,
        "shortest": SHORTEST,
        "may_change": who.may_change(Area.CASES),
        "today": desk.today,
    }
    return desk.show(request, "backoffice/desk_search.html", facts)


@router.post(SEARCH, dependencies=[_sees])
@form_on(SEARCH)
async def look(request: Request, search: Search, forms: Forms) -> Response:
    """Keep what was typed for this browser, and show what it finds."""
    typed = sent_values(await request.form(), *_LABELS)
    try:
        search.check(typed["text"])
    except RefusedError as refused:
        raise FormRefusedError({each.field: each.message for each in refused.errors}) from None
    return await forms.keep(request)
