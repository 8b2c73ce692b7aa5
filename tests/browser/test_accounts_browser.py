"""Registering, signing in and a forgotten password in a real browser, wrong first and then right."""

import re

import pytest
from playwright.async_api import Browser, Page, Route, expect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from tests.browser.browsing import Looking, new_page, send_form
from tests.browser.customer_walk import open_office
from tests.support.environment import OFFICE_B
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import WEB, until
from workers.stack.inbox import text_of

HANAKO, PASSWORD, NEW_PASSWORD = "hanako@shouji.example.jp", "Kaikei-2026!", "Kaikei-2027!"

pytestmark = pytest.mark.browser


class Visit:
    """One browser on our pages."""

    def __init__(self, page: Page, address: str, inbox: SmtpInbox, device: str) -> None:
        self.page = page
        self._address = address
        self._inbox = inbox
        self.looking = Looking(page, "accounts", device)

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self._address}{path}")

    async def look(self, name: str) -> None:
        await self.looking.at(self.page, name)

    async def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            await self.page.locator(f"#{name}").fill(value)

    async def press(self, name: str) -> None:
        await send_form(self.page.get_by_role("button", name=name, exact=True))

    async def heading(self, text: str) -> None:
        await expect(self.page.get_by_role("heading", level=1)).to_have_text(text)

    async def code(self, address: str, number: int = 1) -> str:
        async def arrived() -> bool:
            return len(self._inbox.to(address)) >= number

        await until(arrived)
        [code] = re.findall(r"^　(\d{6})\s*$", text_of(self._inbox.to(address)[number - 1]), re.MULTILINE)
        return str(code)


@pytest.mark.long
@pytest.mark.parametrize("device", ["desk", "phone"])
async def test_a_customer_registers_signs_in_forgets_the_password_and_sets_another(
    sessions: async_sessionmaker[AsyncSession],
    temporal: WorkflowEnvironment,
    smtp_inbox: SmtpInbox,
    browser: Browser,
    device: str,
) -> None:
    async with (
        open_office(sessions, temporal, smtp_inbox) as (_, address),
        new_page(browser, device) as page,
    ):
        visit = Visit(page, address, smtp_inbox, device)
        await registers(visit)
        await signs_in(visit)
        await forgets_the_password(visit)
        await is_made_to_send_a_form_by_another_site(visit, address)
        await comes_by_a_name_without_tls(visit, address)
    assert visit.looking.found == []


async def registers(visit: Visit) -> None:
    await visit.open("/register")
    await visit.look("register")
    await visit.fill(family_name="Yayoi", given_name="花子", yayoi_id=HANAKO, password="short")
    # What the source forbids, and what people do: the confirmation is pasted.
    await visit.page.locator("#yayoi_id").press("ControlOrMeta+a")
    await visit.page.locator("#yayoi_id").press("ControlOrMeta+c")
    await visit.page.locator("#yayoi_id_confirmation").press("ControlOrMeta+v")
    await expect(visit.page.locator("#yayoi_id_confirmation")).to_have_value(HANAKO)
    await visit.press("登録する")
    await expect(visit.page.get_by_role("alert")).to_contain_text("4 か所を確認してください")
    await visit.look("register-errors")
    await visit.page.get_by_role("alert").get_by_role("link", name="パスワード", exact=True).click()
    await expect(visit.page.locator("#password")).to_have_value("")
    await visit.fill(
        family_name="弥生",
        yayoi_id=OFFICE_B[0],
        yayoi_id_confirmation=OFFICE_B[0],
        password=PASSWORD,
        password_confirmation=PASSWORD,
    )
    await visit.page.get_by_label("プライバシーポリシーに同意します").check()
    await visit.press("登録する")
    await expect(visit.page.locator("#yayoi_id-error")).to_contain_text(
        "ご入力いただいたメールアドレスでは登録できません"
    )
    await visit.look("register-taken")
    await visit.fill(yayoi_id=HANAKO, yayoi_id_confirmation=HANAKO, password=PASSWORD, password_confirmation=PASSWORD)
    await visit.press("登録する")
    await visit.heading("STEP2 確認コードの入力")
    await visit.look("code")
    code = await visit.code(HANAKO)
    await visit.fill(code=f"{(int(code) + 1) % 10**6:06}")
    await visit.press("確認する")
    await expect(visit.page.locator("#code-error")).to_contain_text("あと 4 回入力できます")
    await visit.look("code-wrong")
    await visit.fill(code=code)
    await visit.press("確認する")
    await visit.heading("弥生ID の登録が完了しました")
    await visit.look("registered")


async def signs_in(visit: Visit) -> None:
    await visit.open("/sign-in")
    await visit.look("sign-in")
    await visit.fill(yayoi_id=HANAKO, password="wrong")
    await visit.press("ログインする")
    await expect(visit.page.get_by_role("alert")).to_contain_text("パスワードが違います")
    await expect(visit.page.locator("#password")).to_have_value("")
    await visit.look("sign-in-wrong")


async def forgets_the_password(visit: Visit) -> None:
    await visit.page.get_by_role("link", name="パスワードを忘れた・設定していない").click()
    await visit.heading("パスワードの設定")
    await visit.look("password")
    await visit.fill(yayoi_id=HANAKO)
    await visit.press("確認コードを送る")
    await visit.heading("新しいパスワードの入力")
    await visit.look("password-code")
    code = await visit.code(HANAKO, 2)
    await visit.fill(code=code, password=NEW_PASSWORD, password_confirmation=PASSWORD)
    await visit.press("パスワードを設定する")
    await expect(visit.page.locator("#password_confirmation-error")).to_contain_text("パスワードと一致しません")
    await visit.look("password-errors")
    await visit.fill(code=code, password=NEW_PASSWORD, password_confirmation=NEW_PASSWORD)
    await visit.press("パスワードを設定する")
    await visit.heading("パスワードを設定しました")
    await visit.look("password-set")
    await visit.page.get_by_role("main").get_by_role("link", name="ログインする").click()
    await visit.fill(yayoi_id=HANAKO, password=NEW_PASSWORD)
    await visit.press("ログインする")
    await expect(visit.page).not_to_have_url(re.compile("sign-in"))


async def is_made_to_send_a_form_by_another_site(visit: Visit, address: str) -> None:
    await visit.page.goto("about:blank")
    await visit.page.set_content(f'<form method="post" action="{address}/register"><button>登録する</button></form>')
    await visit.press("登録する")
    await expect(visit.page.get_by_role("main")).to_contain_text("フォームをもう一度開いて入力してください")
    await visit.look("foreign")
    await visit.open("/register/00000000-0000-4000-8000-000000000000")
    await expect(visit.page.get_by_role("main")).to_contain_text("24 時間の期限が過ぎています")
    await visit.look("gone")


async def comes_by_a_name_without_tls(visit: Visit, address: str) -> None:
    """Where browsers say nothing but `Origin`, and that only if the page lets them."""
    said: list[dict[str, str]] = []

    async def pass_on(route: Route) -> None:
        said.append(await route.request.all_headers())
        await route.fulfill(response=await route.fetch(url=route.request.url.replace(WEB, address)))

    await visit.page.route(f"{WEB}/**", pass_on)
    await visit.page.goto(f"{WEB}/register")
    await visit.press("登録する")
    await expect(visit.page.get_by_role("alert")).to_contain_text("か所を確認してください")
    [sent] = [headers for headers in said if headers.get("content-type")]
    assert "sec-fetch-site" not in sent
    assert sent["origin"] == WEB
