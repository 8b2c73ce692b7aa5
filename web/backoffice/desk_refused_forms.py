"""Forms of a provider that could not be taken: what is wrong with each, its correction, or its end.

The desk keeps what an operator wants; the customers' web, which may store applications, takes the form a moment later.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.responses import RedirectResponse, Response

from models.common.actors import Channel
from models.common.desk_links import REFUSED_FORMS, refused_form_path
from models.common.operator_message import ActionMessage
from models.common.operators import Area
from models.common.refusals import RefusedError
from models.tables import RefusedFormRow
from models.yayoi.provider_forms.refused import readable, refused_fields, what_is_wrong
from models.yayoi.store.refused_forms import RefusedForms, SettledError, Settlement
from web.backoffice.desk import Desk, Operator, changing, seeing
from web.backoffice.web_ui_updates import actor_of
from web.common.auth import page_router
from web.common.auth.operator_access import AccessRefusedError
from web.common.context import given
from web.common.page_form import sent_values
from web.common.sent_forms import FormRefusedError, Kept, form_on

NO_SUCH_FORM = "この番号のフォームはありません。番号を確認してください。"
SETTLED = "このフォームは、すでに処理が済んでいます。操作は不要です。"
_ASKS_EVERY = 2
"""Seconds after which the page of a form that is being taken is loaded again."""
_REASONS = {"reason": "理由（社内）", "end_reason": "終了する理由（社内）"}
CORRECTED, DISCARDED = "refused_form_corrected", "refused_form_discarded"
"""In the operators' audit."""

router = page_router()
Forms = Annotated[RefusedForms, Depends(given(RefusedForms))]
_sees, _changes = Depends(seeing(Area.CASES)), Depends(changing(Area.CASES))


async def _named(forms: Forms, form_no: Annotated[int, Path(ge=1, lt=2**63)]) -> RefusedFormRow:
    row = await forms.find(form_no)
    if row is None:
        raise AccessRefusedError(HTTPStatus.NOT_FOUND, "見つかりません", NO_SUCH_FORM)
    return row


Form = Annotated[RefusedFormRow, Depends(_named)]


@router.get(REFUSED_FORMS, dependencies=[_sees])
async def listed(request: Request, desk: Desk, who: Operator, forms: Forms) -> Response:
    shown = [(row, refused_form_path(row.form_no), what_is_wrong(row.body, row.errors)) for row in await forms.listed()]
    return desk.show(request, "backoffice/desk_refused_forms.html", {"who": who, "forms": shown})


@router.get(f"{REFUSED_FORMS}/{{form_no}}", dependencies=[_sees])
async def show(request: Request, desk: Desk, who: Operator, form: Form, kept: Kept) -> Response:
    """Show it; while it is being taken, again and again until it is known what has come of it."""
    fields = refused_fields(form.body, form.errors, form.corrections)
    labels = {each.key: each.label for each in fields} | _REASONS
    begun = {each.key: each.value for each in fields} | dict.fromkeys(_REASONS, "")
    facts = {
        "who": who,
        "form": form,
        "path": refused_form_path(form.form_no),
        "fields": fields,
        "of_the_whole": form.errors.get(""),
        "page": kept.page(labels, **begun),
        "sent": readable(form.body),
        "may_change": who.may_change(Area.CASES),
    }
    page = desk.show(request, "backoffice/desk_refused_form.html", facts)
    if form.asked_at and not form.settled_at:
        page.headers["Refresh"] = str(_ASKS_EVERY)
    return page


@router.post(f"{REFUSED_FORMS}/{{form_no}}", dependencies=[_changes])
@form_on(".")
async def correct(request: Request, desk: Desk, who: Operator, form: Form, forms: Forms) -> Response:
    """Have it taken, with what was changed in the place of what was sent."""
    fields = refused_fields(form.body, form.errors, form.corrections)
    typed = sent_values(await request.form(), "reason", *(each.key for each in fields))
    reason = _reason(typed, "reason")
    changed = {
        each.name: typed[each.key].strip()
        for each in fields
        if each.corrected is not None or typed[each.key].strip() != each.sent
    }
    try:
        await forms.ask(form.form_no, changed, _settlement(who, reason), desk.now())
    except SettledError:
        raise FormRefusedError({"": SETTLED}, HTTPStatus.CONFLICT) from None
    await desk.operators.record(who.handle, CORRECTED, by=who.handle, at=desk.now(), form_no=form.form_no)
    return RedirectResponse(refused_form_path(form.form_no), HTTPStatus.SEE_OTHER)


@router.post(f"{REFUSED_FORMS}/{{form_no}}/discard", dependencies=[_changes])
@form_on("..")
async def discard(request: Request, desk: Desk, who: Operator, form: Form, forms: Forms) -> Response:
    """End it without an application; what it said is deleted."""
    reason = _reason(sent_values(await request.form(), "end_reason"), "end_reason")
    try:
        await forms.discard(form.form_no, _settlement(who, reason), desk.now())
    except SettledError:
        raise FormRefusedError({"": SETTLED}, HTTPStatus.CONFLICT) from None
    await desk.operators.record(who.handle, DISCARDED, by=who.handle, at=desk.now(), form_no=form.form_no)
    return RedirectResponse(refused_form_path(form.form_no), HTTPStatus.SEE_OTHER)


def _settlement(who: Operator, reason: str) -> Settlement:
    return Settlement(str(actor_of(who, Channel.DESK)), reason)


def _reason(typed: Mapping[str, str], name: str) -> str:
    try:
        return ActionMessage.typed({"reason": typed[name]}).reason
    except RefusedError as refused:
        raise FormRefusedError({name: refused.errors[0].message}) from None
