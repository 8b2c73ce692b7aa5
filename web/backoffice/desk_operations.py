"""The form of every operation: made from its message, filled with what is known, sent as who is logged in."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from models.backoffice.case_places import CasePlace
from models.backoffice.operation_forms import CHOICE, OperationForm
from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.backoffice.store.case_facts import CaseFacts, case_facts
from models.common.actors import Channel
from models.common.allowed_actors import BY_OPERATORS, AllowedActors
from models.common.approvals import APPROVAL_DAYS
from models.common.identifiers import next_try
from models.common.operations import Operation
from models.common.operators import Area
from web.backoffice.case_reader import ReadCase
from web.backoffice.colleagues import colleagues
from web.backoffice.desk import Desk, DeskContext, Operator, changing
from web.backoffice.desk_cases import GOES_ON, PART, WHOLE, Case, may_do, not_theirs, shown_case
from web.backoffice.mail_previews import FilledInOperation
from web.backoffice.web_ui_updates import actor_of
from web.common.auth import page_router
from web.common.auth.operator_access import AccessRefusedError, SignedInOperator
from web.common.operation_sender import Done, NotKnown, Refused, Why
from web.common.page_form import sent_values
from web.common.problems import ProblemError
from web.common.sent_forms import FormRefusedError, Kept, KeptForm, form_on, sent_forms

FORM = "/operations/{operation}"
NO_SUCH_OPERATION = "この案件に、この操作はありません。案件の画面から、操作を選んでください。"
ROLE_WANTING = "この操作をする役割がありません。責任者に依頼してください。"
MOVED_ON = "入力している間に、この案件に動きがありました。下の内容を確認し、よければもう一度送信してください。"
NOT_POSSIBLE = "いまは、この操作はできません。"
NO_OTHER_SUPERVISOR = (
    "いま承認できる責任者（あなた以外で、休暇中でない人）がいません。依頼はできますが、"
    f"{APPROVAL_DAYS} 営業日以内に承認されないと失効します。管理者に相談してください。"
)
_UPDATE_ID = "update_id"
_AN_UPDATE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(~[1-9][0-9]{0,3})?")
_SENT_ALONG = (_UPDATE_ID, "version", "happened")
_PREVIEW = "preview"

router = page_router()


@dataclass(frozen=True)
class RequestedOperation:
    """An operation of a case that an operator, whose roles allow it, has opened the form of."""

    who: SignedInOperator
    case: ReadCase
    operation: Operation

    @property
    def allowed(self) -> AllowedActors:
        return OPERATION_PERMISSIONS[self.case.now.workflow_type][self.operation]

    @property
    def refusal(self) -> str | None:
        """Why it is not possible now; None if it is, as far as is known before it is sent."""
        if self.case.now.operation(self.operation) is None:
            return self.case.now.refusals.get(self.operation, NOT_POSSIBLE)
        return not_theirs(self.who, self.case, self.operation)

    async def form(self, desk: DeskContext, facts: CaseFacts) -> OperationForm:
        possible = facts.names.of(self.case.now).operation(self.operation)
        if possible is None:
            raise LookupError(f"{self.operation} is not possible")
        return OperationForm(self.operation, possible, await colleagues(desk, self.who), facts.entered)

    def done(self, *, goes_on: bool = False) -> Response:
        """Lead to the case's page, which says what has become of it and what is next."""
        query = f"?done={self.operation}" + (f"&{GOES_ON}=1" if goes_on else "")
        return RedirectResponse(self.case.path + query, HTTPStatus.SEE_OTHER)


async def requested(who: Operator, case: Case, operation: str) -> RequestedOperation:
    """Raise `ProblemError` if the case has no such operation, `AccessRefusedError` if it is not for this role."""
    found = next((each for each in OPERATION_PERMISSIONS.get(case.now.workflow_type, {}) if each == operation), None)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, NO_SUCH_OPERATION)
    if not may_do(who, case, operation):
        raise AccessRefusedError(HTTPStatus.FORBIDDEN, "権限がありません", ROLE_WANTING)
    return RequestedOperation(who, case, found)


Requested = Annotated[RequestedOperation, Depends(requested)]
_changing = [Depends(changing(Area.CASES))]


@router.get(WHOLE + FORM, dependencies=_changing)
@router.get(PART + FORM, dependencies=_changing)
async def show(request: Request, desk: Desk, asked: Requested, kept: Kept) -> Response:
    case = asked.case
    facts = await case_facts(desk.sessions, case.case_no, case.part)
    shown = {**shown_case(desk, case, facts), "who": asked.who, "kept": kept}
    now = facts.names.of(case.now)
    shown["happened"] = now.since(_number(kept.value("happened"), now.happened))
    if asked.refusal is not None:
        shown |= {"label": asked.operation.label, "reason": asked.refusal}
        return desk.show(request, "backoffice/desk_not_possible.html", shown, HTTPStatus.CONFLICT)
    form = await asked.form(desk, facts)
    page = kept.page(form.labels, **form.begun)
    filled_in = FilledInOperation(
        CasePlace(case.case_no, case.part or 0), form.operation, page.values, form.choice(page.value(CHOICE))
    )
    shown |= {
        "form": form,
        "page": page,
        _UPDATE_ID: _update_id(kept) or str(uuid4()),
        "preview": await desk.previews.preview(filled_in),
        "warning": await _warning(desk, asked),
        "first_empty": next(
            (each.name for each in form.fields if each.required and not page.value(each.name)), form.fields[0].name
        ),
    }
    return desk.show(request, "backoffice/desk_operation.html", shown)


@router.post(WHOLE + FORM, dependencies=_changing)
@router.post(PART + FORM, dependencies=_changing)
@form_on(".")
async def send(request: Request, desk: Desk, asked: Requested) -> Response:
    """Send it once, whatever is pressed again; what is refused is said beside its field."""
    sent = await request.form()
    if sent.get(_PREVIEW):
        return await sent_forms(request).keep(request)
    case, along = asked.case, KeptForm(sent_values(sent, *_SENT_ALONG))
    update_id = _update_id(along) or str(uuid4())
    seen = (_number(along.value("version"), 0), _number(along.value("happened"), 0))
    if seen != (case.now.version, case.now.happened):
        if isinstance(await desk.sender.result(case.workflow_id, update_id), Done):
            return asked.done()  # it was this very form that has moved it on
        raise FormRefusedError({"": MOVED_ON}, HTTPStatus.CONFLICT)
    if asked.refusal is not None:
        raise FormRefusedError({"": asked.refusal}, HTTPStatus.CONFLICT)
    facts = await case_facts(desk.sessions, case.case_no, case.part)
    form = await asked.form(desk, facts)
    content = form.content(sent_values(sent, *form.labels))
    actor = actor_of(asked.who, Channel.DESK)
    outcome = await desk.sender.send(case.workflow_id, asked.operation, content, actor, update_id)
    match outcome:
        case Done():
            return asked.done()
        case NotKnown(accepted=True):
            return asked.done(goes_on=True)
        case NotKnown(reason=reason):
            raise FormRefusedError({"": reason}, HTTPStatus.SERVICE_UNAVAILABLE)
        case Refused(reason=reason, field=field, in_forms=in_forms):
            why = facts.names.named(in_forms or reason)
            # What the case itself refuses has no effect, and what is corrected is another operation.
            again = str(uuid4()) if outcome.why is Why.BY_THE_CASE else next_try(update_id)
            raise FormRefusedError({form.beside(field): why}, HTTPStatus.CONFLICT, instead={_UPDATE_ID: again})


async def _warning(desk: DeskContext, asked: RequestedOperation) -> str:
    """Say at once if nobody could approve what one asks for."""
    if asked.allowed is not BY_OPERATORS:
        return ""
    others = (
        each.row
        for each in await desk.operators.listed()
        if each.row.supervisor and each.row.handle != asked.who.handle and not each.row.is_on_leave(desk.today)
    )
    return "" if next(others, None) else NO_OTHER_SUPERVISOR


def _update_id(sent: KeptForm) -> str | None:
    """Return the form's own id. Ids are in clear text, and one that somebody made up could hold anything."""
    given = sent.value(_UPDATE_ID)
    return given if _AN_UPDATE_ID.fullmatch(given) else None


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() else otherwise
