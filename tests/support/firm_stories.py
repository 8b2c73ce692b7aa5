"""A registration of MYICS at each stage and each end, and a file of many, around three copies of the stores."""

from collections.abc import Mapping

from models.backoffice.restored_cases import Verdict
from models.myics.batches import BatchOutcome, BatchStage
from models.myics.operations import RegistrationOperation
from models.myics.registrations import RegistrationOutcome, RegistrationStage
from tests.support.restore_stories import NOTHING, NOWHERE, Place, Story, becomes, passes, stays, then
from tests.support.stack_firms import Firm
from workers.settings import Settings

GOES_ON, DECIDE, UNDONE = Verdict.CONTINUED, Verdict.TO_DECIDE, Verdict.UNDONE
PASSED_BY = {
    RegistrationStage.RECEIVED,
    RegistrationStage.REGISTERED,
    RegistrationStage.RENEWED,
    RegistrationStage.CHANGED,
    RegistrationStage.SUPERSEDED,
}
"""Stages at which a registration rests only while something fails."""


def at(stage: RegistrationStage) -> Place:
    return stage, None


def ended(outcome: RegistrationOutcome) -> Place:
    return RegistrationStage.CLOSED, outcome


INVITED, PROVISIONAL, USERS = map(
    at, (RegistrationStage.INVITED, RegistrationStage.PROVISIONAL, RegistrationStage.USERS)
)
RENEWING, CONFIRMING = at(RegistrationStage.RENEWING), at(RegistrationStage.CONFIRMING)
STOPPED: Place = (BatchStage.STOPPED, None)
FINISHED: Place = (BatchStage.CLOSED, BatchOutcome.FINISHED)
PLACES = {at(stage) for stage in RegistrationStage} - {at(stage) for stage in (*PASSED_BY, RegistrationStage.CLOSED)}
PLACES |= {STOPPED, FINISHED, *map(ended, RegistrationOutcome)}
"""Where a registration or a file can rest, and how it can have ended."""


async def chooses(firm: Firm, settings: Settings) -> None:
    await firm.choose_account(settings)


async def registers(firm: Firm, settings: Settings) -> None:
    await firm.register(settings)


async def invites(firm: Firm, settings: Settings) -> None:
    await firm.invite(settings)


async def asks_for_password(firm: Firm, settings: Settings) -> None:
    await firm.ask_for_password(settings)


async def renews(firm: Firm, settings: Settings) -> None:
    await firm.renew_password(settings)


async def asks_for_address(firm: Firm, settings: Settings) -> None:
    await firm.ask_for_address(settings)


async def confirms(firm: Firm, settings: Settings) -> None:
    await firm.confirm_address(settings)


async def adds_client(firm: Firm, settings: Settings) -> None:
    await firm.add_client(settings)


async def sends_file(firm: Firm, settings: Settings) -> None:
    await firm.send_stopped_file(settings)


async def resumes(firm: Firm, settings: Settings) -> None:
    await firm.resume_file(settings)


async def is_withdrawn(firm: Firm, settings: Settings) -> None:
    await firm.act(settings, RegistrationOperation.WITHDRAW)


expires = passes(120)
joins = then(invites, chooses, registers)
REGISTERED, WITHDRAWN, EXPIRED, RENEWED, CHANGED, SUPERSEDED = map(
    ended,
    (
        RegistrationOutcome.REGISTERED,
        RegistrationOutcome.WITHDRAWN,
        RegistrationOutcome.EXPIRED,
        RegistrationOutcome.RENEWED,
        RegistrationOutcome.CHANGED,
        RegistrationOutcome.SUPERSEDED,
    ),
)
FIRM_STORIES: Mapping[str, Story[Firm]] = {
    "invited": Story(
        (stays, invites, chooses),
        (NOWHERE, INVITED, PROVISIONAL),
        becomes((UNDONE, NOWHERE), (GOES_ON, INVITED), (GOES_ON, PROVISIONAL)),
    ),
    "invited later": Story(
        (stays, stays, invites),
        (NOWHERE, NOWHERE, INVITED),
        becomes((NOTHING, NOWHERE), (NOTHING, NOWHERE), (GOES_ON, INVITED)),
    ),
    "provisional": Story(
        (invites, chooses, registers),
        (INVITED, PROVISIONAL, REGISTERED),
        becomes((DECIDE, INVITED), (GOES_ON, PROVISIONAL), (GOES_ON, REGISTERED)),
    ),
    "registered": Story(
        (then(invites, chooses), registers, stays),
        (PROVISIONAL, REGISTERED, REGISTERED),
        becomes((DECIDE, PROVISIONAL), (NOTHING, REGISTERED), (NOTHING, REGISTERED)),
    ),
    "withdrawn": Story(
        (invites, is_withdrawn, stays),
        (INVITED, WITHDRAWN, WITHDRAWN),
        becomes((DECIDE, WITHDRAWN), (NOTHING, WITHDRAWN), (NOTHING, WITHDRAWN)),
    ),
    "withdrawn later": Story(
        (invites, stays, is_withdrawn),
        (INVITED, INVITED, WITHDRAWN),
        becomes((GOES_ON, INVITED), (GOES_ON, INVITED), (GOES_ON, WITHDRAWN)),
    ),
    "expired": Story(
        (invites, expires, stays),
        (INVITED, EXPIRED, EXPIRED),
        becomes((DECIDE, EXPIRED), (NOTHING, EXPIRED), (NOTHING, EXPIRED)),
    ),
    "expired later": Story(
        (invites, stays, expires),
        (INVITED, INVITED, EXPIRED),
        becomes((GOES_ON, INVITED), (GOES_ON, INVITED), (GOES_ON, EXPIRED)),
    ),
    "password": Story(
        (joins, asks_for_password, renews),
        (REGISTERED, RENEWING, RENEWED),
        becomes((UNDONE, NOWHERE), (GOES_ON, RENEWING), (GOES_ON, RENEWED)),
    ),
    "password later": Story(
        (joins, stays, asks_for_password),
        (REGISTERED, REGISTERED, RENEWING),
        becomes((NOTHING, NOWHERE), (NOTHING, NOWHERE), (GOES_ON, RENEWING)),
    ),
    "renewed": Story(
        (then(joins, asks_for_password), renews, stays),
        (RENEWING, RENEWED, RENEWED),
        becomes((DECIDE, RENEWING), (NOTHING, RENEWED), (NOTHING, RENEWED)),
    ),
    "superseded": Story(
        (then(joins, asks_for_password), asks_for_password, stays),
        (RENEWING, SUPERSEDED, SUPERSEDED),
        becomes((DECIDE, RENEWING), (NOTHING, SUPERSEDED), (NOTHING, SUPERSEDED)),
    ),
    "superseded later": Story(
        (then(joins, asks_for_password), stays, asks_for_password),
        (RENEWING, RENEWING, SUPERSEDED),
        becomes((GOES_ON, RENEWING), (GOES_ON, RENEWING), (GOES_ON, SUPERSEDED)),
    ),
    "address": Story(
        (joins, asks_for_address, confirms),
        (REGISTERED, CONFIRMING, CHANGED),
        becomes((UNDONE, NOWHERE), (GOES_ON, CONFIRMING), (GOES_ON, CHANGED)),
    ),
    "address later": Story(
        (joins, stays, asks_for_address),
        (REGISTERED, REGISTERED, CONFIRMING),
        becomes((NOTHING, NOWHERE), (NOTHING, NOWHERE), (GOES_ON, CONFIRMING)),
    ),
    "changed": Story(
        (then(joins, asks_for_address), confirms, stays),
        (CONFIRMING, CHANGED, CHANGED),
        becomes((DECIDE, CONFIRMING), (NOTHING, CHANGED), (NOTHING, CHANGED)),
    ),
    "client": Story(
        (joins, adds_client, is_withdrawn),
        (REGISTERED, USERS, WITHDRAWN),
        becomes((UNDONE, NOWHERE), (GOES_ON, USERS), (GOES_ON, WITHDRAWN)),
    ),
    "client later": Story(
        (joins, stays, adds_client),
        (REGISTERED, REGISTERED, USERS),
        becomes((NOTHING, NOWHERE), (NOTHING, NOWHERE), (GOES_ON, USERS)),
    ),
    "file": Story(
        (joins, sends_file, resumes),
        (REGISTERED, STOPPED, FINISHED),
        becomes((UNDONE, NOWHERE), (GOES_ON, STOPPED), (GOES_ON, FINISHED)),
    ),
    "file later": Story(
        (joins, stays, sends_file),
        (REGISTERED, REGISTERED, STOPPED),
        becomes((NOTHING, NOWHERE), (NOTHING, NOWHERE), (GOES_ON, STOPPED)),
    ),
    "finished": Story(
        (then(joins, sends_file), resumes, stays),
        (STOPPED, FINISHED, FINISHED),
        becomes((DECIDE, STOPPED), (NOTHING, FINISHED), (NOTHING, FINISHED)),
    ),
}
