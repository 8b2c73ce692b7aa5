"""When each action of operators is allowed, and what its form holds, as it is shown and filled in."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from temporalio.client import WorkflowHandle

from models.common.approvals import AskedFor
from models.common.calendar import day_in_japan
from models.common.operator_message import ActionMessage
from models.common.possible_operations import CASE_NOW, CaseNow, PossibleOperation
from models.yayoi.identifiers import ApplicationNo, ContractId
from models.yayoi.mails import MailKind
from models.yayoi.messages import OfficeCase, Outcome, Relinked, RememberedLink, SendMail
from models.yayoi.office_state import EarlyExit, OfficeState
from models.yayoi.operator_actions import Action, AskCancel, CorrectNames, CorrectPair
from models.yayoi.operator_rules import OPERATIONS
from models.yayoi.pair_rules import IN_ANOTHER_GROUP, NOT_OF_THE_CONTRACT, NOT_REGISTERED
from models.yayoi.procedures import Procedure, SetUpStep, Stage
from models.yayoi.service_links import Coverage, LinkKind
from tests.support.environment import OFFICE_C, Case
from tests.support.signing import SATO, TANAKA, acting_as

AT = datetime(2026, 11, 5, 1, 0, tzinfo=UTC)


BANK = RememberedLink(number=1, kind=LinkKind.BANK_ACCOUNT, last_imported_on=None)


NOTICE = SendMail(case_no=ApplicationNo("YS-000001"), part=1, kind=MailKind.COMPLETION_NOTICE, at=AT)


NOT_SHOWN: dict[str, Any] = {
    "kind": MailKind.RELEASE_SHARING,
    "step": SetUpStep.SUPPORT_PASSWORD,
    "link": "1",
    "asked": "8a4c2f6e-0000-4000-8000-000000000001",
    "commitment": "A" * 43,
    "text_for_customer": "お電話のとおり、手続きを終わります。",
}


def state_at(stage: Stage, procedure: Procedure = Procedure.LINKED_NETWORK, **facts: Any) -> OfficeState:
    case = OfficeCase(
        case_no=ApplicationNo("YS-000001"),
        part=1,
        office_name="事業所C",
        procedure=procedure,
        existing_contract_id=ContractId("8871304"),
        applied_at=AT,
        due_date=date(2026, 11, 20),
        alert_on=date(2026, 11, 17),
        expires_on=date(2026, 11, 30),
        release_delegated=False,
    )
    state = OfficeState.of(case)
    state.stage = stage
    for name, value in facts.items():
        setattr(state, name, value)
    if stage is not Stage.CHECK:
        kind = MailKind.RELEASE_SHARING
        state.mails[kind] = SendMail(case_no=case.case_no, part=1, kind=kind, at=AT)
    return state


def after_notice(stage: Stage, *done: SetUpStep, outcome: Outcome | None = None) -> OfficeState:
    state = state_at(stage, notified_at=AT, sharing_ended=True, outcome=outcome)
    state.follow_up.links = (BANK,)
    for step in done:
        state.follow_up.record_step(step)
    return state


def asked_for(state: OfficeState) -> OfficeState:
    """A supervisor is asked to approve a cancellation."""
    named = {"update_id": NOT_SHOWN["asked"], "commitment": NOT_SHOWN["commitment"]}
    state.asked = AskedFor(
        Action.CANCEL, AskCancel(reason="お電話"), SATO, stage=state.stage, lapses_on=date(2026, 12, 4), **named
    )
    return state


def relinked(state: OfficeState) -> OfficeState:
    coverage = Coverage(last_imported_on=None, first_covered_on=day_in_japan(AT))
    state.follow_up.record_relink(Relinked(number=BANK.number, kind=BANK.kind, coverage=coverage))
    return state


ALWAYS = {
    *(Action.ADD_NOTE, Action.RENEW_LINK, Action.HAND_OVER, Action.CANCEL, Action.RESEND_MAIL),
    Action.CORRECT_NAMES,
}

BEGUN = (ALWAYS - {Action.CANCEL}) | {Action.ASK_CANCEL}
"""After STEP5 has begun a supervisor has to agree to a cancellation (Y27)."""

EARLY = ALWAYS | {Action.REJECT, Action.WITHDRAW, Action.REPORT_SHARING_RELEASED}


CORRECTING = EARLY | {Action.CORRECT_PAIR, Action.EXTEND_DEADLINE, Action.HOLD}


CONFIRMING = EARLY | {
    Action.REPORT_CONFIRMED,
    Action.REPORT_NOT_CONFIRMED,
    Action.EXTEND_DEADLINE,
    Action.HOLD,
}


RELEASING = EARLY | {Action.RELEASE_SHARING, Action.EXTEND_DEADLINE}


LATE = (ALWAYS - {Action.CANCEL}) | {Action.REOPEN}


RELINKED = {Action.CORRECT_RELINK, Action.RETRACT_RELINK}


TABLE = [
    ("check", state_at(Stage.CHECK), (EARLY | {Action.HOLD}) - {Action.RESEND_MAIL}),
    (
        "confirmation",
        state_at(Stage.CONFIRMATION, Procedure.UNLINKED_NETWORK, waits_for_holder=True),
        (CONFIRMING | {Action.CORRECT_PAIR}) - {Action.REPORT_SHARING_RELEASED},
    ),
    (
        "confirmation, with a wrong token",
        state_at(Stage.CONFIRMATION, waits_for_holder=True, problems=(NOT_OF_THE_CONTRACT,)),
        (CONFIRMING | {Action.CORRECT_PAIR}) - {Action.REPORT_SHARING_RELEASED},
    ),
    ("correction", state_at(Stage.CORRECTION, problems=(NOT_REGISTERED,)), CORRECTING),
    ("correction of Y3", state_at(Stage.CORRECTION, problems=(NOT_REGISTERED, IN_ANOTHER_GROUP)), CORRECTING),
    (
        "correction of Y5",
        state_at(Stage.CORRECTION, problems=(NOT_OF_THE_CONTRACT,)),
        CORRECTING - {Action.REPORT_SHARING_RELEASED},
    ),
    ("correction at hand", state_at(Stage.CORRECTION), EARLY | {Action.EXTEND_DEADLINE, Action.HOLD}),
    (
        "notice undelivered",
        state_at(Stage.NOTIFY, sharing_ended=True, mails={NOTICE.kind: NOTICE}, undelivered={NOTICE.kind: "SMTP 550"}),
        (EARLY | {Action.HOLD}) - {Action.REPORT_SHARING_RELEASED},
    ),
    ("sharing", state_at(Stage.SHARING), RELEASING | {Action.HOLD}),
    ("sharing, held", state_at(Stage.SHARING, held=True), RELEASING | {Action.RESUME}),
    (
        "correction, not linked",
        state_at(Stage.CORRECTION, Procedure.UNLINKED_NETWORK, problems=(NOT_REGISTERED,)),
        CORRECTING - {Action.REPORT_SHARING_RELEASED},
    ),
    (
        "set up",
        after_notice(Stage.SET_UP),
        ALWAYS | {Action.HOLD, Action.WITHDRAW, Action.REPORT_SET_UP_STEP, Action.REPORT_RELINK},
    ),
    (
        "STEP5 done",
        after_notice(Stage.SET_UP, SetUpStep.SUPPORT_PASSWORD),
        BEGUN | {Action.HOLD, Action.REPORT_SET_UP_STEP, Action.REPORT_RELINK, Action.RETRACT_SET_UP_STEP},
    ),
    (
        "STEP5 done, a cancellation asked for",
        asked_for(after_notice(Stage.SET_UP, SetUpStep.SUPPORT_PASSWORD)),
        (BEGUN - {Action.ASK_CANCEL})
        | {Action.RETRACT_REQUEST, Action.APPROVE, Action.DECLINE, Action.HOLD}
        | {Action.REPORT_SET_UP_STEP, Action.REPORT_RELINK, Action.RETRACT_SET_UP_STEP},
    ),
    (
        "group created, service linked again",
        relinked(after_notice(Stage.SET_UP, SetUpStep.SUPPORT_PASSWORD, SetUpStep.BUSINESS_GROUP)),
        BEGUN | {Action.HOLD, Action.REPORT_SET_UP_STEP} | RELINKED,
    ),
    (
        "relink",
        after_notice(Stage.RELINK, *SetUpStep),
        BEGUN | {Action.HOLD, Action.REPORT_RELINK, Action.RETRACT_SET_UP_STEP},
    ),
    (
        "leaving",
        state_at(Stage.SHARING, early_exit=EarlyExit(Outcome.CANCELLED)),
        set[Action](),
    ),
    ("closed", state_at(Stage.CLOSED, outcome=Outcome.COMPLETED), set[Action]()),
    (
        "after closing",
        after_notice(Stage.AFTER_CLOSING, outcome=Outcome.INCOMPLETE),
        LATE | {Action.REPORT_SET_UP_STEP, Action.REPORT_RELINK},
    ),
    (
        "after closing, only re-links open",
        after_notice(Stage.AFTER_CLOSING, *SetUpStep, outcome=Outcome.INCOMPLETE),
        LATE | {Action.REPORT_RELINK, Action.RETRACT_SET_UP_STEP},
    ),
    (
        "after closing, only STEP5 and STEP6 open",
        relinked(after_notice(Stage.AFTER_CLOSING, outcome=Outcome.INCOMPLETE)),
        LATE | {Action.REPORT_SET_UP_STEP} | RELINKED,
    ),
]


NEEDS_ONE: dict[type[ActionMessage], tuple[str, ...]] = {CorrectPair: ("yayoi_id",), CorrectNames: ("family_name",)}
"""Of messages with several fields of which any may be left as it is: what an operator fills in."""


def filled(action: Action, state: OfficeState) -> ActionMessage:
    """What the action's form begins with, its blanks filled in; where there is no form, one that can be read."""
    choices = OPERATIONS.choices(action, state)
    begun = OPERATIONS.known(action, state) | (choices[0].values if choices else {})
    return action.message.model_validate(_filled(action.message, begun))


def _filled(message: type[ActionMessage], begun: Mapping[str, str]) -> dict[str, str]:
    needed = [name for name, field in message.model_fields.items() if field.is_required()]
    needed += NEEDS_ONE.get(message, ())
    return {name: begun.get(name) or FILLED_IN.get(name) or NOT_SHOWN[name] for name in needed}


APPROVED = "お客様に確認した"
FILLED_IN = {
    "reason": "お電話",
    "yayoi_id": OFFICE_C[0],
    "family_name": "彌生",
    "office_token": OFFICE_C[1],
    "to": "sm",
    "relinked_on": "2026-12-01",
}
"""What an operator types where only a person knows what belongs there."""


async def case_now(handle: WorkflowHandle[Any, Any]) -> CaseNow:
    """What the desk is answered by the case's workflow."""
    now: CaseNow = await handle.query(CASE_NOW, result_type=CaseNow)
    return now


async def shown_actions(case: Case, number: int = 1) -> dict[Action, dict[str, Any]]:
    """Return what the desk offers, each with the fields that its form needs; what only a person knows is empty."""
    now = await case_now(case.office(number))
    return {Action[each.operation.upper()]: _shown(now, each) for each in now.possible}


def _shown(now: CaseNow, possible: PossibleOperation) -> dict[str, Any]:
    message = Action[possible.operation.upper()].message
    begun = possible.known | (possible.choices[0].values if possible.choices else {})
    needed = [name for name, field in message.model_fields.items() if field.is_required()]
    if issubclass(message, CorrectPair):
        wrong = {"office_token": "事業所トークン", "yayoi_id": "弥生ID"}
        needed += [field for field, name in wrong.items() if name in "".join(now.problems)] or ["yayoi_id"]
    elif issubclass(message, CorrectNames):
        needed += NEEDS_ONE[CorrectNames]
    return {name: begun.get(name, "") for name in needed}


async def cancel_with_approval(case: Case, reason: str, number: int = 1) -> None:
    """Ask for a cancellation after STEP5 has begun, and have a supervisor approve it."""
    await case.act(AskCancel(reason=reason), number)
    await approve(case, number)


async def approve(case: Case, number: int = 1) -> None:
    """Approve what the page shows, as a supervisor does who has not asked for it."""
    await answer(case, Action.APPROVE, APPROVED, number)


async def answer(case: Case, action: Action, reason: str, number: int = 1) -> None:
    """Answer what the page shows is asked for, as a supervisor does."""
    shown = (await shown_actions(case, number))[action]
    with acting_as(TANAKA):
        await case.office(number).execute_update(action, filled_in(shown, reason))


async def retract_request(case: Case, reason: str, number: int = 1) -> None:
    """Take back what the page shows is asked for, as who has asked for it does."""
    shown = (await shown_actions(case, number))[Action.RETRACT_REQUEST]
    await case.office(number).execute_update(Action.RETRACT_REQUEST, filled_in(shown, reason))


def filled_in(example: dict[str, Any], reason: str, **facts: str) -> dict[str, Any]:
    """Return what a form holds, with its blanks filled in."""
    written = FILLED_IN | {"reason": reason} | facts
    return {name: value or written[name] for name, value in example.items()}
