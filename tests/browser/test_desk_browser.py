"""Operators log in at a real provider in a real browser, take leave, lose a role, and log out everywhere."""

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from tests.browser.browsing import Looking, new_page, send_form
from tests.support.canaille import canaille
from tests.support.desk import DeskSite, desk_on, fill_operators
from tests.support.serving import served_on
from web.backoffice.desk_start import OWN_PAGE
from web.common.auth.openid import OpenIdSettings

PASSWORD = "Correct-horse-7-battery"
HANAKO, CHIEF, STRANGER = "hanako", "chief", "stranger"

pytestmark = pytest.mark.browser


@asynccontextmanager
async def desk_with_canaille(
    sessions: async_sessionmaker[AsyncSession],
) -> AsyncIterator[tuple[DeskSite, OpenIdSettings]]:
    """Both on ports of their own; 佐藤 and 田中 are known by what the provider calls them."""
    await fill_operators(sessions)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            canaille(url, dict.fromkeys((HANAKO, CHIEF, STRANGER), PASSWORD)) as openid,
            desk_on(sessions, openid, url=url) as desk,
            served_on(listener, desk.app),
        ):
            await desk.known_as("sk", openid.issuer, HANAKO)
            await desk.known_as("tn", openid.issuer, CHIEF)
            yield desk, openid


async def signs_in(page: Page, desk: DeskSite, user: str) -> None:
    """Press the button and fill in the provider's two pages."""
    await page.goto(desk.url)
    await page.get_by_role("link", name="ログインする").click()
    await page.locator("#login").fill(user)
    await page.get_by_role("button", name="Continue").click()
    await page.locator("#password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.long
async def test_operators_log_in_take_leave_lose_a_role_and_log_out_everywhere(
    sessions: async_sessionmaker[AsyncSession], browser: Browser
) -> None:
    async with (
        desk_with_canaille(sessions) as (desk, openid),
        new_page(browser) as page,
        new_page(browser, "phone") as chief,
    ):
        looking, chiefs = Looking(page, "desk", "desk"), Looking(chief, "desk", "phone")
        await page.goto(f"{desk.url}/desk/operators")
        await looking.at(page, "sign-in")
        await signs_in(page, desk, HANAKO)
        await expect(page.get_by_role("heading", level=1)).to_have_text("仕事の一覧")
        await looking.at(page, "start")
        await page.goto(f"{desk.url}{OWN_PAGE}")

        await page.get_by_label("休暇の最初の日").fill("2026-12-01")
        await page.get_by_label("休暇の最後の日").fill("2026-12-04")
        await page.get_by_role("button", name="休暇を保存する").click()
        await expect(page.get_by_role("status")).to_have_text("休暇を保存しました。")
        await expect(page.locator("dl.facts")).to_contain_text("2026年12月1日（火）から2026年12月4日（金）まで")

        await signs_in(chief, desk, CHIEF)
        await chief.get_by_role("link", name="担当者の管理").click()
        hers = chief.locator("section", has=chief.get_by_role("heading", name="佐藤（sk）"))
        await chiefs.at(chief, "operators")
        await hers.get_by_label("管理者").check()
        await send_form(hers.get_by_role("button", name="役割を保存する"))
        await page.reload()
        await page.get_by_role("link", name="担当者の管理").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("担当者の管理")
        await hers.get_by_label("管理者").uncheck()
        await send_form(hers.get_by_role("button", name="役割を保存する"))
        await expect(chief.get_by_role("status")).to_be_visible()
        await page.reload()
        await expect(page.get_by_role("heading", level=1)).to_have_text("権限がありません")
        await looking.at(page, "refused")

        await page.goto(f"{desk.url}{OWN_PAGE}")
        await page.get_by_role("button", name="すべてのブラウザーでログアウトする").click()
        await expect(page).to_have_url(re.compile(rf"^{desk.url}/signed-out\?state="))  # back from the provider
        await looking.at(page, "signed-out")
        await page.goto(desk.url)
        await page.get_by_role("link", name="ログインする").click()
        await expect(page.locator("#login")).to_be_visible()  # the provider asks again: its session is over, too
        assert page.url.startswith(openid.issuer)
        assert await desk.rows_of_log_ins("sk") == 0
        assert await desk.rows_of_log_ins("tn") == 1
    assert looking.found == []
    assert chiefs.found == []


@pytest.mark.long
async def test_whom_the_table_does_not_know_is_shown_what_to_pass_on(
    sessions: async_sessionmaker[AsyncSession], browser: Browser
) -> None:
    async with desk_with_canaille(sessions) as (desk, openid), new_page(browser) as page:
        looking = Looking(page, "desk-unknown", "desk")
        await signs_in(page, desk, STRANGER)
        await expect(page.get_by_role("heading", level=1)).to_have_text("担当者として登録されていません")
        await expect(page.locator("dl.facts")).to_contain_text(STRANGER)
        await expect(page.locator("dl.facts")).to_contain_text(openid.issuer)
        await looking.at(page, "unknown")
        await page.goto(desk.url)
        await expect(page.get_by_role("heading", level=1)).to_have_text("ログイン")
    assert looking.found == []
