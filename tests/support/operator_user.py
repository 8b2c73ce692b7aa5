"""An operator, logged in: the real Web UI behind the desk, in a real Chromium, with the people of the case.

The server that the other tests share has no Web UI.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import Browser, Error, Page
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.api.enums.v1 import EventType

from models.common.calendar import day_in_japan
from models.common.operations import Operation
from models.common.operator_message import ActionMessage
from models.common.signatures import HEADER
from models.common.store.operators import Operators
from models.yayoi.identifiers import application_workflow_id, office_workflow_id
from models.yayoi.procedures import Stage
from tests.support.cases import in_sharing
from tests.support.desk import RUN, DeskSite, desk_on
from tests.support.environment import Case, Environment, environment_with_worker
from tests.support.running import PATIENCE
from tests.support.serving import served_on
from tests.support.shared_server import server_with_ui
from tests.support.signing import operations_by
from tests.support.smtp_inbox import SmtpInbox
from web.backoffice.case_reader import CaseReader
from web.common.auth.sign_in_links import SignInLinks
from workers.desk_server import LONGEST_REQUEST_HEAD
from workflows.backoffice.queues import Queue, QueueFilter, link
from workflows.yayoi.office_details import WHEN_CALLED

REASON_LABEL = ActionMessage.model_fields["reason"].title or ""
SATO, TANAKA, HANDLE = "佐藤", "田中", "sk"
"""An operator and the supervisor, as the example registry has them, and by which handle the first is known."""

RECOMMENDED_COLUMNS = ("ApplicationNo", "Stage", "WaitingFor", "Assignee", "DueDate", "Overdue")
"""What the operators' guide recommends to show beside Status and Workflow ID."""


@asynccontextmanager
async def screen(browser: Browser) -> AsyncIterator[Page]:
    """A screen as an operator in Japan has it."""
    context = await browser.new_context(
        viewport={"width": 1280, "height": 900}, locale="ja-JP", timezone_id="Asia/Tokyo"
    )
    try:
        yield await context.new_page()
    finally:
        await context.close()


@dataclass(frozen=True)
class Act:
    """One operation, and what its form is filled with beside why."""

    operation: Operation
    choose: str = ""
    typed: dict[str, str] = field(default_factory=dict)
    then: Stage | None = None
    """Where an office's procedure comes to rest afterwards, if it moves on."""
    called: str = ""
    """What it is called here, if not by its own label."""

    @property
    def label(self) -> str:
        return self.called or self.operation.label


@dataclass
class OperatorUser:
    """One operator, the desk and the Web UI before them, and the environment behind it."""

    environment: Environment
    desk: DeskSite
    page: Page
    ui_address: str
    """Where the Web UI itself listens, which no operator knows."""

    @property
    def ui_url(self) -> str:
        return self.desk.url

    async def log_in(self, name: str = SATO, page: Page | None = None) -> None:
        """Open a sign-in link, and press its button."""
        page = page or self.page
        operator = await Operators(self.desk.sessions).called(name)
        assert operator is not None
        link = await SignInLinks(self.desk.sessions, RUN, self.desk.clock.now).make(operator)
        await page.goto(self.desk.url + link)
        await page.get_by_role("button", name="としてログインする").click()
        await page.wait_for_url(f"{self.desk.url}/desk")

    async def reads_a_case(self) -> Case:
        """Open a case that waits for its sharing to be released, and read what can be done with it."""
        case = await in_sharing(self.environment)
        await self.open_office(case)
        await self.read_details(WHEN_CALLED)
        return case

    async def open_office(self, case: Case, number: int = 1, tab: str = "user-metadata") -> None:
        """Open the page of one office's procedure, as a link in a mail does."""
        await self.open(office_workflow_id(case.application_no, number), tab)

    async def open_application(self, case: Case, tab: str = "user-metadata") -> None:
        await self.open(application_workflow_id(case.application_no), tab)

    async def read_details(self, until: str) -> str:
        """Read Current Details, pressing R for freshness until they hold `until`."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for frame in self.page.frames[1:]:
                    with suppress(Error):  # the page makes its frames anew when it is refreshed
                        if until in (text := await frame.locator("body").inner_text(timeout=1000)):
                            return text
                await self.page.keyboard.press("r")
                await self.page.wait_for_timeout(500)

    async def press(self, label: str) -> Page:
        """Press an operation's link in Current Details; return its form, which opens in a tab of its own."""
        await self.page.bring_to_front()
        async with asyncio.timeout(PATIENCE):
            while True:
                for frame in self.page.frames[1:]:
                    link = frame.get_by_role("link", name=label, exact=True).first
                    with suppress(Error):  # the page makes its frames anew when it is refreshed
                        await link.wait_for(timeout=1000)
                        async with self.page.context.expect_page(timeout=3000) as opened:
                            await link.click(timeout=1000)
                        return await opened.value
                await self.page.keyboard.press("r")
                await self.page.wait_for_timeout(500)

    async def act(self, label: str, reason: str, *, choose: str = "", **typed: str) -> str:
        """Press an operation, fill in its form and send it; return what is shown then. `typed`: by their labels."""
        page = await self.press(label)
        await page.get_by_label(REASON_LABEL).fill(reason)
        for name, text in typed.items():
            await page.get_by_label(name).fill(text)
        if choose:
            await page.get_by_label(choose).first.check()
        await page.get_by_role("button", name="送信する").click()
        said = page.get_by_role("status").or_(page.get_by_role("alert"))
        text = await said.first.inner_text()
        await page.close()
        await self.page.bring_to_front()
        await self.page.reload()  # the keys go to the frame in which the link was pressed
        return text

    async def acted(self, act: "Act", reason: str) -> None:
        """Press an operation, fill in its form and send it; what is shown then says that it was taken."""
        said = await self.act(act.label, reason, choose=act.choose, **act.typed)
        assert f"「{act.label}」を受け付けました。" in said, said

    async def signed(self, workflow_id: str) -> list[str]:
        """Return the accepted operations of a case whose headers name this log-in, in their order."""
        events = (await self.environment.client.get_workflow_handle(workflow_id).fetch_history()).events
        requests = [
            each.workflow_execution_update_accepted_event_attributes.accepted_request
            for each in events
            if each.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
        ]
        by = f'"handle":"{HANDLE}"'.encode()
        entries = [(each.input.name, each.input.header.fields[HEADER].data) for each in requests]
        return [name for name, entry in entries if by in entry and b'"channel":"desk"' in entry]

    async def send_update(
        self, name: str, data: dict[str, Any], *, before_submit: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """More Actions, Send an Update: choose it from the list, paste the JSON, submit."""
        page = self.page
        await page.get_by_role("button", name="More Actions").first.click()
        await page.get_by_role("menuitem", name="Send an Update").click()
        await page.get_by_test_id("update-select-button").locator("visible=true").click()
        await page.get_by_role("option", name=name).locator("visible=true").first.click()
        await page.locator(".cm-content").locator("visible=true").last.click()
        await page.keyboard.press("ControlOrMeta+a")  # the dialog keeps what was typed before
        await page.keyboard.insert_text(json.dumps(data, ensure_ascii=False))
        await page.keyboard.press("Tab")  # the editor then lays the JSON out anew, which moves the button
        if before_submit:
            await before_submit()
        submit = page.get_by_role("button", name="Submit").locator("visible=true")
        await submit.click()
        await submit.wait_for(state="hidden")

    async def refused(self, name: str, data: dict[str, Any]) -> str:
        """Send an update that is refused; return what the dialog says, which stays open."""
        page = self.page
        await page.get_by_role("button", name="More Actions").first.click()
        await page.get_by_role("menuitem", name="Send an Update").click()
        await page.get_by_test_id("update-select-button").locator("visible=true").click()
        await page.get_by_role("option", name="Custom").locator("visible=true").first.click()
        await page.locator("#update-name").locator("visible=true").fill(name)
        await page.locator(".cm-content").locator("visible=true").last.click()
        await page.keyboard.press("ControlOrMeta+a")
        await page.keyboard.insert_text(json.dumps(data, ensure_ascii=False))
        await page.keyboard.press("Tab")
        await page.get_by_role("button", name="Submit").locator("visible=true").click()
        return await page.get_by_role("alert").locator("visible=true").first.inner_text()

    async def offered(self) -> list[str]:
        """Return what *More Actions* offers, without what is greyed out."""
        await self.page.get_by_role("button", name="More Actions").first.click()
        items = self.page.get_by_role("menuitem").locator("visible=true")
        await items.first.wait_for()
        names = [
            (await item.inner_text()).strip()
            for item in await items.all()
            if await item.get_attribute("aria-disabled") != "true"
        ]
        await self.page.keyboard.press("Escape")
        return names

    async def send_nothing(self, name: str) -> str:
        """Submit an update with an empty Data; return the refusal that the dialog shows."""
        page = self.page
        await page.get_by_role("button", name="More Actions").first.click()
        await page.get_by_role("menuitem", name="Send an Update").click()
        await page.get_by_test_id("update-select-button").locator("visible=true").click()
        await page.get_by_role("option", name=name).locator("visible=true").first.click()
        await page.get_by_role("button", name="Submit").locator("visible=true").click()
        return await page.get_by_role("alert").locator("visible=true").first.inner_text()

    async def open_queue(self, queue: Queue, *, save: bool = False) -> None:
        """Open a queue by the link of the operators' page, and wait for the bar above the list."""
        await self.page.goto(
            link(self.ui_url, "default", queue, QueueFilter(day_in_japan(datetime.now(UTC))), save=save)
        )
        await self.page.get_by_test_id("saved-views-button").wait_for()

    async def choose_columns(self) -> None:
        """Configure Columns, below the list to the right: as the operators' guide says."""
        page = self.page
        await page.get_by_role("button", name="Configure Columns").click()
        for unneeded in ("Run ID", "Type", "Start", "End"):
            await page.get_by_role("button", name=f"Remove {unneeded} column").click()
        for column in RECOMMENDED_COLUMNS:
            await page.get_by_role("button", name=f"Add {column} column").click()

    async def saved_views(self) -> list[str]:
        """Return the names of the views that this browser has saved."""
        stored = await self.page.evaluate("localStorage.getItem('saved-workflow-queries')")
        return [view["name"] for view in json.loads(stored or "{}").get("default", [])]

    async def open(self, workflow_id: str, tab: str = "user-metadata") -> None:
        """Open the page of any case."""
        run_id = (await self.environment.client.get_workflow_handle(workflow_id).describe()).run_id
        place = f"/namespaces/default/workflows/{workflow_id.replace('/', '%2F')}/{run_id}/{tab}"
        await self.page.goto(self.ui_url + place)


@asynccontextmanager
async def operator_user(
    sessions: async_sessionmaker[AsyncSession], inbox: SmtpInbox, browser: Browser
) -> AsyncIterator[OperatorUser]:
    """佐藤, logged in, at the Web UI; two take cases, the third supervises."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            server_with_ui() as (temporal, ui_address),
            environment_with_worker(sessions, temporal, inbox) as environment,
            desk_on(
                sessions,
                url=url,
                web_ui=ui_address,
                sender=operations_by(temporal.client, sessions),
                reader=CaseReader(temporal.client),
            ) as desk,
            served_on(listener, desk.app, http="h11", h11_max_incomplete_event_size=LONGEST_REQUEST_HEAD),
            screen(browser) as page,
        ):
            operator = OperatorUser(environment, desk, page, ui_address)
            await operator.log_in()
            yield operator
