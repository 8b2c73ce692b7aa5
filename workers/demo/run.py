"""What a case of the demo is run with: the customer's requests, the operator's updates, the mails, and time."""

import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from datetime import date, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from rich.console import Console
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

from models.common.calendar import end_of, opening_of
from models.common.desk_links import operation_path
from models.common.store.sessions import DatabaseSessions
from models.common.waiting_for import WaitingFor
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.messages import ApplicationOutcome, OfficeOutcome, OfficeProgress
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Stage
from workers import store_marks
from workers.demo.browser import Browser
from workers.demo.operators_desk import OperatorsDesk
from workers.program import ClearError
from workers.stack.inbox import text_of
from workflows.yayoi.multi_office_application import MultiOfficeApplication
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

SATO, TANAKA = "sk", "tn"
"""A caseworker and the supervisor of the example registry."""
PATIENCE = 60.0
"""Seconds within which what is expected must have happened."""
_LOOK_AGAIN_AFTER = 0.05

_Seen = TypeVar("_Seen")


class DifferenceError(ClearError):
    """Something is not as the demo expects it."""


class DemoRun:
    """One application at a time, on a running stack."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        client: Client,
        desk: OperatorsDesk,
        sessions: DatabaseSessions,
        mail_folder: Path,
    ) -> None:
        self.sessions = sessions
        self.application_no = ApplicationNo("YS-000000")
        self._http = http
        self._client = client
        self._desk = desk
        self._skipper = TimeSkipper(client)
        self._mail_folder = mail_folder
        self._mails_shown = 0
        self._console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._headings = 0

    # --- what is seen on the screen -----------------------------------------------------------------------------------

    def heading(self, title: str) -> None:
        self._headings += 1
        self._console.print(f"\n[bold cyan]{self._headings}. {title}[/]")

    def say(self, text: str) -> None:
        self._console.print(f"   {text}", markup=False)

    def expect(self, what: str, actual: object, expected: object) -> None:
        """Check one result and show it. Raises `DifferenceError`."""
        if actual != expected:
            raise DifferenceError(f"{what}: expected {expected!r}, found {actual!r}")
        shown = ", ".join(map(str, actual)) or "none" if isinstance(actual, (list, tuple)) else actual
        self._console.print("   [green]✓[/] ", end="")
        self._console.print(f"{what}: {shown}", markup=False)

    # --- the customer and other systems -------------------------------------------------------------------------------

    def browser(self) -> Browser:
        """Return a browser that has never been on these pages."""
        self._http.cookies.clear()
        return Browser(self._http)

    async def apply(
        self, family_name: str, given_name: str, contract_id: str, *offices: tuple[str, str, str]
    ) -> Browser:
        """Apply for offices, each a Yayoi ID, the same typed again, and a token; the send button is pressed twice."""
        linked = {
            "accounting_link": "true",
            "consents.stop_smart_import": "true",
            "consents.relink_required": "true",
            "rows": str(len(offices)),
        }
        names = ("yayoi_id", "yayoi_id_confirmation", "office_token")
        for row, office in enumerate(offices):
            linked |= {f"offices.{row}.{name}": value for name, value in zip(names, office, strict=True)}
        return await self._apply(family_name, given_name, contract_id, linked)

    async def apply_without_link(
        self, family_name: str, given_name: str, contract_id: str, office: tuple[str, str]
    ) -> Browser:
        """Apply without the accounting link (Y9) for one office, by a Yayoi ID and the same typed again."""
        unlinked = {"accounting_link": "false", "rows": "1", "offices.0.office_name": "本店"}
        names = ("yayoi_id", "yayoi_id_confirmation")
        unlinked |= {f"offices.0.{name}": value for name, value in zip(names, office, strict=True)}
        return await self._apply(family_name, given_name, contract_id, unlinked)

    async def _apply(self, family_name: str, given_name: str, contract_id: str, answers: Mapping[str, str]) -> Browser:
        typed = {
            "applicant.family_name": family_name,
            "applicant.given_name": given_name,
            "existing_contract_id": contract_id,
            "network_product": "true",
            **answers,
        }
        customer = self.browser()
        await customer.open("/apply")
        await customer.send(typed | {"action": "confirm"})
        self.expect(
            "the confirmation asks to check each pair", "まだ、お申し込みは完了していません" in customer.text, True
        )
        again = copy(customer)
        await customer.send({"action": "send"})
        await again.send({"action": "send"})
        self.expect("sent twice, it is still one application", again.url, customer.url)
        self.application_no = ApplicationNo(urlsplit(customer.url).path.rpartition("/")[2])
        return customer

    async def report_event(self, kind: str, facts: Mapping[str, str], *, status: int = HTTPStatus.OK) -> str:
        """Report an event as another system does; return the reason if it is refused."""
        event = {"event_id": str(uuid4()), "kind": kind, **facts}
        response = await self._http.post("/api/events", json=event)
        self.expect(f"event {kind}", response.status_code, status)
        return str(response.json().get("detail", ""))

    # --- the procedures -----------------------------------------------------------------------------------------------

    @property
    def application(self) -> WorkflowHandle[MultiOfficeApplication, ApplicationOutcome]:
        return self._client.get_workflow_handle_for(
            MultiOfficeApplication.run, application_workflow_id(self.application_no)
        )

    def office(self, number: int) -> WorkflowHandle[OfficeDataProcedure, OfficeOutcome]:
        return self._client.get_workflow_handle_for(
            OfficeDataProcedure.run, office_workflow_id(self.application_no, number)
        )

    async def waits_at(self, number: int, stage: Stage) -> None:
        """Wait until an office's procedure waits for somebody at a stage. Raises `DifferenceError` if it is late."""

        def waits(progress: OfficeProgress | None) -> bool:
            return progress is not None and (progress.stage is stage and progress.waiting_for is not WaitingFor.SYSTEM)

        progress = await _until(waits, lambda: self._progress(number))
        if not waits(progress):
            raise DifferenceError(f"office {number} does not come to {stage}; it is at {progress}")

    async def waits_at_rest(self, number: int, stage: Stage) -> None:
        """Wait until an office's procedure is at a stage in which nobody has to act. Raises `DifferenceError`."""
        progress = await _until(lambda seen: seen is not None and seen.stage is stage, lambda: self._progress(number))
        if progress is None or progress.stage is not stage:
            raise DifferenceError(f"office {number} does not come to {stage}; it is at {progress}")

    async def _progress(self, number: int) -> OfficeProgress | None:
        try:
            return await self.office(number).query(OfficeDataProcedure.progress)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:  # not started yet
                return None
            raise

    async def act(self, number: int, action: Action, *, who: str = SATO, choose: str = "", **typed: str) -> None:
        """Fill in and send an operation's form at the desk. Raises `DifferenceError` if it is not taken."""
        self.say(f"{who}: {action.label} {json.dumps(typed, ensure_ascii=False)}")
        form = operation_path(self.application_no, number, action)
        if not await self._desk.act(form, who, typed, choose):
            raise DifferenceError(f"{action}: the desk does not say that it was taken")

    async def refused(self, number: int, action: Action, *, who: str = SATO) -> str:
        """Return what the desk says of an operation that must not be possible now."""
        return await self._desk.refused(operation_path(self.application_no, number, action), who)

    async def current_details(self, number: int) -> str:
        """Return what the operator reads on the page of an office's procedure."""
        metadata = await self.office(number).query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        return str(metadata.current_details)

    async def search_attributes(self, handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
        """Return what the operators' lists show of a workflow."""
        described = await handle.describe()
        return {pair.key.name: pair.value for pair in described.typed_search_attributes}

    async def all_ended(self) -> None:
        """Wait until no procedure runs any longer. Raises `DifferenceError` if one does not end in time."""
        running = await _until(lambda ids: not ids, self._running)
        if running:
            raise DifferenceError(f"everything should have ended, but still run: {', '.join(running)}")
        self.say("Every procedure has ended.")

    async def _running(self) -> list[str]:
        of_cases = f"ExecutionStatus = 'Running' AND WorkflowType != '{store_marks.WORKFLOW_TYPE}'"
        return [each.id async for each in self._client.list_workflows(of_cases)]

    # --- time ---------------------------------------------------------------------------------------------------------

    async def now(self, number: int) -> datetime:
        return await self._skipper.get_current_time(self.office(number))

    async def until_opening(self, number: int, day: date) -> None:
        """Fast-forward an office's procedure to just after nine o'clock of a day in Japan."""
        await self._fast_forward(number, opening_of(day))
        self.say(f"⏩ {day}, nine o'clock in Japan, for office {number}")

    async def until_end_of(self, number: int, day: date) -> None:
        """Fast-forward an office's procedure to just after the end of a day in Japan; it may end before."""
        await self._fast_forward(number, end_of(day))
        self.say(f"⏩ the end of {day} in Japan, for office {number}")

    async def _fast_forward(self, number: int, to: datetime) -> None:
        await self._skipper.fast_forward(self.office(number), to - await self.now(number) + timedelta(minutes=1))

    # --- the mails ----------------------------------------------------------------------------------------------------

    async def mails(self, *expected: tuple[str, str]) -> list[EmailMessage]:
        """Wait for these mails, as (recipient, subject) in any order and no others, and show them."""
        new = await _until(lambda mails: len(mails) >= len(expected), self._arrived)
        self._mails_shown += len(new)
        for mail in new:
            self.say(f"✉ To: {mail['To']}")
            self.say(f"  Subject: {mail['Subject']}")
            for line in text_of(mail).strip().splitlines():
                self.say(f"  │ {line}")
        found = sorted((str(mail["To"]), str(mail["Subject"])) for mail in new)
        if found != sorted(expected):
            raise DifferenceError(f"mails: expected {sorted(expected)}, found {found}")
        return new

    async def _arrived(self) -> list[EmailMessage]:
        files = sorted(self._mail_folder.glob("*.eml"))[self._mails_shown :]
        return [message_from_bytes(file.read_bytes(), policy=default) for file in files]


def link_in(mail: EmailMessage, path: str) -> str:
    """Return a mail's link to a page below this path. Raises `DifferenceError` if it has none."""
    link = re.search(rf"https?://\S+{path}\S+", text_of(mail))
    if link is None:
        raise DifferenceError(f"the mail {mail['Subject']} has no link to {path}")
    return link.group()


async def _until(done: Callable[[_Seen], bool], look: Callable[[], Awaitable[_Seen]]) -> _Seen:
    """Look until it is done or `PATIENCE` has passed; return what was seen last."""
    give_up = time.monotonic() + PATIENCE
    while True:
        seen = await look()
        if done(seen) or time.monotonic() > give_up:
            return seen
        await asyncio.sleep(_LOOK_AGAIN_AFTER)
