"""What an operator reads in the Web UI, and what happens when the JSON there is sent as it is, or none at all."""

import json
import re
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from models.common.operator_message import ActionMessage
from models.common.placeholders import ALL, left_as_shown
from models.common.signatures import SignatureRefusal
from models.common.typed_days import NO_DAY
from models.yayoi.identifiers import YayoiId
from models.yayoi.messages import Outcome
from models.yayoi.office_state import OfficeState
from models.yayoi.operator_actions import Action, CorrectPair
from models.yayoi.operator_rules import example
from models.yayoi.procedures import Stage
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, Case, Environment, at_rest, form
from tests.support.operator_actions import TABLE, filled, shown_actions
from workflows.common.details import page_of
from workflows.yayoi.office_details import WHEN_CALLED

ACCEPTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
STRANGER = YayoiId("stranger@yayoi-taro.example.jp")


async def details(handle: WorkflowHandle[Any, Any]) -> str:
    metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return str(metadata.current_details)


async def refusal(case: WorkflowHandle[Any, Any], name: str, *sent: object) -> str:
    """Send what is refused, see that it left nothing in history, and return the reason."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await case.execute_update(name, args=sent)
    assert [event for event in (await case.fetch_history()).events if event.event_type == ACCEPTED] == []
    return str(refused.value.cause)


# --- sent as shown, or empty ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [row[1] for row in TABLE], ids=[row[0] for row in TABLE])
@pytest.mark.parametrize("action", Action)
def test_every_placeholder_that_is_left_is_named_with_what_belongs_there(action: Action, state: OfficeState) -> None:
    shown = example(action, state)
    whole = json.loads(filled(action, state).model_dump_json(exclude_none=True))
    assert left_as_shown(action.message.model_validate(whole)) is None
    for each in ALL:
        if shown.get(each.field) == each.text:
            reason = left_as_shown(action.message.model_validate(whole | {each.field: each.text})) or ""
            assert reason.startswith(
                f"「{each.field}」が例の「{each.text}」のままです。{each.instead}を書いてください。"
            )


async def test_what_is_shown_is_refused_unless_it_is_filled_in(environment: Environment) -> None:
    case = await environment.apply(form([(NOBODY, OFFICE_C[1])]))
    await at_rest(case, Stage.CORRECTION)
    before = len(await case.audit())
    for name, shown in (await shown_actions(case)).items():
        assert "「reason」が例の「理由」のままです。" in await refusal(case.office(), name, shown)
    sent = {"reason": "お電話", "yayoi_id": "new@example.co.jp"}
    reason = await refusal(case.office(), Action.CORRECT_PAIR, sent)
    assert "お客様から聞いた正しい弥生ID（メールアドレス）を書いてください。使わない項目は、行ごと" in reason
    assert len(await case.audit()) == before


async def test_the_day_of_a_relink_must_be_written_by_whoever_knows_it(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_B]))
    await at_rest(case, Stage.SET_UP)
    shown = (await shown_actions(case))[Action.REPORT_RELINK] | {"reason": "お電話"}
    assert f"（relinked_on：{NO_DAY}）" in await refusal(case.office(), Action.REPORT_RELINK, shown)


@pytest.mark.parametrize("sent", [(), (None,), ("お電話",)], ids=["nothing", "null", "text"])
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
    assert "```json" not in before
    first_block, _, others = called.partition("#### ほかにできる操作")
    assert [f"`{name}`" in first_block for name in ("report_sharing_released", "release_sharing")] == [True, True]
    assert "`cancel`" in others


async def test_when_it_waits_for_an_operator_what_is_theirs_comes_first(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.until_day(environment.calendar.business_days_before(case.due_date, 3))
    before, called = (await details(case.office())).split(f"#### {WHEN_CALLED}\n")
    assert "`add_note`\n```json" in before
    assert "操作は不要" not in before
    assert "`release_sharing`\n```json" in called
    await case.act(ActionMessage(reason="お電話した"), action=Action.ADD_NOTE)
    await case.act(ActionMessage(reason="お客様と相談中"), action=Action.HOLD)
    held = await details(case.office())
    assert "`resume`\n```json" in held
    assert WHEN_CALLED not in held
    await case.act(ActionMessage(reason="相談が終わった"), action=Action.RESUME)
    assert WHEN_CALLED in await details(case.office())


async def test_at_the_correction_the_entered_pair_is_one_link_away_and_what_was_corrected_is_shown(
    environment: Environment,
) -> None:
    case = await environment.apply(form([OFFICE_B, (NOBODY, OFFICE_C[1])]))
    await at_rest(case, Stage.CORRECTION, 2)
    shown = await details(case.office(2))
    page = re.escape(f"/namespaces/default/workflows/application%2F{case.application_no}")
    assert re.search(
        rf"申し込まれた弥生ID と事業所トークン：\[申込全体の画面\]\({page}\)の左の「Details」（2 件目）", shown
    )
    whole = await (await case.application.describe()).static_details() or ""
    assert f"| 2. 事業所C　| {NOBODY}　| {OFFICE_C[1]} |" in whole
    assert NOBODY not in shown  # no address is in history before somebody writes one
    await case.act(CorrectPair(reason="お電話で確認", yayoi_id=STRANGER), 2)
    await case.settled(2)
    assert f"- 訂正後の弥生ID：{STRANGER}" in await details(case.office(2))


@pytest.mark.parametrize(
    ("yayoi_id", "token", "asked"),
    [
        (NOBODY, OFFICE_C[1], {"yayoi_id"}),
        (OFFICE_C[0], "d0000004-0000-4000-8000-00000000ffff", {"office_token"}),
        (NOBODY, "d0000004-0000-4000-8000-00000000ffff", {"yayoi_id", "office_token"}),
    ],
)
async def test_the_json_of_a_correction_asks_for_what_is_wrong(
    environment: Environment, yayoi_id: YayoiId, token: str, asked: set[str]
) -> None:
    case = await environment.apply(form([(yayoi_id, type(OFFICE_C[1])(token))]))
    await at_rest(case, Stage.CORRECTION)
    assert (await shown_actions(case))[Action.CORRECT_PAIR].keys() == {"reason", *asked}


# --- the page of the whole application --------------------------------------------------------------------------------


async def test_the_application_shows_the_json_of_its_own_cancellation_until_all_has_ended(
    environment: Environment,
) -> None:
    case = await environment.apply(form([OFFICE_B, OFFICE_C]))
    await at_rest(case, Stage.SET_UP, 1)
    await at_rest(case, Stage.SHARING, 2)
    shown = await cancellation(case)
    assert shown == {"reason": "理由", "text_for_customer": ""}
    reason = await refusal(case.application, "cancel", shown)
    assert "「reason」が例の「理由」のままです。" in reason
    await case.application.execute_update("cancel", {"reason": "お客様のご希望"})
    result = await case.application.result()
    assert {office.outcome for office in result.offices} == {Outcome.CANCELLED}
    ended = await details(case.application)
    assert "すべての手続きが終わりました。操作は不要です。" in ended
    assert "`cancel`" not in ended


async def cancellation(case: Case) -> dict[str, str]:
    async def found() -> str | None:
        block = re.search(r"`cancel`\n```json\n(\{[^}]*\})", await details(case.application))
        return block and block[1]

    while not (block := await found()):  # the offices publish where they are
        await case.settled()
    return dict(json.loads(block))


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
