"""Operators act: in the Temporal Web UI they press an operation, fill in its form, and see the result."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.backoffice.operation_permissions import OPERATION_PERMISSIONS
from models.common.calendar import day_in_japan
from models.common.desk_links import APPROVALS, desk_case_path, operation_path
from models.yayoi.identifiers import office_workflow_id
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import SetUpStep, Stage
from tests.browser.browsing import Looking
from tests.support.ending import end
from tests.support.environment import NOBODY, OFFICE_B, OFFICE_C, Case, Environment, at_rest, form
from tests.support.matrices import mostly_long
from tests.support.operator_user import REASON_LABEL, TANAKA, Act, OperatorUser, operator_user, screen
from tests.support.recorded_paths import refused_step
from tests.support.smtp_inbox import SmtpInbox

pytestmark = pytest.mark.browser

Arrange = Callable[[Environment], Awaitable[Case]]


async def correction(environment: Environment) -> Case:
    case = await environment.apply(form([(NOBODY, OFFICE_C[1])]))
    await at_rest(case, Stage.CORRECTION)
    return case


async def sharing(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C]))
    await at_rest(case, Stage.SHARING)
    return case


async def confirmation(environment: Environment) -> Case:
    case = await environment.apply(form([(OFFICE_B[0], None)], linked=False), by_holder=False)
    await at_rest(case, Stage.CONFIRMATION)
    return case


async def relink(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_C], delegate=True))
    await at_rest(case, Stage.SET_UP)
    await case.do_steps(*SetUpStep)
    await at_rest(case, Stage.RELINK)
    return case


async def closed_with_open_points(environment: Environment) -> Case:
    case = await environment.apply(form([OFFICE_B]))
    await at_rest(case, Stage.SET_UP)
    await case.until(await case.now() + timedelta(days=32))
    return case


TODAY = "today"
"""Stands for the day of the case's own clock."""
WALKS: dict[str, tuple[Arrange, tuple[Act, ...]]] = {
    "correction": (
        correction,
        (
            Act(Action.ADD_NOTE),
            Act(Action.HAND_OVER, choose="鈴木"),
            Act(Action.RESEND_MAIL),
            Act(Action.EXTEND_DEADLINE),
            Act(Action.HOLD),
            Act(Action.RESUME),
            Act(Action.CORRECT_PAIR, typed={"弥生ID（メールアドレス）": OFFICE_C[0]}, then=Stage.SHARING),
            Act(Action.RENEW_LINK, choose="申込者のリンク"),
            Act(Action.CORRECT_NAMES, typed={"申込者の姓（全角）": "彌生"}),
            Act(Action.RELEASE_SHARING, then=Stage.SET_UP),
            Act(Action.REPORT_SET_UP_STEP),
            Act(Action.RETRACT_SET_UP_STEP),
            Act(Action.REPORT_SET_UP_STEP),
            Act(Action.ASK_CANCEL),
            Act(Action.RETRACT_REQUEST),
        ),
    ),
    "sharing": (sharing, (Act(Action.REPORT_SHARING_RELEASED, then=Stage.SET_UP), Act(Action.WITHDRAW))),
    "rejected": (sharing, (Act(Action.REJECT),)),
    "cancelled": (sharing, (Act(Action.CANCEL),)),
    "confirmed": (confirmation, (Act(Action.REPORT_CONFIRMED),)),
    "not confirmed": (confirmation, (Act(Action.REPORT_NOT_CONFIRMED),)),
    "relink": (
        relink,
        (
            Act(Action.REPORT_RELINK, choose="Airレジ", typed={"再連携した日": TODAY}),
            Act(Action.CORRECT_RELINK, typed={"再連携した日": TODAY}),
            Act(Action.RETRACT_RELINK),
        ),
    ),
    "after closing": (closed_with_open_points, (Act(Action.REOPEN),)),
    "refused": (refused_step, (Act(Action.TRY_AGAIN),)),
}
ANSWERED = {Action.APPROVE, Action.DECLINE}
"""By a supervisor, in the walk of four eyes."""


def test_every_operation_of_an_office_is_walked() -> None:
    walked = {act.operation for _, acts in WALKS.values() for act in acts}
    assert walked | ANSWERED == set(OPERATION_PERMISSIONS["OfficeDataProcedure"])


@pytest.mark.parametrize("walk", mostly_long(WALKS, each_time=["cancelled"]))
async def test_each_operation_is_pressed_in_the_web_ui_filled_in_and_its_result_shown(
    walk: str, sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    """The history's header names the log-in, and the audit trail why."""
    arrange, acts = WALKS[walk]
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        case = await arrange(operator.environment)
        office = office_workflow_id(case.application_no, 1)
        arranged = await operator.signed(office)
        await operator.open_office(case)
        for number, act in enumerate(acts, start=1):
            today = str(day_in_japan(await case.now()))
            typed = {label: today if text == TODAY else text for label, text in act.typed.items()}
            reason = f"{number} 回目のお電話"
            await operator.acted(replace(act, typed=typed), reason)
            assert "operator:sk" in {row.by for row in await case.audit() if row.reason == reason}
            if act.then:
                await at_rest(case, act.then)
        assert await operator.signed(office) == [*arranged, *(act.operation for act in acts)]
        await end(case.application, case.office())


@pytest.mark.long
async def test_y27_four_eyes_in_the_browser_asked_declined_asked_again_and_approved(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    async with operator_user(sessions, smtp_inbox, browser) as operator, screen(browser) as other:
        case = await operator.environment.apply(form([OFFICE_C], delegate=True))
        await at_rest(case, Stage.SET_UP)
        await case.do_step(SetUpStep.SUPPORT_PASSWORD)
        await operator.open_office(case)
        await operator.log_in(TANAKA, other)
        looking = Looking(other, "four-eyes", "desk")
        for action in (Action.DECLINE, Action.APPROVE):
            said = await operator.act(
                Action.ASK_CANCEL.label, "お客様のご希望", お客様に伝えること="お電話のとおりです。"
            )
            assert "を受け付けました" in said
            await other.goto(operator.desk.url + APPROVALS)
            await expect(other.get_by_role("heading", level=1)).to_have_text("承認待ち（1 件）")
            await looking.at(other, "approvals")
            name = "承認する" if action is Action.APPROVE else "承認しない"
            await other.get_by_role("link", name=name, exact=True).click()
            await other.get_by_label(REASON_LABEL).fill(f"{action} の理由")
            await looking.at(other, str(action))
            await other.get_by_role("button", name="送信する").click()
            await expect(other.get_by_role("status")).to_contain_text("を受け付けました")
            assert f"{action} の理由" in {row.reason for row in await case.audit()}
        assert (await case.office().result()).outcome == "取り消し"
        assert looking.found == []


# --- how much it takes ------------------------------------------------------------------------------------------------

COMMON = (
    Act(Action.ADD_NOTE),
    Act(Action.CORRECT_PAIR, typed={"弥生ID（メールアドレス）": NOBODY.replace("nobody", "nobody-else")}),
    Act(Action.EXTEND_DEADLINE),
    Act(Action.HAND_OVER, choose="鈴木"),
    Act(Action.HOLD),
)
"""The five most common."""
CLICKS, TABS = 3, 2
"""At most; the click on the link in the Web UI is one of them."""


@pytest.mark.long
async def test_the_most_common_operations_take_three_clicks_at_most_and_the_reason(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    """Counted by the events of the browser's pages, from the case's page in the Web UI on.

    Nothing is filled in but what has the focus, after a click or by Tab; keys are what is typed, and these.
    """
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        case = await correction(operator.environment)
        await operator.open_office(case)
        for act in COMMON:
            page = await operator.press(act.label)
            clicks, keys = await counting(page)
            reason = page.get_by_label(REASON_LABEL)
            if act.choose:
                await page.get_by_label(act.choose).first.click()
            for label, text in act.typed.items():
                await page.get_by_label(label).click()
                await page.keyboard.press("ControlOrMeta+a")
                await page.keyboard.insert_text(text)
            while not await is_focused(reason):
                await page.keyboard.press("Tab")
            await page.keyboard.insert_text("お電話")
            await page.get_by_role("button", name="送信する").click()
            await expect(page.get_by_role("status")).to_contain_text("を受け付けました")
            assert 1 + len(clicks) <= CLICKS, act.operation
            assert keys.count("Tab") <= TABS, (act.operation, keys)
            await page.close()
        await end(case.application, case.office())


async def counting(page: Page) -> tuple[list[str], list[str]]:
    """Return what will hold each press of a mouse's button, and of a key, on the page and on those it leads to."""
    clicks, keys = list[str](), list[str]()
    await page.expose_function("pressed", lambda what: clicks.append(what))  # noqa: PLW0108 Playwright marks its handlers
    await page.expose_function("typed", lambda key: keys.append(key))  # noqa: PLW0108
    await page.evaluate("document.addEventListener('pointerdown', event => pressed(event.target.tagName), true)")
    await page.evaluate("document.addEventListener('keydown', event => typed(event.key), true)")
    return clicks, keys


async def is_focused(field: Locator) -> bool:
    return bool(await field.evaluate("field => field === document.activeElement"))


@pytest.mark.long
async def test_a_form_is_filled_in_and_sent_by_keys_alone_and_nothing_of_it_is_a_hurdle(
    sessions: async_sessionmaker[AsyncSession], smtp_inbox: SmtpInbox, browser: Browser
) -> None:
    """At both widths; Back and reload after it send nothing again, and two operators at once take effect once."""
    async with operator_user(sessions, smtp_inbox, browser) as operator:
        case = await sharing(operator.environment)
        await operator.open_office(case)
        page = await operator.press(Action.EXTEND_DEADLINE.label)
        looking = Looking(page, "operations", "desk")
        await looking.at(page, "form")
        await page.reload()
        keyboard = page.keyboard
        await expect(page.get_by_label(REASON_LABEL)).to_be_focused()
        await keyboard.type("お電話で確認")
        await keyboard.press("Tab")
        await keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("を受け付けました")
        await looking.at(page, "case")
        await page.reload()
        await page.go_back()
        await page.get_by_label(REASON_LABEL).fill("二度押す")
        await page.get_by_role("button", name="送信する").dblclick()
        await expect(page.get_by_role("status")).to_contain_text("を受け付けました")
        reasons = [row.reason for row in await case.audit()]
        assert (reasons.count("お電話で確認"), reasons.count("二度押す")) == (1, 1)
        async with screen(browser) as other:
            await operator.log_in(TANAKA, other)
            await press_at_once(operator, case, page, other)
        for path in (
            f"/desk/cases/{case.application_no}",
            APPROVALS,
            f"/desk/cases/{case.application_no}/1/operations/resume",
        ):
            await page.goto(operator.desk.url + path)
            await looking.at(page, "page")
        assert looking.found == []
        await end(case.application, case.office())


async def press_at_once(operator: OperatorUser, case: Case, *pages: Page) -> None:
    """Two operators send the same at the same moment: one is taken, the other sees why not, and what was typed."""
    key, both = (case.application_no, 1), "二人で同時に"
    for page in pages:
        await page.goto(operator.desk.url + desk_case_path(*key))
    mine = pages[0].frame_locator("iframe.line-frame")
    await expect(mine.get_by_text(f"{TANAKA}さんも、この案件を開いています")).to_be_visible()
    for page in pages:
        await page.goto(operator.desk.url + operation_path(*key, Action.HOLD))
        await page.get_by_label(REASON_LABEL).fill(both)
    await asyncio.gather(*(page.get_by_role("button", name="送信する").click() for page in pages))
    said = [await page.get_by_role("status").or_(page.get_by_role("alert")).first.inner_text() for page in pages]
    taken = ["を受け付けました" in text for text in said]
    assert sorted(taken) == [False, True], said
    assert both in await pages[taken.index(False)].content()
    assert [row.reason for row in await case.audit()].count(both) == 1
