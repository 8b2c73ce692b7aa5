"""Every early exit at every stage (Y27): refused with the reason, or everything is as it was before the application."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from _pytest.mark import ParameterSet
from temporalio.client import WorkflowUpdateFailedError

from models.common.actors import Actor
from models.common.calendar import day_in_japan, end_of
from models.common.operator_actions import EndCase
from models.common.operator_message import ActionMessage
from models.common.waiting_for import WaitingFor
from models.yayoi.identifiers import OfficeToken, YayoiId
from models.yayoi.mails import MailKind
from models.yayoi.messages import Outcome
from models.yayoi.operator_actions import Action, Cancel
from models.yayoi.procedures import SetUpStep, Stage
from models.yayoi.store.intake import Intake
from tests.support.ending import end
from tests.support.environment import (
    NOBODY,
    OFFICE_B,
    OFFICE_C,
    OPERATOR,
    TARO,
    Case,
    Environment,
    at_rest,
    details_of,
    form,
)
from tests.support.matrices import mostly_long
from tests.support.operator_actions import APPROVED, approve, cancel_with_approval, shown_actions
from tests.support.recorded_paths import BANK_B, BANK_C
from tests.support.signing import SATO, TANAKA
from tests.support.snapshot import Snapshot, snapshot
from workers.stack.inbox import text_of
from workflows.common.operator_turn import CANCELLATION_ASKED
from workflows.yayoi.multi_office_application import MultiOfficeApplication
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

LEAVING, STAYING = 1, 2
"""Office C leaves the application; office B stays."""
C_TOKEN, B_TOKEN = OFFICE_C[1], OFFICE_B[1]
SPARE = YayoiId("office-2@aoba.example.co.jp")
"""Registered and in no group: for who applies again after the first ID has got its group."""
WHY = "お客様のご希望"


# --- where the case is at ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where office C's case is when it is to end; `after`: what has happened since it came to that stage."""

    stage: Stage
    after: Callable[[Case], Awaitable[None]]
    yayoi_id: YayoiId = OFFICE_C[0]
    notified: bool = False
    """The notice was sent, so the ID was issued; the system had released the sharing on the applicant's behalf."""

    async def reached(self, environment: Environment) -> Case:
        case = await environment.apply(form([(self.yayoi_id, C_TOKEN), OFFICE_B], delegate=self.notified))
        await at_rest(case, Stage.SET_UP if self.notified else self.stage, LEAVING)
        await at_rest(case, Stage.SET_UP, STAYING)
        await self.after(case)
        assert (await case.progress(LEAVING)).stage is self.stage
        return case


async def nothing_more(_case: Case) -> None:
    """It has only come there."""


async def held(case: Case) -> None:
    await case.act(ActionMessage(reason="お客様と相談中"), LEAVING, action=Action.HOLD)


async def step5_done(case: Case) -> None:
    await case.do_step(SetUpStep.SUPPORT_PASSWORD, LEAVING)


async def set_up_and_half_relinked(case: Case) -> None:
    await case.do_steps(*SetUpStep, number=LEAVING)
    await case.relink(*BANK_C, day_in_japan(await case.now(LEAVING)), number=LEAVING)


PLACES = {
    "correction": Place(Stage.CORRECTION, nothing_more, NOBODY),
    "sharing": Place(Stage.SHARING, nothing_more),
    "held": Place(Stage.SHARING, held),
    "set_up": Place(Stage.SET_UP, nothing_more, notified=True),
    "step5_done": Place(Stage.SET_UP, step5_done, notified=True),
    "relink": Place(Stage.RELINK, set_up_and_half_relinked, notified=True),
}
SET_UP_BEGUN = ("step5_done", "relink")


# --- how it is to end -------------------------------------------------------------------------------------------------


async def reject(case: Case) -> None:
    await case.act(EndCase(reason=WHY), LEAVING, action=Action.REJECT)


async def withdraw(case: Case) -> None:
    await case.act(EndCase(reason=WHY), LEAVING, action=Action.WITHDRAW)


async def cancel(case: Case) -> None:
    await case.act(Cancel(reason=WHY), LEAVING)


async def cancel_with_supervisor(case: Case) -> None:
    await cancel_with_approval(case, WHY, LEAVING)


async def cancel_application(case: Case) -> None:
    """An office whose customer has begun STEP5 waits for a supervisor."""
    begun = (await case.progress(LEAVING)).stage is Stage.RELINK or Action.ASK_CANCEL in await shown_actions(
        case, LEAVING
    )
    await case.application.execute_update(MultiOfficeApplication.cancel, Cancel(reason=WHY))
    if begun:
        await noted(case, "責任者の承認を待っている")
        await approve(case, LEAVING)


async def expire(case: Case) -> None:
    expires = case.environment.calendar.business_days_after(case.due_date, 5)
    await case.until(end_of(expires) + timedelta(days=1), LEAVING)


@dataclass(frozen=True)
class EarlyExit:
    take: Callable[[Case], Awaitable[None]]
    outcome: Outcome
    mail: MailKind
    recorded: tuple[str, str, str] | None
    """What the audit trail says was done, by whom and why; None if nobody did anything."""
    all_offices: bool = False


_CANCELLED = (Outcome.CANCELLED, MailKind.CANCELLED)
_BY = (Action.CANCEL.label, OPERATOR, WHY)
_APPROVED = (
    f"{Action.APPROVE.label}：{Action.CANCEL.label}（依頼：{SATO.shown}、理由：{WHY}）",
    str(TANAKA),
    APPROVED,
)
EXITS = {
    "reject": EarlyExit(reject, Outcome.REJECTED, MailKind.REJECTED, (Action.REJECT.label, OPERATOR, WHY)),
    "withdraw": EarlyExit(withdraw, Outcome.WITHDRAWN, MailKind.WITHDRAWN, (Action.WITHDRAW.label, OPERATOR, WHY)),
    "cancel": EarlyExit(cancel, *_CANCELLED, _BY),
    "cancel_with_supervisor": EarlyExit(cancel_with_supervisor, *_CANCELLED, _APPROVED),
    "cancel_application": EarlyExit(cancel_application, *_CANCELLED, None, all_offices=True),
    "expire": EarlyExit(expire, Outcome.EXPIRED, MailKind.EXPIRED, None),
}
NEEDS_SUPERVISOR = "STEP5 を始めた後の取り消しには、責任者の承認が必要です。"
REFUSED = {
    **{("reject", place): "完了のお知らせを送った後は却下できません。" for place in ("set_up", *SET_UP_BEGUN)},
    **{("withdraw", place): "STEP5 を始めた後は取り下げられません。" for place in SET_UP_BEGUN},
    **{("cancel", place): NEEDS_SUPERVISOR for place in SET_UP_BEGUN},
    **{
        ("cancel_with_supervisor", place): "STEP5 を始める前の取り消しには、承認は不要です"
        for place in PLACES
        if place not in SET_UP_BEGUN
    },
}
NEVER_EXPIRES = [("expire", place) for place in ("held", "set_up", *SET_UP_BEGUN)]
CARRIED_OUT = [
    (early_exit, place)
    for early_exit in EXITS
    for place in PLACES
    if (early_exit, place) not in REFUSED and (early_exit, place) not in NEVER_EXPIRES
]
LAST = {
    early_exit: (early_exit, [place for each, place in CARRIED_OUT if each == early_exit][-1]) for early_exit in EXITS
}
"""Each early exit from the last stage that it is open at, where the most has to be undone."""


def the_last_of(rows: Sequence[tuple[str, ...]]) -> list[ParameterSet]:
    """Return the rows, marked as taking long but for the last of them."""
    return [pytest.param(*row, marks=[] if row == rows[-1] else [pytest.mark.long]) for row in rows]


# --- what must hold afterwards ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exit_name", "place_name"),
    mostly_long(CARRIED_OUT, each_time=[LAST[name] for name in ("withdraw", "expire")]),
)
async def test_y27_an_early_exit_leaves_everything_as_it_was_before(
    environment: Environment, exit_name: str, place_name: str
) -> None:
    early_exit, place = EXITS[exit_name], PLACES[place_name]
    before = await snapshot(environment)
    case = await place.reached(environment)
    issued = [row.contract_id for row in await case.issued() if row.office_no == LEAVING]
    assert bool(issued) == place.notified

    await early_exit.take(case)
    outcome = await case.office(LEAVING).result()
    assert outcome.outcome is early_exit.outcome
    assert (await snapshot(environment)).of(C_TOKEN) == before.of(C_TOKEN)
    await notified(case, early_exit, place)
    await recorded(case, early_exit)

    await the_other_office_ends(case, early_exit, before)
    assert [row.revoked_at is None for row in await case.issued() if row.office_no == LEAVING] == [False] * len(issued)
    await may_apply_again(environment, place_name)


async def notified(case: Case, early_exit: EarlyExit, place: Place) -> None:
    """One mail about the end for the applicant, one for the Yayoi ID that had its notice; no notice for nothing.

    Of offices that end together the last to close mails the applicant about all.
    """
    if early_exit.all_offices:
        await case.application.result()
    sent = [notice for notice in await case.notices() if notice.sent_at]
    own = [notice for notice in sent if notice.part == LEAVING]
    ends = [notice for notice in sent if notice.kind == early_exit.mail]
    assert [notice.recipient for notice in ends].count(TARO) == 1
    to_the_pair = [notice for notice in own if notice.kind == early_exit.mail and notice.recipient != TARO]
    assert [notice.recipient for notice in to_the_pair] == ([OFFICE_C[0]] if place.notified else [])
    assert [notice.kind for notice in own].count(MailKind.COMPLETION_NOTICE) == place.notified
    if early_exit.all_offices and not place.notified:
        return
    last = [*ends, *to_the_pair][-1]
    [notice] = [mail for mail in case.environment.inbox.mails if mail["Message-ID"] == last.message_id]
    assert ("ご利用いただけなくなりました" in text_of(notice)) == place.notified


async def recorded(case: Case, early_exit: EarlyExit) -> None:
    """The audit trail says who ended it and why, each effect once."""
    rows = [row for row in await case.audit() if row.part == LEAVING]
    actions = [row.action for row in rows if not row.action.startswith("メールを送信した")]
    assert actions[-1] == f"事業所データの手続きを終了した（{early_exit.outcome}）"
    # A reminder comes several times, each with a Message-ID of its own.
    effects = [(row.action, row.facts.get("message_id")) for row in rows]
    assert len(set(effects)) == len(effects)
    if early_exit.recorded:
        said = {(f"{row.action}{row.content.get('detail', '')}", row.by, row.reason) for row in rows}
        assert early_exit.recorded in said
        timeline = await case.office(LEAVING).query(OfficeDataProcedure.timeline)
        assert any(
            f"{early_exit.recorded[0]}（{Actor.recorded(early_exit.recorded[1]).shown}：{early_exit.recorded[2]}）"
            == entry.text
            for entry in timeline
        )


async def the_other_office_ends(case: Case, early_exit: EarlyExit, before: Snapshot) -> None:
    """Office B goes on alone: to its completion, unless the whole application was cancelled."""
    if early_exit.all_offices:
        assert (await case.office(STAYING).result()).outcome is early_exit.outcome
        assert await snapshot(case.environment) == before
    else:
        await case.do_steps(*SetUpStep, number=STAYING)
        await case.relink(*BANK_B, day_in_japan(await case.now(STAYING)), number=STAYING)
        office = await case.environment.office(B_TOKEN)
        [issued] = [row.contract_id for row in await case.issued() if row.office_no == STAYING]
        assert (office.contract_id, office.frozen_by) == (issued, None)
    outcomes = [office.outcome for office in (await case.application.result()).offices]
    assert outcomes == [early_exit.outcome, early_exit.outcome if early_exit.all_offices else Outcome.COMPLETED]


async def may_apply_again(environment: Environment, place_name: str) -> None:
    """The pair is free: nothing of the case that has ended holds it (Y1)."""
    yayoi_id = SPARE if place_name == "relink" else OFFICE_C[0]
    again = await Intake(environment.sessions, environment.calendar).receive(form([(yayoi_id, C_TOKEN)]))
    assert again.new


@pytest.mark.long
async def test_y15_a_revoked_id_is_never_issued_again(environment: Environment) -> None:
    case = await PLACES["set_up"].reached(environment)
    await cancel_application(case)
    await case.application.result()
    again = await environment.apply(form([OFFICE_C, OFFICE_B], delegate=True))
    await at_rest(again, Stage.SET_UP, LEAVING)
    await at_rest(again, Stage.SET_UP, STAYING)
    revoked, anew = await case.issued(), await again.issued()
    assert {row.contract_id for row in revoked}.isdisjoint(row.contract_id for row in anew)
    assert sorted(row.number for row in (*revoked, *anew)) == [1, 2, 3, 4]


@pytest.mark.long
@pytest.mark.parametrize(("exit_name", "place_name"), the_last_of([*REFUSED]))
async def test_y27_what_comes_too_late_is_refused_with_the_reason_and_changes_nothing(
    environment: Environment, exit_name: str, place_name: str
) -> None:
    case = await PLACES[place_name].reached(environment)
    before, actions = await snapshot(environment), len(await case.audit())
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await EXITS[exit_name].take(case)
    assert REFUSED[exit_name, place_name] in str(refused.value.cause)
    assert "いまできる操作：" in str(refused.value.cause)
    assert await snapshot(environment) == before
    assert len(await case.audit()) == actions
    assert (await case.progress(LEAVING)).outcome is None


@pytest.mark.long
@pytest.mark.parametrize("whole", [pytest.param(False, marks=pytest.mark.long), True])
@pytest.mark.parametrize("place_name", the_last_of([(place,) for place in PLACES]))
async def test_request_cancellation_is_for_an_operator_to_decide_and_undoes_nothing(
    environment: Environment, place_name: str, *, whole: bool
) -> None:
    case = await PLACES[place_name].reached(environment)
    before = (await snapshot(environment)).of(C_TOKEN)
    await (case.application if whole else case.office(LEAVING)).cancel()
    await noted(case, CANCELLATION_ASKED)
    await case.settled(LEAVING)
    progress = await case.progress(LEAVING)
    assert (progress.outcome, progress.waiting_for) == (None, WaitingFor.OPERATOR)
    assert "だれの依頼かは分からないため" in await details_of(case.office(LEAVING)) or progress.held
    assert (await snapshot(environment)).of(C_TOKEN) == before
    await case.act(ActionMessage(reason="お客様のご希望ではなかった"), LEAVING, action=Action.ADD_NOTE)
    assert "だれの依頼かは分からないため" not in await details_of(case.office(LEAVING))
    await end(case.application, case.office(LEAVING), case.office(STAYING))


async def noted(case: Case, text: str) -> None:
    """Wait for an entry of the timeline: nobody is answered who presses the Web UI's button."""
    while True:
        if any(text in entry.text for entry in await case.office(LEAVING).query(OfficeDataProcedure.timeline)):
            return
        await asyncio.sleep(0.02)


@pytest.mark.long
@pytest.mark.parametrize("place_name", the_last_of([(place,) for _, place in NEVER_EXPIRES]))
async def test_y27_neither_a_held_case_nor_one_after_its_notice_expires(
    environment: Environment, place_name: str
) -> None:
    case = await PLACES[place_name].reached(environment)
    issued = [row.contract_id for row in await case.issued() if row.office_no == LEAVING]
    await expire(case)
    assert await case.notices(MailKind.EXPIRED) == []
    if place_name == "held":
        assert (await case.progress(LEAVING)).outcome is None
        await case.act(ActionMessage(reason="相談が終わったため"), LEAVING, action=Action.RESUME)
        assert (await case.office(LEAVING).result()).outcome is Outcome.EXPIRED
        return
    await case.until(await case.now(LEAVING) + timedelta(days=31), LEAVING)
    ended = await case.progress(LEAVING)
    assert (ended.outcome, [ended.contract_id]) == (Outcome.INCOMPLETE, issued)
    assert (await environment.office(OfficeToken(C_TOKEN))).contract_id == issued[0]


@pytest.mark.long
async def test_y27_what_the_customer_released_stays_released(environment: Environment) -> None:
    before = await snapshot(environment)
    case = await PLACES["sharing"].reached(environment)
    await case.release_sharing(LEAVING)
    await at_rest(case, Stage.SET_UP, LEAVING)
    await cancel(case)
    await case.office(LEAVING).result()
    after = (await snapshot(environment)).of(C_TOKEN)
    assert after.sharings == []
    assert (after.offices, after.links) == (before.of(C_TOKEN).offices, before.of(C_TOKEN).links)
