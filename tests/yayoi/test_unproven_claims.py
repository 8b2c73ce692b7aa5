"""What somebody typed, or a stranger claims, has no effect on others and discloses nothing of theirs (Y1, Y5, Y5a)."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError

from models.common.calendar import BusinessCalendar
from models.tables import SharingRow
from models.yayoi.application_form import ApplicationForm
from models.yayoi.events import BusinessGroupCreatedEvent, SharingReleasedEvent
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken, YayoiId
from models.yayoi.messages import OfficeStep
from models.yayoi.pair_rules import NOT_ISSUED_TO_IT
from models.yayoi.store.case_records import recorded_case
from models.yayoi.store.combinations import ledger_of, ledger_of_application
from models.yayoi.store.event_cases import UnknownCaseError, find_case
from models.yayoi.store.intake import Intake
from models.yayoi.store.pair_status import status_of
from tests.support.activity_environment import ActivityEnvironment, activity_environment
from tests.support.activity_trials import AT
from tests.support.case_pages import action
from tests.support.environment import OFFICE_B, OFFICE_C, YAYOI, form
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import TOKEN_OF_ANOTHER, Web, pair, text_of

STRANGER = YayoiId("office-2@aoba.example.co.jp")
"""A Yayoi ID of somebody else, who knows the contract's number."""
MIDORIKAWA = ContractId("6000003")
OF_MIDORIKAWA = OfficeToken("b6000003-0000-4000-8000-000000000002")
ADMINISTRATOR = YayoiId("office-a@yayoi-taro.example.jp")


@pytest_asyncio.fixture
async def environment(registry_url: str, smtp_inbox: SmtpInbox) -> AsyncIterator[ActivityEnvironment]:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        yield environment


async def claim(environment: ActivityEnvironment, yayoi_id: YayoiId) -> ApplicationNo:
    """Apply on the customer's contract as anybody can who knows its number."""
    return await environment.apply(form([(yayoi_id, None)], linked=False), by_holder=False)


async def test_y1_a_claimed_yayoi_id_is_shown_to_nobody_as_their_own_case(environment: ActivityEnvironment) -> None:
    await claim(environment, OFFICE_B[0])
    assert await status_of(environment.sessions, OFFICE_B[0]) is None
    own = await environment.apply(form([OFFICE_B]))
    await claim(environment, STRANGER)
    found = await status_of(environment.sessions, OFFICE_B[0])
    assert found is not None
    assert found.application_no == own


async def test_y9_nobody_adds_an_office_of_theirs_to_the_contract_id_of_another_customer(
    environment: ActivityEnvironment,
) -> None:
    """Who knows ID and address shows a right token, but of another contract: nothing is held, added or disclosed."""
    activities = environment.activities()
    first = await environment.apply(form([(OFFICE_B[0], None)], linked=False))
    issued = (await activities["issue_contract_id"](OfficeStep(case_no=first, part=1, at=AT))).contract_id

    def addition(token: OfficeToken, contract: ContractId) -> ApplicationForm:
        new = form([(OFFICE_B[0], token)], contract=contract)
        named = new.offices[0].model_copy(update={"issued_contract_id": ContractId(issued)})
        return new.model_copy(update={"link_addition": True, "network_product": None, "offices": (named,)})

    strangers = addition(OF_MIDORIKAWA, MIDORIKAWA)
    intake = Intake(environment.sessions, BusinessCalendar())
    [problems] = (await intake.preview(strangers)).problems
    assert [each.message for each in problems] == [NOT_ISSUED_TO_IT.message]
    no = await environment.apply(strangers, by_holder=False)
    checked = await activities["check_pair"](OfficeStep(case_no=no, part=1, at=AT))
    assert [each.message for each in checked.problems] == [NOT_ISSUED_TO_IT.message]
    with pytest.raises(ApplicationError):
        await activities["attach_to_contract"](OfficeStep(case_no=no, part=1, at=AT))
    own = await environment.apply(addition(OFFICE_B[1], YAYOI))
    assert (await activities["check_pair"](OfficeStep(case_no=own, part=1, at=AT))).problems == ()


async def test_y22_a_claim_opens_no_ledger_and_is_in_none(environment: ActivityEnvironment) -> None:
    no = await claim(environment, STRANGER)
    assert await ledger_of(environment.sessions, STRANGER) == []
    of_the_customer = await ledger_of(environment.sessions, ADMINISTRATOR)
    assert of_the_customer
    assert STRANGER not in {entry.yayoi_id for entry in of_the_customer}
    async with environment.sessions() as session:  # who has the application's own link sees what they typed
        case = await recorded_case(session, no)
    assert case is not None
    own = await ledger_of_application(environment.sessions, *case)
    assert [(entry.yayoi_id, entry.group_name) for entry in own] == [(STRANGER, None)]


async def test_y13_y20_events_of_other_systems_reach_whom_they_are_about(environment: ActivityEnvironment) -> None:
    mistaken = await environment.apply(form([(STRANGER, OFFICE_C[1])], contract=MIDORIKAWA, network=False))
    released = SharingReleasedEvent(event_id=uuid4(), kind="sharing_released", office_token=OFFICE_C[1])
    group = BusinessGroupCreatedEvent(
        event_id=uuid4(), kind="business_group_created", yayoi_id=OFFICE_C[0], group_name="事業所C"
    )
    await claim(environment, OFFICE_C[0])
    async with environment.sessions() as session:
        for event in (released, group):
            with pytest.raises(UnknownCaseError):
                await find_case(session, event)
    own = await environment.apply(form([OFFICE_C]))
    async with environment.sessions() as session:
        assert {await find_case(session, event) for event in (released, group)} == {(own, 1)}
    assert mistaken != own


async def test_y13_a_token_of_another_customer_discloses_nothing_of_its_sharing(web: Web) -> None:
    async with web.sessions.begin() as session:
        session.add(SharingRow(office_token=TOKEN_OF_ANOTHER, firm="よその会計事務所"))
    number = await web.applied(pair("b@example.co.jp", TOKEN_OF_ANOTHER))
    sharing = action(number, "sharing")
    shown = text_of(await web.http.get(sharing))
    answer = await web.http.post(sharing, data={"action": "released"})
    assert "よその会計事務所" not in shown + text_of(answer)
    # Whether it is shared at all is no answer, either: the procedure decides, which knows that the token is wrong.
    assert "まだ解除されていません" not in text_of(answer)
