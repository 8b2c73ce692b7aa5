"""The whole walk of a firm through the pages of MYICS, as its people would go it (M1 to M7)."""

import asyncio
import re
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import urljoin

from playwright.async_api import Locator, Page, expect

from models.myics.identifiers import ClientId, HolderNo
from models.myics.mails import MyicsMail
from tests.browser.browsing import send_form
from tests.browser.customer_walk import At
from tests.support.myics_environment import FIRM, KEYWORD, OWNER, PASSWORD, MyicsEnvironment
from tests.support.running import PATIENCE
from workers.stack.inbox import text_of

HANAKO, MIDORI = "hanako@aoba-kaikei.example.jp", "midori@midori-shoten.example.jp"
NEW_PASSWORD = "Aoba2027"
CLIENT = ClientId(f"{FIRM}0012")


@dataclass
class Firm:
    """Everybody at one browser in turn."""

    myics: MyicsEnvironment
    address: str
    page: Page
    at: At

    async def whole_walk(self) -> None:
        await self.representative_registers()
        await self.log_in(FIRM, OWNER)
        await self.at(self.page, "top")
        await self.add_staff()
        await self.add_client_with_user()
        await self.send_a_file()
        await self.log_out()
        await self.user_registers(HANAKO)
        await self.user_registers(MIDORI)
        for number, address, name, who in ((FIRM, HANAKO, "青葉 花子", "staff"), (CLIENT, MIDORI, "緑 太郎", "client")):
            await self.log_in(number, address)
            await expect(self.main).to_contain_text(f"{name} 様")
            await self.at(self.page, f"top-{who}")
            await self.log_out()
        await self.password_forgotten(HANAKO)

    async def password_forgotten(self, address: str) -> None:
        await self.page.get_by_role("link", name="パスワードをお忘れの方").click()
        await self.at(self.page, "password-forgotten")
        await self.fill(HolderNo.label_of_both, FIRM)
        await self.fill("ユーザーアカウント", address)
        await self.press("メールを送る")
        await expect(self.heading).to_have_text("受け付けました")
        await self.at(self.page, "password-mail-sent")
        await self.follow(address, MyicsMail.RENEWAL)
        await self.at(self.page, "password-new")
        await self.fill("新しいパスワード", NEW_PASSWORD)
        await self.fill("新しいパスワード（確認のためもう一度）", NEW_PASSWORD)
        await self.press("変更")
        await expect(self.main).to_contain_text("パスワードを変更しました")
        await self.log_in(FIRM, address, NEW_PASSWORD)

    async def representative_registers(self) -> None:
        """M1 to M3, with mistakes first, as people do."""
        await self.myics.invite()
        await self.follow(OWNER, MyicsMail.INVITATION)
        await self.at(self.page, "terms")
        await self.press("次へ進む")
        await expect(self.page.get_by_role("alert")).to_contain_text("2 か所を確認してください")
        await self.at(self.page, "terms-errors")
        await self.accept_terms()
        await self.at(self.page, "account")
        await self.fill("ユーザーアカウント", "wrong@aoba-kaikei.example.jp")
        await self.fill("登録確認用キーワード", KEYWORD)
        await self.press("ユーザー情報確認用メール送信")
        await expect(self.heading).to_have_text("仮登録が完了しました")
        await self.at(self.page, "mail-sent")
        await self.fill("正しいメールアドレス", OWNER)
        await self.press("このアドレスに確認のメールを送る")
        await expect(self.main).to_contain_text("メールアドレスの訂正を受け付けました")
        await self.follow(OWNER, MyicsMail.CONFIRMATION)
        await self.at(self.page, "confirm")
        await self.fill("登録確認用キーワード", KEYWORD)
        await self.type_password()
        await expect(self.main).to_contain_text("ユーザー登録が完了しました")
        await self.at(self.page, "registered")

    async def add_staff(self) -> None:
        await self.menu("事務所")
        await self.at(self.page, "users")
        await self.main.get_by_role("link", name="新規登録").click()
        await self.at(self.page, "user-new")
        await self.press("登録")
        await expect(self.page.get_by_role("alert")).to_contain_text("2 か所を確認してください")
        await self.at(self.page, "user-new-errors")
        await self.fill("ユーザーアカウント", HANAKO)
        await self.fill("使用者", "青葉 花子")
        await self.press("登録")
        await expect(self.page.get_by_role("region", name="青葉 花子")).to_contain_text("招待中")
        await self.at(self.page, "users-added")
        await self.page.get_by_role("link", name="青葉 花子 様：取り下げる").click()
        await expect(self.heading).to_have_text("招待の取り下げ")
        await self.at(self.page, "user-question")
        await self.page.get_by_role("link", name="何もしないで、一覧に戻る").click()
        await self.page.get_by_role("link", name="青葉 花子 様：アドレスを訂正する").click()
        await expect(self.heading).to_have_text("メールアドレスの訂正")
        await self.at(self.page, "user-address")
        await self.page.get_by_role("link", name="何もしないで、一覧に戻る").click()
        await expect(self.page.get_by_role("region", name="青葉 花子")).to_contain_text("招待中")

    async def add_client_with_user(self) -> None:
        await self.menu("顧問先")
        await self.at(self.page, "clients-empty")
        await self.main.get_by_role("link", name="新規登録").click()
        await self.at(self.page, "client-new")
        await self.fill("顧問先ID の下 4 桁", "0012")
        await self.fill("顧問先名称", "株式会社みどり商店")
        await self.press("登録")
        await expect(self.main).to_contain_text(CLIENT)
        await self.at(self.page, "clients-added")
        await self.page.get_by_role("link", name="株式会社みどり商店の顧問先ユーザー管理").click()
        await self.main.get_by_role("link", name="新規登録").click()
        await self.fill("ユーザーアカウント", MIDORI)
        await self.fill("使用者", "緑 太郎")
        await self.press("登録")
        await expect(self.page.get_by_role("region", name="緑 太郎")).to_contain_text("招待中")
        await self.at(self.page, "client-users")

    async def send_a_file(self) -> None:
        await self.menu("一括登録")
        await self.at(self.page, "batches")
        template = self.main.get_by_role("link", name="CSV").first
        assert (await self.page.request.get(urljoin(self.page.url, str(await template.get_attribute("href"))))).ok
        rows = "顧問先ID下4桁,顧問先名称\n0013,あさひ工業\n12,短い\n".encode("cp932")
        await self.page.get_by_label("ファイル").set_input_files(
            {"name": "komonsaki.csv", "mimeType": "text/csv", "buffer": rows}
        )
        await self.press("ファイルを送る")
        done = self.main.get_by_text("終了しました")
        async with asyncio.timeout(PATIENCE):
            while not await done.count():
                await self.page.reload()
                await asyncio.sleep(0.3)
        await expect(self.main).to_contain_text("顧問先ID の下 4 桁を")
        await self.at(self.page, "batch")
        await expect(self.main.get_by_role("status")).to_have_class(re.compile(r"\brefused\b"))  # no success
        bar, column = self.page.get_by_role("progressbar"), self.main.locator("dl.facts")
        assert await bar.evaluate("it => it.offsetWidth") == await column.evaluate("it => it.offsetWidth")

    async def user_registers(self, address: str) -> None:
        """M5."""
        await self.follow(address, MyicsMail.USER_INVITATION)
        await self.at(self.page, "password")
        await self.type_password()
        await self.accept_terms()
        await expect(self.heading).to_have_text("MYICS トップ")
        await self.log_out()
        await self.follow(address, MyicsMail.USER_INVITATION)
        await expect(self.main).to_contain_text("すでに使われています")
        await self.at(self.page, "link-used")

    async def log_in(self, customer_no: str, address: str, password: str = PASSWORD) -> None:
        await self.page.goto(f"{self.address}/myics/")
        await self.at(self.page, "sign-in")
        await self.fill(HolderNo.label_of_both, customer_no)
        await self.fill("ユーザーアカウント", address)
        await self.fill("パスワード", password)
        await self.press("ログイン")
        await expect(self.heading).to_have_text("MYICS トップ")

    async def log_out(self) -> None:
        await self.main.get_by_role("button", name="ログアウト").click()
        await expect(self.heading).to_have_text("MYICS ログイン")

    # --- what a hand does ---------------------------------------------------------------------------------------------

    @property
    def main(self) -> Locator:
        return self.page.get_by_role("main")

    @property
    def heading(self) -> Locator:
        return self.page.get_by_role("heading", level=1)

    async def menu(self, name: str) -> None:
        menu = self.page.get_by_role("navigation", name="MYICS のメニュー")
        await menu.get_by_role("link", name=name, exact=True).click()

    async def fill(self, label: str, value: str) -> None:
        # A label may be followed by the word that says it must be filled in.
        await self.page.get_by_label(re.compile(rf"^{re.escape(label)}(\s*(必須|任意))?$")).fill(value)

    async def press(self, name: str) -> None:
        await send_form(self.main.get_by_role("button", name=name, exact=True))

    async def accept_terms(self) -> None:
        await self.page.get_by_label("アカウントの登録権限について確認しました").check()
        await self.page.get_by_label("MYICSの利用規約に同意する").check()
        await self.press("次へ進む")

    async def type_password(self) -> None:
        await self.fill("パスワード", PASSWORD)
        await self.fill("パスワード（確認のためもう一度）", PASSWORD)
        await self.press("登録")

    async def follow(self, address: str, kind: MyicsMail) -> None:
        """Open the page to which the link in a mail leads."""
        mail = await self.mail(address, kind)
        [path] = set(re.findall(r"http://web\.test(/myics/(?:register|password/new)\S+)", text_of(mail)))
        await self.page.goto(self.address + path)

    async def mail(self, address: str, kind: MyicsMail) -> EmailMessage:
        async with asyncio.timeout(PATIENCE):
            while True:
                for mail in self.myics.environment.inbox.to(address):
                    if str(mail["Subject"]) == kind.subject:
                        return mail
                await asyncio.sleep(0.05)
