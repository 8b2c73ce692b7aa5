"""A case of 弥生 at each stage and each end, around three copies of the stores."""

import asyncio
from collections.abc import Mapping

from models.backoffice.restored_cases import Verdict
from models.common.waiting_for import WaitingFor
from models.yayoi.deadlines import AFTER_CLOSING_DAYS, FOLLOW_UP_DAYS
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Stage
from tests.support.restore_stories import NOTHING, NOWHERE, Move, Place, Story, becomes, passes, stays, then
from tests.support.stack_customers import UNREGISTERED, WRONG_TOKEN, Customer, statuses
from workers import temporal
from workers.commands.reconcile import _run as reconcile
from workers.settings import Settings

REASON = {"reason": "お客様からのお電話"}
GOES_ON, DECIDE, UNDONE = Verdict.CONTINUED, Verdict.TO_DECIDE, Verdict.UNDONE

PASSED_BY = {Stage.CHECK, Stage.REMEMBER_LINKS, Stage.ISSUE, Stage.ATTACH, Stage.NOTIFY, Stage.THAW}
"""Stages at which a case rests only while something fails."""


def at(stage: Stage) -> Place:
    return stage, None


def ended(outcome: Outcome) -> Place:
    return Stage.CLOSED, outcome


SHARING, SET_UP, RELINK = at(Stage.SHARING), at(Stage.SET_UP), at(Stage.RELINK)
CORRECTION, CONFIRMATION = at(Stage.CORRECTION), at(Stage.CONFIRMATION)
NOTICE_WAITS = at(Stage.ISSUE)
"""The ID is issued, and its notice waits to be released: the row says of which step it is known."""
LEFT: Place = (Stage.AFTER_CLOSING, Outcome.INCOMPLETE)
"""Closed with something open, which can still be done."""
PLACES = {at(stage) for stage in Stage} - {at(stage) for stage in (*PASSED_BY, Stage.AFTER_CLOSING, Stage.CLOSED)}
PLACES |= {LEFT, *map(ended, Outcome)}
"""Where a case can rest, and how it can have ended."""


async def applies(customer: Customer, _settings: Settings) -> None:
    await customer.apply()


async def applies_unproven(customer: Customer, _settings: Settings) -> None:
    await customer.apply(token=WRONG_TOKEN)


async def applies_unregistered(customer: Customer, _settings: Settings) -> None:
    await customer.apply(yayoi_id=UNREGISTERED.format(customer.contract_id))


async def releases(customer: Customer, _settings: Settings) -> None:
    await customer.release_sharing()


async def registers(customer: Customer, settings: Settings) -> None:
    await customer.set_password_and_group(settings)
    await customer.register_products(settings)


async def relinks(customer: Customer, settings: Settings) -> None:
    await customer.relink(settings)


async def does_all(customer: Customer, settings: Settings) -> None:
    await customer.set_up(settings)


async def rests_in_set_up(customer: Customer, settings: Settings) -> None:
    """Wait until its customer has been notified."""
    while True:
        row = (await statuses(settings)).get(customer.workflow_id)
        if row and (row.stage, row.waiting_for) == (Stage.SET_UP, WaitingFor.APPLICANT):
            return
        await asyncio.sleep(0.2)


def acts(action: Action) -> Move[Customer]:
    async def act(customer: Customer, settings: Settings) -> None:
        await customer.act(settings, action, **REASON)

    return act


async def corrects(customer: Customer, settings: Settings) -> None:
    pair = {"yayoi_id": customer.yayoi_id, "office_token": customer.token}
    await customer.act(settings, Action.CORRECT_PAIR, **REASON, **pair)


async def is_terminated(customer: Customer, settings: Settings) -> None:
    """Somebody ends its workflow by hand, and the reconciliation undoes what was done for it."""
    async with temporal.opened(settings) as client:
        await client.get_workflow_handle(customer.workflow_id).terminate()
        while (await statuses(settings))[customer.workflow_id].outcome is None:
            await reconcile(client, settings.temporal_task_queue)


expires, closes, is_over = passes(90), passes(FOLLOW_UP_DAYS + 1), passes(AFTER_CLOSING_DAYS + 1)
closes_at_once = then(applies, rests_in_set_up, closes)

_EXITS: Mapping[str, tuple[Move[Customer], Move[Customer], Place, Place]] = {
    "withdrawn": (applies, acts(Action.WITHDRAW), SHARING, ended(Outcome.WITHDRAWN)),
    "cancelled": (applies, acts(Action.CANCEL), SHARING, ended(Outcome.CANCELLED)),
    "rejected": (applies_unregistered, acts(Action.REJECT), CORRECTION, ended(Outcome.REJECTED)),
    "expired": (applies, expires, SHARING, ended(Outcome.EXPIRED)),
    "terminated": (applies, is_terminated, SHARING, ended(Outcome.TERMINATED)),
}
"""How a case begins, and ends early; where it rests before and after."""
_ENDS_AGAIN = {"withdrawn", "cancelled", "rejected"}
"""What Temporal alone knows of, and does again once the workflow is reset: what was asked for is sent again. Time that
was skipped is not skipped again."""


def _exits() -> Mapping[str, Story[Customer]]:
    """Each end that undoes what was done: known to both stores, or to one of them alone."""
    stories: dict[str, Story[Customer]] = {}
    for name, (begins, ends, before, after) in _EXITS.items():
        again = after if name in _ENDS_AGAIN else before
        stories[name] = Story(
            (begins, ends, stays),
            (before, after, after),
            becomes((DECIDE, again), (NOTHING, after), (NOTHING, after)),
        )
        stories[f"{name} later"] = Story(
            (begins, stays, ends),
            (before, before, after),
            becomes((GOES_ON, before), (GOES_ON, before), (GOES_ON, after)),
        )
    return stories


SHARED = {"sharing", "set up", "held", "shared later"} | {
    each for name, (_, _, before, _) in _EXITS.items() if before == SHARING for each in (name, f"{name} later")
}
"""Whose smart import is shared with an accounting office: they wait until it is not."""
OFFICE_STORIES: Mapping[str, Story[Customer]] = {
    "sharing": Story(
        (stays, applies, releases),
        (NOWHERE, SHARING, SET_UP),
        becomes((UNDONE, NOWHERE), (GOES_ON, SHARING), (GOES_ON, SET_UP)),
    ),
    "confirmation": Story(
        (stays, applies_unproven, acts(Action.REPORT_CONFIRMED)),
        (NOWHERE, CONFIRMATION, CORRECTION),
        becomes((UNDONE, NOWHERE), (GOES_ON, CONFIRMATION), (GOES_ON, CORRECTION)),
    ),
    "correction": Story(
        (stays, applies_unregistered, corrects),
        (NOWHERE, CORRECTION, SET_UP),
        becomes((UNDONE, NOWHERE), (GOES_ON, CORRECTION), (GOES_ON, SET_UP)),
    ),
    "set up": Story(
        (applies, releases, registers),
        (SHARING, SET_UP, RELINK),
        becomes((DECIDE, NOTICE_WAITS), (GOES_ON, SET_UP), (GOES_ON, RELINK)),
    ),
    "relink": Story(
        (applies, registers, relinks),
        (SET_UP, RELINK, ended(Outcome.COMPLETED)),
        becomes((DECIDE, SET_UP), (GOES_ON, RELINK), (GOES_ON, ended(Outcome.COMPLETED))),
    ),
    "held": Story(
        (applies, acts(Action.HOLD), acts(Action.RESUME)),
        (SHARING, SHARING, SHARING),
        becomes((DECIDE, SHARING), (GOES_ON, SHARING), (GOES_ON, SHARING)),
    ),
    "completed": Story(
        (applies, does_all, stays),
        (SET_UP, ended(Outcome.COMPLETED), ended(Outcome.COMPLETED)),
        becomes((DECIDE, SET_UP), (NOTHING, ended(Outcome.COMPLETED)), (NOTHING, ended(Outcome.COMPLETED))),
    ),
    "closed": Story(
        (applies, closes, acts(Action.REOPEN)),
        (SET_UP, LEFT, SET_UP),
        becomes((DECIDE, SET_UP), (GOES_ON, LEFT), (GOES_ON, SET_UP)),
    ),
    "closed later": Story(
        (applies, stays, closes),
        (SET_UP, SET_UP, LEFT),
        becomes((GOES_ON, SET_UP), (GOES_ON, SET_UP), (GOES_ON, LEFT)),
    ),
    "reopened": Story(
        (closes_at_once, acts(Action.REOPEN), stays),
        (LEFT, SET_UP, SET_UP),
        becomes((DECIDE, LEFT), (GOES_ON, SET_UP), (GOES_ON, SET_UP)),
    ),
    "over": Story(
        (closes_at_once, is_over, stays),
        (LEFT, ended(Outcome.INCOMPLETE), ended(Outcome.INCOMPLETE)),
        becomes(
            (DECIDE, ended(Outcome.INCOMPLETE)),
            (NOTHING, ended(Outcome.INCOMPLETE)),
            (NOTHING, ended(Outcome.INCOMPLETE)),
        ),
    ),
    "over later": Story(
        (closes_at_once, stays, is_over),
        (LEFT, LEFT, ended(Outcome.INCOMPLETE)),
        becomes((GOES_ON, LEFT), (GOES_ON, LEFT), (GOES_ON, ended(Outcome.INCOMPLETE))),
    ),
    **_exits(),
    "shared later": Story(
        (stays, stays, applies),
        (NOWHERE, NOWHERE, SHARING),
        becomes((NOTHING, NOWHERE), (NOTHING, NOWHERE), (GOES_ON, SHARING)),
    ),
    "unproven later": Story(
        (stays, stays, applies_unproven),
        (NOWHERE, NOWHERE, CONFIRMATION),
        becomes((NOTHING, NOWHERE), (NOTHING, NOWHERE), (GOES_ON, CONFIRMATION)),
    ),
}
