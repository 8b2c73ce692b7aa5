"""What an operator reads in the Web UI, and what happens when an update is sent without any JSON."""

import re
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from models.common.desk_links import desk_case_path, operation_path
from models.common.operator_message import ActionMessage
from models.common.signatures import SignatureRefusal
from models.yayoi.identifiers import OfficeToken, YayoiId
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, CorrectPair
from models.yayoi.operator_rules import CANCEL_ALL
from models.yayoi.procedures import Stage
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, Case, Environment, at_rest, form
from workflows.common.details import page_of
from workflows.yayoi.office_details import WHEN_CALLED

ACCEPTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
STRANGER = YayoiId("stranger@yayoi-taro.example.jp")
WRONG_TOKEN = OfficeToken("d0000004-0000-4000-8000-00000000ffff")


async def details(handle: WorkflowHandle[Any, Any]) -> str:
    metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return str(metadata.current_details)


def form_of(case: Case, action: Action, number: int = 1) -> str:
    """The link to the form of an action."""
    return f"[{action.label}]({operation_path(case.application_no, number, action)})"


async def refusal(case: WorkflowHandle[Any, Any], name: str, *sent: object) -> str:
    """Send what is refused, see that it left nothing in history, and return the reason."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await case.execute_update(name, args=sent)
    assert [event for event in (await case.fetch_history()).events if event.event_type == ACCEPTED] == []
    return str(refused.value.cause)


# --- sent empty -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [(), pytest.param((None,), marks=pytest.mark.long), pytest.param(("お電話",), marks=pytest.mark.long)],
    ids=["nothing", "null", "text"],
)
async def test_an_update_without_any_json_is_unsigned_and_refused_in_japanese(
    environment: Environment, sent: tuple[str | None, ...]
) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    for action in Action:
        assert SignatureRefusal.UNSIGNED.reason in await refusal(case.office(), action, *sent)
    assert SignatureRefusal.UNSIGNED.reason in await refusal(case.application, "cancel", *sent)


# --- what is where ----------------------------------------------------------------------------------------------------


async def test_what_only_a_call_brings_about_stands_under_a_heading_of_its_own(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    before, called = (await details(case.office())).split(f"#### {WHEN_CALLED}\n")
    assert "操作は不要です" in before
    assert "/operations/" not in before
    first_block, _, others = called.partition("#### ほかにできる操作")
    for action in (Action.REPORT_SHARING_RELEASED, Action.RELEASE_SHARING):
        assert form_of(case, action) in first_block
    assert form_of(case, Action.CANCEL) in others


@pytest.mark.long
async def test_when_it_waits_for_an_operator_what_is_theirs_comes_first(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.until_day(environment.calendar.business_days_before(case.due_date, 3))
    before, called = (await details(case.office())).split(f"#### {WHEN_CALLED}\n")
    assert form_of(case, Action.ADD_NOTE) in before
    assert "操作は不要" not in before
    assert form_of(case, Action.RELEASE_SHARING) in called
    await case.act(ActionMessage(reason="お電話した"), action=Action.ADD_NOTE)
    await case.act(ActionMessage(reason="お客様と相談中"), action=Action.HOLD)
    held = await details(case.office())
    assert f"**{form_of(case, Action.RESUME)}**" in held
    assert WHEN_CALLED not in held
    await case.act(ActionMessage(reason="相談が終わった"), action=Action.RESUME)
    assert WHEN_CALLED in await details(case.office())


async def test_at_the_correction_the_entered_pair_is_one_link_away_and_what_was_corrected_is_shown(
    environment: Environment,
) -> None:
    case = await environment.apply(form([OFFICE_B, (NOBODY, OFFICE_C[1])]))
    await at_rest(case, Stage.CORRECTION, 2)
    shown = await details(case.office(2))
    page = desk_case_path(case.application_no, 2)
    assert f"申し込まれた弥生ID と事業所トークン：[担当者の画面]({page})" in shown
    whole = await (await case.application.describe()).static_details() or ""
    assert f"| 2. 事業所C　| {NOBODY}　| {OFFICE_C[1]} |" in whole
    assert NOBODY not in shown  # no address is in history before somebody writes one
    await case.act(CorrectPair(reason="お電話で確認", yayoi_id=STRANGER), 2)
    await case.settled(2)
    assert f"- 訂正後の弥生ID：{STRANGER}" in await details(case.office(2))


async def test_what_is_wrong_is_said_in_words_and_not_by_the_numbers_of_rules(environment: Environment) -> None:
    case = await environment.apply(form([(NOBODY, WRONG_TOKEN)]))
    await at_rest(case, Stage.CORRECTION)
    shown = await details(case.office())
    assert "- 入力されたメールアドレスは、弥生ID として登録されていません。" in shown
    assert "- 入力された事業所トークンは、" in shown
    assert not re.search(r"\bY[0-9]+\b", shown)


# --- the page of the whole application --------------------------------------------------------------------------------


@pytest.mark.long
async def test_the_application_offers_its_own_cancellation_until_all_has_ended(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_B, OFFICE_C]))
    await at_rest(case, Stage.SET_UP, 1)
    await at_rest(case, Stage.SHARING, 2)
    offered = f"[{CANCEL_ALL}]({operation_path(case.application_no, None, Action.CANCEL)})"
    assert offered in await details(case.application)
    await case.application.execute_update("cancel", {"reason": "お客様のご希望"})
    result = await case.application.result()
    assert {office.outcome for office in result.offices} == {Outcome.CANCELLED}
    ended = await details(case.application)
    assert "すべての手続きが終わりました。操作は不要です。" in ended
    assert offered not in ended


async def test_the_application_leads_to_each_office_which_says_that_it_waits_for_an_operator(
    environment: Environment,
) -> None:
    case = await environment.apply(form([OFFICE_B, OFFICE_C]))
    await at_rest(case, Stage.SHARING, 2)
    await case.act(ActionMessage(reason="お客様と相談中"), 2, action=Action.HOLD)
    shown = await details(case.application)
    assert "操作は不要です。事業所データの名前を押すと、" in shown
    assert f"[2. 事業所C]({page_of('default', case.office(2).id)})" in shown
    assert "保留" in await details(case.office(2))
