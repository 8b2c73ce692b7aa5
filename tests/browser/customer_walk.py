"""The whole walk of a customer through the pages: STEP1 to STEP6 and the re-link, as each would be done."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from playwright.async_api import Locator, Page, expect
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import day_in_japan
from models.yayoi.case_links import case_path
from models.yayoi.drafts import DRAFT_SUBJECT
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.mails import NOTICE_SUBJECT, MailKind
from models.yayoi.procedures import Stage
from tests.browser.browsing import send_form
from tests.support.environment import (
    NOBODY,
    OFFICE_B,
    OFFICE_C,
    TARO,
    YAYOI,
    Case,
    Environment,
    at_rest,
    environment_with_worker,
    form,
)
from tests.support.running import PATIENCE
from tests.support.serving import served
from tests.support.signing import customers_signer
from tests.support.smtp_inbox import SmtpInbox
from workers.stack.inbox import text_of
from workers.wiring.derived import secret_keys
from workers.wiring.web import build_web

NEW_ID = "keiri-c@yayoi-taro.example.jp"
PASSWORD, SUPPORT_PASSWORD = "Kaikei-2026!", "soudan24"
BANK, AIR = "みずうみ銀行 普通 7654321", "Airレジ 本店"

At = Callable[[Page, str], Awaitable[None]]
"""Called at every page of the walk, with a name for it."""


@asynccontextmanager
async def open_office(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, inbox: SmtpInbox
) -> AsyncIterator[tuple[Environment, str]]:
    """Everything that a customer meets, with the example registry behind it; give it and its address."""
    async with environment_with_worker(sessions, temporal, inbox) as environment:
        app = build_web(environment.settings, sessions, temporal.client, customers_signer)
        async with app.router.lifespan_context(app), served(app) as address:
            yield environment, address


@dataclass
class Customer:
    """Somebody at a browser who has read the guide."""

    environment: Environment
    address: str
    page: Page
    at: At

    async def whole_walk(self) -> Case:
        """Go it from the first page to the last; return the case, which then ends by itself."""
        await self.step1()
        await self.step2()
        await self.step3()
        case = await self.step4()
        await self.release_sharing(case)
        contract_id = await self.notice(case)
        await self.step5(contract_id)
        await self.step6(contract_id)
        await self.relink()
        return case

    async def step1(self) -> None:
        await self.go("/", "guide")
        await self.page.get_by_label("利用する", exact=True).check()
        await self.page.get_by_label("ネットワーク製品", exact=True).check()
        await self.press("手順を表示する")
        await self.go("/plan", "step1-empty")
        for row, (name, used) in enumerate([("事業所A", True), ("事業所C", False)], start=1):
            office = self.page.get_by_role("group", name=f"{row} 件目")
            await office.get_by_label("事業所データの名前").fill(name)
            await office.get_by_label("すでに『スマート証憑管理』で管理している").set_checked(used)
        await self.press("計画を作る")
        await expect(self.main).to_contain_text("新たに必要な弥生ID は 1 つです")
        await self.at(self.page, "step1-plan")
        await self.main.get_by_role("link", name="この計画を保存する").click()
        await self.at(self.page, "draft")
        await self.fill("メールアドレス", TARO)
        await self.press("リンクをメールで受け取る")
        await expect(self.heading).to_have_text("リンクをお送りします")
        await self.at(self.page, "draft-mailed")
        await self.go("/guide/group-members", "group-members")

    async def step2(self) -> None:
        await self.go("/register", "step2-empty")
        await self.fill("姓", "弥生")
        await self.fill("名", "花子")
        await self.fill("メールアドレス（弥生ID）", NEW_ID)
        await self.fill("メールアドレス（確認のためもう一度）", NEW_ID)
        await self.fill("パスワード", PASSWORD)
        await self.fill("パスワード（確認のためもう一度）", PASSWORD)
        await self.page.get_by_label("プライバシーポリシーに同意します").check()
        await self.press("登録する")
        await expect(self.heading).to_have_text("STEP2 確認コードの入力")
        await self.at(self.page, "step2-code")
        [code] = re.findall(r"\b\d{6}\b", text_of(await self.mail(NEW_ID, "確認コード")))
        await self.fill("確認コード", code)
        await self.press("確認する")
        await expect(self.heading).to_have_text("弥生ID の登録が完了しました")
        await self.at(self.page, "step2-done")

    async def step3(self) -> None:
        await self.go("/token", "step3-empty")
        await self.fill("事業所トークンの形を確認する", f" {OFFICE_C[1].upper()} ")
        await self.press("確認する")
        await expect(self.main).to_contain_text("正しい形の事業所トークンです")
        await self.at(self.page, "step3-right")

    async def step4(self) -> Case:
        """By the link to the plan that was saved, and with mistakes first, as people do."""
        await self.go("/apply", "step4-empty")
        await self.follow(await self.mail(TARO, DRAFT_SUBJECT), "drafts/resume")
        await self.main.get_by_role("link", name="この計画で、STEP4 お申し込みに進む").click()
        await expect(self.page.get_by_label("事業所データの名前").first).to_have_value("事業所C")
        await self.at(self.page, "step4-planned")
        await self.fill("姓", "弥生")
        await self.fill("名", "Taro")
        await self.fill("サービス契約ID（お客様番号）", YAYOI)
        await self.page.get_by_label("利用する", exact=True).check()
        await self.page.get_by_label("ネットワーク製品", exact=True).check()
        pair = self.page.get_by_role("group", name="1 件目")
        await pair.get_by_label("弥生ID（メールアドレス）").fill(NEW_ID)
        await pair.get_by_label("弥生ID（確認のためもう一度）").fill(NEW_ID)
        await pair.get_by_label("事業所トークン").fill(OFFICE_C[1])
        await self.page.get_by_label("完了のお知らせが届くまで").check()
        await self.page.locator("button.main").click()
        alert = self.page.get_by_role("alert")
        await expect(alert).to_contain_text("2 か所を確認してください")
        await self.at(self.page, "step4-errors")
        await self.fill("名", "太郎")
        await self.page.get_by_label("再連携が必要になることを確認しました").check()
        await self.page.locator("button.main").click()
        await expect(self.heading).to_have_text("お申し込み内容の確認")
        office = self.page.get_by_role("region", name="1 件目")
        await expect(office).to_contain_text("事業所C")
        await expect(office).to_contain_text(NEW_ID)
        await self.at(self.page, "step4-confirm")
        await self.press("この内容で申し込む")
        await expect(self.heading).to_have_text("お申し込みを受け付けました")
        await self.at(self.page, "step4-received")
        number = await self.page.locator("dt", has_text="申込番号").locator("+ dd").inner_text()
        row = await self.mail(TARO, MailKind.RECEIPT.subject)
        assert number in text_of(row)
        return Case(self.environment, ApplicationNo(number), day_in_japan(datetime.now(UTC)))

    async def release_sharing(self, case: Case) -> None:
        """By the link in the mail that asks for it: the customer leaves it to the vendor."""
        await case.started()
        await at_rest(case, Stage.SHARING)
        await self.follow(await self.mail(TARO, MailKind.RELEASE_SHARING.subject))
        await self.at(self.page, "case-sharing")
        await self.page.get_by_role("region", name="事業所C").get_by_role("link").first.click()
        await self.at(self.page, "case-release")
        await self.page.get_by_label("弥生が代わりに共有を解除することに同意します").check()
        await self.press("弥生に解除を任せる")
        await at_rest(case, Stage.SET_UP)

    async def notice(self, case: Case) -> str:
        """Read the notice, which goes to the new Yayoi ID; return the new contract ID."""
        [issued] = await case.issued()
        notice = await self.mail(NEW_ID, NOTICE_SUBJECT)
        assert issued.contract_id in text_of(notice)
        await self.follow(notice)
        await expect(self.main).to_contain_text(issued.contract_id)
        await self.at(self.page, "case-notified")
        return issued.contract_id

    async def step5(self, contract_id: str) -> None:
        await self.go("/support-password", "step5-empty")
        await self.fill("サービス契約ID（お客様番号）", contract_id)
        await self.fill("ご登録メールアドレス", NEW_ID)
        await self.press("パスワード入力画面へ")
        await expect(self.main).to_contain_text(f"弥生 太郎 - 1 ({YAYOI})")
        await self.at(self.page, "step5-password")
        await self.fill("パスワード", SUPPORT_PASSWORD)
        await self.fill("パスワード（再入力）", SUPPORT_PASSWORD)
        await self.press("このパスワードを登録する")
        await expect(self.heading).to_contain_text("STEP5 パスワードを")
        await self.at(self.page, "step5-done")

    async def step6(self, contract_id: str) -> None:
        await self.page.get_by_role("link", name="STEP6 へ進む").click()
        await expect(self.heading).to_have_text("ログイン")
        await self.at(self.page, "sign-in")
        await self.fill("弥生ID（メールアドレス）", NEW_ID)
        await self.fill("パスワード", PASSWORD)
        await self.press("ログインする")
        await expect(self.heading).to_have_text("設定の状況")
        await self.at(self.page, "step6-set-up")
        await self.main.get_by_role("link", name=re.compile("STEP6 .+へ進む$")).click()
        await self.at(self.page, "step6-group")
        await self.page.get_by_label("個人事業主").check()
        await self.fill("会社・個人事業者名", "弥生 C 商店")
        await self.fill("姓", "弥生")
        await self.fill("名", "太郎")
        await self.fill("セイ", "ヤヨイ")
        await self.fill("メイ", "タロウ")
        await self.fill("登録電話番号", "03-1234-5678")
        await self.press("登録する")
        for step in ("step6-product", "step6-owned-product"):
            await self.main.get_by_role("link", name=re.compile("STEP6 .+へ進む$")).click()
            await self.at(self.page, step)
            await self.fill("お客様番号", contract_id)
            await self.fill("パスワード", SUPPORT_PASSWORD)
            await self.page.locator("button.main").click()
        await self.at(self.page, "step6-done")

    async def relink(self) -> None:
        await self.go("/relink", "relink")
        for service in (BANK, AIR):
            link = self.page.get_by_role("region", name=service)
            await link.get_by_role("button", name="の再連携を記録する").click()
            await expect(self.page.get_by_role("region", name=service)).to_contain_text("再連携を記録しました")
        await self.at(self.page, "relink-done")

    async def use(self, contract_id: str) -> None:
        """What is there once everything is set up: the ledger, the guard, members, enquiries (Y16, Y17, Y22 to Y24)."""
        await self.go("/ledger", "ledger")
        await expect(self.main).to_contain_text(contract_id)
        await self.go("/applications", "applications")
        await self.main.get_by_role("link", name="状況を見る").first.click()
        await expect(self.main).to_contain_text(contract_id)
        await self.at(self.page, "applications-office")
        await self.go("/guide/use", "use")
        await self.go("/evidence", "evidence")
        await self.fill("事業所トークン", OFFICE_C[1])
        await self.press("保存してよいか確認する")
        await self.at(self.page, "evidence-allowed")
        await self.fill("事業所トークン", OFFICE_B[1])
        await self.press("保存してよいか確認する")
        await expect(self.page.get_by_role("alert")).to_be_visible()
        await self.at(self.page, "evidence-refused")
        await self.go("/members", "members")
        await self.fill("招待する弥生ID（メールアドレス）", OFFICE_C[0])
        await self.press("招待する")
        await expect(self.main).to_contain_text(OFFICE_C[0])
        await self.at(self.page, "members-invited")
        await self.go("/name-change", "name-change")
        await self.fill("サービス契約ID（お客様番号）", contract_id)
        await self.press("確認する")
        await self.at(self.page, "name-change-refused")
        await self.go("/enquiry", "enquiry")
        await self.fill("サービス契約ID（お客様番号）", contract_id)
        await self.fill("お名前", "弥生 花子")
        await self.fill("メールアドレス", NEW_ID)
        await self.fill("お問い合わせの内容", "証憑の保存について教えてください。")
        await self.press("送信する")
        await expect(self.page.get_by_role("alert")).to_be_visible()
        await self.at(self.page, "enquiry-refused")
        await self.fill("サービス契約ID（お客様番号）", YAYOI)
        await self.press("送信する")
        await expect(self.heading).to_contain_text("お問い合わせ")
        await self.at(self.page, "enquiry-done")
        await self.go("/products/register", "step-refused")
        await self.join()

    async def join(self) -> None:
        """Somebody who was invited and has no password yet sets one, and joins by the link in the mail (Y24)."""
        await self.press("ログアウト")
        invited = OFFICE_C[0]
        await self.go("/password", "password")
        await self.fill("弥生ID（メールアドレス）", invited)
        await self.press("確認コードを送る")
        await self.at(self.page, "password-code")
        [code] = re.findall(r"\b\d{6}\b", text_of(await self.mail(invited, "確認コード")))
        await self.fill("確認コード", code)
        await self.fill("新しいパスワード", PASSWORD)
        await self.fill("新しいパスワード（確認のためもう一度）", PASSWORD)
        await self.press("パスワードを設定する")
        await expect(self.main).to_contain_text("パスワードを設定しました")
        await self.at(self.page, "password-done")
        invitation = text_of(await self.mail(invited, "招待"))
        [path] = set(re.findall(r"http://web\.test(/members/join\S+)", invitation))
        await self.page.goto(self.address + path)
        await self.fill("弥生ID（メールアドレス）", invited)
        await self.fill("パスワード", PASSWORD)
        await self.press("ログインする")
        await self.at(self.page, "members-join")
        await self.press("参加する")
        await expect(self.main).to_contain_text("弥生 C 商店")
        await self.at(self.page, "members-joined")

    async def astray(self) -> None:
        """Apply with an address that is no Yayoi ID, correct it, and withdraw in the end (Y2, Y27)."""
        case = await self.environment.apply(form([(NOBODY, OFFICE_B[1])]))
        await at_rest(case, Stage.CORRECTION)
        await self.follow(await self.mail(TARO, MailKind.CORRECTION_NEEDED.subject))
        await self.at(self.page, "case-correction")
        office = self.page.get_by_role("region", name="事業所B")
        await office.get_by_role("link").first.click()
        await self.fill("弥生ID（メールアドレス）", OFFICE_B[0])
        await self.fill("弥生ID（確認のためもう一度）", OFFICE_B[0])
        await self.at(self.page, "case-correct")
        await self.press("確認画面へ進む")
        await self.at(self.page, "case-correct-confirm")
        await self.press("この内容で訂正する")
        await at_rest(case, Stage.SET_UP)
        await self.page.get_by_role("link", name="取り下げる").click()
        await self.at(self.page, "case-withdraw")
        await self.press("「事業所B」の申し込みを取り下げる")
        await case.office().result()
        await self.page.reload()
        await self.at(self.page, "case-withdrawn")
        await self.page.get_by_role("link", name="組み合わせの控え").click()
        await self.at(self.page, "case-ledger")
        await self.late(case)
        await self.go("/nowhere", "not-there")

    async def late(self, case: Case) -> None:
        """Open a link whose last day has passed, and ask for a fresh one."""
        long_ago = day_in_japan(datetime.now(UTC)) - timedelta(days=1)
        keys = secret_keys(self.environment.settings)
        await self.page.goto(self.address + case_path(keys, case.application_no, long_ago))
        await self.at(self.page, "link-expired")
        await self.press("新しいリンクをメールで受け取る")
        await self.mail(TARO, MailKind.CASE_LINK.subject)
        await self.at(self.page, "link-mailed")

    # --- what a hand does ---------------------------------------------------------------------------------------------

    @property
    def main(self) -> Locator:
        return self.page.get_by_role("main")

    @property
    def heading(self) -> Locator:
        return self.page.get_by_role("heading", level=1)

    async def go(self, path: str, name: str) -> None:
        await self.page.goto(self.address + path)
        await self.at(self.page, name)

    async def fill(self, label: str, value: str) -> None:
        # A label may be followed by the word that says it must be filled in.
        field = self.page.get_by_label(re.compile(rf"^{re.escape(label)}(\s*(必須|任意|\S*場合は必須))?$"))
        await field.first.fill(value)

    async def press(self, name: str) -> None:
        await send_form(self.main.get_by_role("button", name=name, exact=True).last)

    async def follow(self, mail: EmailMessage, place: str = "applications") -> None:
        """Open the page, mostly that of the case, by the link in a mail."""
        [path] = set(re.findall(rf"http://web\.test(/{place}\S+)", text_of(mail)))
        await self.page.goto(self.address + path)

    async def mail(self, recipient: str, subject: str) -> EmailMessage:
        """Wait for the newest mail to somebody that is titled so."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = [mail for mail in self.environment.inbox.to(recipient) if subject in str(mail["Subject"])]
                if found:
                    return found[-1]
                await asyncio.sleep(0.05)
