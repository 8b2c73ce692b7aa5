"""What operators can do: when, in which JSON, and what it leaves behind."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError

from models.common.calendar import day_in_japan, day_in_words, end_of
from models.common.operator_actions import HandOver
from models.common.operator_message import ActionMessage
from models.common.typed_days import NO_DAY
from models.yayoi.deadlines import MOVED_TOGETHER
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome, Relinked
from models.yayoi.office_state import OfficeState
from models.yayoi.operator_actions import Action, ExtendDeadline
from models.yayoi.operator_actions import ResendMail as Resend
from models.yayoi.operator_rules import OPERATIONS
from models.yayoi.pair_rules import IN_ANOTHER_GROUP, NOT_REGISTERED
from models.yayoi.procedures import Procedure, Stage
from models.yayoi.service_links import Coverage
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, OPERATOR, TARO, Case, Environment, at_rest, form
from tests.support.operator_actions import (
    AT,
    BANK,
    TABLE,
    asked_for,
    filled,
    filled_in,
    shown_actions,
    state_at,
)
from tests.support.signing import SATO
from workers.stack.inbox import text_of
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

# --- when: one table, and what must hold in every state ---------------------------------------------------------------


@pytest.mark.parametrize(("state", "allowed"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_every_action_is_allowed_or_refused_by_the_table(state: OfficeState, allowed: set[Action]) -> None:
    assert set(OPERATIONS.available(state)) == allowed
    for action in Action:
        reason = OPERATIONS.refuse(action, filled(action, state), state)
        assert (reason is None) == (action in allowed), action
        if reason:
            assert reason.endswith(f"いまできる操作：{'、'.join(OPERATIONS.available(state)) or 'なし'}")


@st.composite
def states(draw: st.DrawFn) -> OfficeState:
    state = state_at(
        draw(st.sampled_from(Stage)),
        draw(st.sampled_from(Procedure)),
        problems=tuple(draw(st.lists(st.sampled_from([NOT_REGISTERED, IN_ANOTHER_GROUP]), max_size=2))),
        sharing_ended=draw(st.booleans()),
        held=draw(st.booleans()),
        notified_at=draw(st.none() | st.just(AT)),
        assignee=draw(st.none() | st.just("sk")),
        outcome=draw(st.none() | st.sampled_from(Outcome)),
    )
    state.follow_up.links = (BANK,) * draw(st.integers(0, 1))
    for step in state.follow_up.steps[: draw(st.integers(0, 4))]:
        state.follow_up.record_step(step)
    if draw(st.booleans()) and state.follow_up.links:
        coverage = Coverage(last_imported_on=None, first_covered_on=day_in_japan(AT))
        state.follow_up.record_relink(Relinked(number=BANK.number, kind=BANK.kind, coverage=coverage))
    return asked_for(state) if draw(st.booleans()) else state


@given(states(), st.sampled_from(Action))
def test_in_every_state_exactly_what_is_shown_is_accepted(state: OfficeState, action: Action) -> None:
    reason = OPERATIONS.refuse(action, filled(action, state), state)
    assert (reason is None) == (action in OPERATIONS.available(state)), reason


@given(states(), st.sampled_from(Action), st.sampled_from([None, "text", 7, [], {}, {"reason": ""}, {"unknown": 1}]))
def test_in_every_state_what_cannot_be_read_is_refused_with_what_can_be_done(
    state: OfficeState, action: Action, sent: object
) -> None:
    reason = OPERATIONS.refuse(action, action.message.model_validate(sent), state) or ""
    assert reason.startswith("JSON を読み取れません（")
    assert "いまできる操作：" in reason


# --- in which JSON ----------------------------------------------------------------------------------------------------

WRONG = [
    ("add_note", {}, "reason：入力してください。"),
    ("add_note", {"reason": "お電話", "by": "鈴木"}, "by：この項目は受け付けていません。"),
    ("add_note", {"reason": "お電話", "memo": "x"}, "memo：この項目は受け付けていません。"),
    ("add_note", {"reason": " "}, "reason：1 文字以上で入力してください。"),
    ("extend_deadline", {"reason": "お電話", "until": "来週"}, f"until：{NO_DAY}"),
    ("correct_pair", {"reason": "お電話", "office_token": "123"}, "office_token："),
    ("resend_mail", {"reason": "お電話", "kind": "nothing"}, "kind："),
]


async def test_wrong_json_is_refused_before_it_enters_history(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    before = len(await case.audit())
    for name, sent, wrong in WRONG:
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await case.office().execute_update(name, sent)
        reason = str(refused.value.cause)
        assert f"JSON を読み取れません（{wrong}" in reason
        assert "いまできる操作：correct_names、reject、release_sharing、" in reason
    history = await case.office().fetch_history()
    accepted = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    assert [event for event in history.events if event.event_type == accepted] == []
    assert len(await case.audit()) == before


# --- what it leaves behind --------------------------------------------------------------------------------------------

IN_ORDER = (
    Action.ADD_NOTE,
    Action.HAND_OVER,
    Action.RESEND_MAIL,
    Action.EXTEND_DEADLINE,
    Action.HOLD,
    Action.RESUME,
    Action.CORRECT_PAIR,
    Action.RELEASE_SHARING,
    Action.REPORT_SET_UP_STEP,
    Action.REPORT_RELINK,
)
"""What an operator does who tries everything once and then leads the case on."""
ON_THE_WAY = (Action.CORRECT_PAIR, Action.RELEASE_SHARING, Action.REPORT_SET_UP_STEP, Action.REPORT_RELINK)


@pytest.mark.long
async def test_a_case_is_led_to_its_end_by_what_the_forms_offer(environment: Environment) -> None:
    """Each action with what its form begins with; who and why are in the audit trail and in the timeline."""
    case = await environment.apply(form([(NOBODY, OFFICE_C[1])]))
    await at_rest(case, Stage.CORRECTION)
    done: list[Action] = []
    while (await case.office().describe()).close_time is None:
        if (await case.progress()).stage not in {Stage.CORRECTION, Stage.SHARING, Stage.SET_UP, Stage.RELINK}:
            await case.settled()
            continue
        shown = await shown_actions(case)
        action = next(each for each in IN_ORDER if each in shown and (each not in done or each in ON_THE_WAY))
        blanks = {"reason": f"{len(done) + 1} 回目のお電話"}
        blanks["relinked_on"] = str(day_in_japan(await case.now()))
        sent = filled_in(shown[action], blanks["reason"], relinked_on=blanks["relinked_on"])
        await case.office().execute_update(action, sent)
        done.append(action)
        await left_behind(case, blanks)
        await case.settled()
    assert set(done) == set(IN_ORDER)
    assert (await case.office().result()).outcome is Outcome.COMPLETED


async def left_behind(case: Case, blanks: dict[str, str]) -> None:
    assert (OPERATOR, blanks["reason"]) in {(row.by, row.reason) for row in await case.audit()}
    timeline = await case.office().query(OfficeDataProcedure.timeline)
    assert any(f"{SATO.shown}：{blanks['reason']}" in entry.text for entry in timeline)


@pytest.mark.long
async def test_a_hold_stops_reminders_until_it_is_lifted(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.act(ActionMessage(reason="お客様と相談中"), action=Action.HOLD)
    await case.until(await case.now() + timedelta(days=12))
    assert await case.notices(MailKind.RELEASE_SHARING_REMINDER) == []
    await case.act(ActionMessage(reason="相談が終わったため"), action=Action.RESUME)
    await case.until(await case.now() + timedelta(minutes=5))
    assert await case.notices(MailKind.RELEASE_SHARING_REMINDER) != []


async def test_a_held_case_goes_no_further_than_what_is_in_hand(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    await case.act(ActionMessage(reason="お客様と相談中"), action=Action.HOLD)
    await case.act(ActionMessage(reason="お電話で同意"), action=Action.RELEASE_SHARING)
    await case.settled()
    assert await case.issued() == []
    await case.act(ActionMessage(reason="相談が終わったため"), action=Action.RESUME)
    await at_rest(case, Stage.SET_UP)


@pytest.mark.long
async def test_a_deadline_that_was_extended_is_the_one_that_counts(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    expires = environment.calendar.business_days_after(case.due_date, 5)
    with pytest.raises(WorkflowUpdateFailedError) as earlier:
        await case.act(ExtendDeadline(reason="お電話", until=expires))
    assert f"いまの期限（{expires}）と同じ日です。" in str(earlier.value.cause)
    longer = expires + timedelta(days=7)
    await case.act(ExtendDeadline(reason="お客様のご都合", until=longer))
    assert (await case.progress()).waits_until == longer
    await case.until(await case.now() + MOVED_TOGETHER)
    [stored] = await case.notices(MailKind.DEADLINE_EXTENDED)
    [mail] = [each for each in environment.inbox.to(stored.recipient) if each["Subject"] == stored.subject]
    said = text_of(mail)
    assert f"期限を {day_in_words(longer)}に変更しました" in said
    assert "会計事務所と共有されています" in said
    assert await case.until(end_of(expires) + timedelta(hours=1))
    assert (await case.progress()).outcome is None
    await case.until(end_of(longer))
    assert (await case.office().result()).outcome is Outcome.EXPIRED


async def test_a_mail_sent_again_is_the_same_mail_with_a_message_id_of_its_own(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_B]))
    await at_rest(case, Stage.SET_UP)
    for _ in range(2):
        await case.act(Resend(reason="届いていないとのお電話", kind=MailKind.COMPLETION_NOTICE))
    notices = environment.inbox.to(OFFICE_B[0])
    assert len({mail["Message-ID"] for mail in notices}) == 3
    assert len({(mail["Subject"], text_of(mail)) for mail in notices}) == 1
    with pytest.raises(WorkflowUpdateFailedError) as never_sent:
        await case.act(Resend(reason="お電話", kind=MailKind.EXPIRED))
    assert "送ったもの：completion_notice" in str(never_sent.value.cause)
    assert environment.inbox.to(TARO)


async def test_a_case_is_handed_over_only_to_who_is_there(environment: Environment) -> None:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    for name, reason in (("nobody", "登録されていません"), ("tk", "休暇中です")):
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await case.act(HandOver(reason="休暇のため", to=name))
        assert reason in str(refused.value.cause)
    await case.act(HandOver(reason="休暇のため", to="sm"))
    await case.act(ActionMessage(reason="引き継いだ"), action=Action.ADD_NOTE)
    assert (await case.progress()).assignee == "sm"
