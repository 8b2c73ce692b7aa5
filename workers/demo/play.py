"""What the rehearsal is played with: the customer's requests, the operator's updates, the mails, and time."""

import asyncio
import json
import re
import sys
from copy import copy
from datetime import date, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

from models.common.calendar import JST, end_of, opening_of
from models.common.waiting_for import WaitingFor
from models.yayoi.identifiers import ApplicationNo, application_workflow_id, office_workflow_id
from models.yayoi.messages import ApplicationOutcome, OfficeOutcome, OfficeProgress
from models.yayoi.operator_actions import Action
from models.yayoi.procedures import Stage
from workers.demo.visitor import DemoVisitor
from workers.program import ClearError
from workers.stack.inbox import text_of
from workflows.yayoi.multi_office_application import MultiOfficeApplication
from workflows.yayoi.office_data_procedure import OfficeDataProcedure

PATIENCE = 60.0
"""Seconds within which what is expected must have happened."""
_LOOK_AGAIN_AFTER = 0.05


class DifferenceError(ClearError):
    """Something is not as the rehearsal expects it."""


class Play:
    """One application at a time, on a running stack."""

    def __init__(
        self, http: httpx.AsyncClient, client: Client, sessions: async_sessionmaker[AsyncSession], mail_folder: Path
    ) -> None:
        self.sessions = sessions
        self.application_no = ApplicationNo("YS-000000")
        self._http = http
        self._client = client
        self._skipper = TimeSkipper(client)
        self._mail_folder = mail_folder
        self._mails_shown = 0
        self._console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._step = 0

    # --- what is seen on the screen -----------------------------------------------------------------------------------

    def scene(self, title: str) -> None:
        """Begin a scene."""
        self._step += 1
        self._console.print(f"\n[bold cyan]{self._step}. {title}[/]")

    def tell(self, text: str) -> None:
        self._console.print(f"   {text}", markup=False)

    def expect(self, what: str, actual: object, expected: object) -> None:
        """Check one result and show it. Raises `DifferenceError`."""
        if actual != expected:
            raise DifferenceError(f"{what}: expected {expected!r}, found {actual!r}")
        shown = ", ".join(map(str, actual)) or "none" if isinstance(actual, (list, tuple)) else actual
        self._console.print("   [green]✓[/] ", end="")
        self._console.print(f"{what}: {shown}", markup=False)

    # --- the customer and other systems -------------------------------------------------------------------------------

    def visitor(self) -> DemoVisitor:
        """Return somebody who has never been on these pages."""
        self._http.cookies.clear()
        return DemoVisitor(self._http)

    async def submit(self, form: dict[str, Any]) -> DemoVisitor:
        """Fill in the form, confirm it, and press the button twice as an impatient customer would."""
        customer = self.visitor()
        await customer.open("/apply")
        await customer.send(_as_typed(form) | {"action": "confirm"})
        self.expect(
            "the confirmation asks to check each pair", "まだ、お申し込みは完了していません" in customer.text, True
        )
        confirmation = copy(customer)
        await customer.send({"action": "send"})
        await confirmation.send({"action": "send"})
        self.expect("sent twice, it is still one application", confirmation.url, customer.url)
        self.application_no = ApplicationNo(urlsplit(customer.url).path.rpartition("/")[2])
        return customer

    @staticmethod
    def case_link(mail: EmailMessage) -> str:
        """Return the link to the page of the case. Raises `DifferenceError` if the mail has none."""
        links = re.findall(r"https?://\S+/applications/\S+", text_of(mail))
        if not links:
            raise DifferenceError(f"the mail {mail['Subject']} has no link to the page of the case")
        return str(links[0])

    async def report(self, kind: str, *, status: int = HTTPStatus.OK, **facts: object) -> str:
        """Report an event as another system does; return the reason if it is refused."""
        event = {"event_id": str(uuid4()), "source": "rehearsal", "kind": kind, **facts}
        answer = await self._http.post("/api/events", json=event)
        self.expect(f"event {kind}", answer.status_code, status)
        return str(answer.json().get("detail", ""))

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

    async def rest(self, number: int, stage: Stage) -> OfficeProgress:
        """Wait until an office's procedure rests at a stage. Raises `DifferenceError` if it does not in time."""
        progress = None
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    progress = await self._progress(number)
                    if progress and progress.stage is stage and progress.waiting_for is not WaitingFor.SYSTEM:
                        return progress
                    await asyncio.sleep(_LOOK_AGAIN_AFTER)
        except TimeoutError:
            raise DifferenceError(f"office {number} does not come to {stage}; it stands at {progress}") from None

    async def _progress(self, number: int) -> OfficeProgress | None:
        try:
            return await self.office(number).query(OfficeDataProcedure.progress)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:  # not started yet
                return None
            raise

    async def act(self, number: int, action: Action, **facts: object) -> None:
        """Send an update as an operator does in the Web UI: by name, with one JSON."""
        await self.office(number).execute_update(action, facts)
        self.tell(f"{action} {json.dumps(facts, ensure_ascii=False)}")

    async def refused(self, number: int, action: Action, **facts: object) -> str:
        """Send one that must be refused, and return the reason. Raises `DifferenceError` if it is not."""
        try:
            await self.act(number, action, **facts)
        except WorkflowUpdateFailedError as refused:
            return str(refused.cause)
        raise DifferenceError(f"{action}: expected a refusal, but it was done")

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
        running: list[str] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while running := [  # noqa: ASYNC110 other processes work
                    each.id async for each in self._client.list_workflows("ExecutionStatus = 'Running'")
                ]:
                    await asyncio.sleep(_LOOK_AGAIN_AFTER)
        except TimeoutError:
            raise DifferenceError(f"everything should have ended, but still run: {', '.join(running)}") from None
        self.tell("Every procedure has ended.")

    # --- time ---------------------------------------------------------------------------------------------------------

    async def now(self, number: int) -> datetime:
        return await self._skipper.get_current_time(self.office(number))

    async def until_opening(self, number: int, day: date) -> None:
        """Fast-forward an office's procedure to just after nine o'clock of a day in Japan."""
        distance = opening_of(day) - await self.now(number) + timedelta(minutes=1)
        await self._skipper.fast_forward(self.office(number), distance)
        now = (await self.now(number)).astimezone(JST)
        self.tell(f"⏩ {now:%Y-%m-%d %H:%M} in Japan, for office {number}")

    async def until_end_of(self, number: int, day: date) -> None:
        """Fast-forward an office's procedure, which may end on the way, to just after the end of a day in Japan."""
        distance = end_of(day) - await self.now(number) + timedelta(minutes=1)
        await self._skipper.fast_forward(self.office(number), distance)
        self.tell(f"⏩ the end of {day} in Japan, for office {number}")

    # --- the mails ----------------------------------------------------------------------------------------------------

    async def mails(self, *expected: tuple[str, str]) -> list[EmailMessage]:
        """Wait for these mails, as (recipient, subject) in any order and no others, and show them."""
        new: list[EmailMessage] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while len(new := self._arrived()) < len(expected):  # noqa: ASYNC110 as above
                    await asyncio.sleep(_LOOK_AGAIN_AFTER)
        except TimeoutError:
            pass
        self._mails_shown += len(new)
        for mail in new:
            self.tell(f"✉ To: {mail['To']}")
            self.tell(f"  Subject: {mail['Subject']}")
            for line in text_of(mail).strip().splitlines():
                self.tell(f"  │ {line}")
        found = sorted((str(mail["To"]), str(mail["Subject"])) for mail in new)
        if found != sorted(expected):
            raise DifferenceError(f"mails: expected {sorted(expected)}, found {found}")
        return new

    def _arrived(self) -> list[EmailMessage]:
        files = sorted(self._mail_folder.glob("*.eml"))[self._mails_shown :]
        return [message_from_bytes(file.read_bytes(), policy=default) for file in files]


def _as_typed(form: dict[str, Any]) -> dict[str, str]:
    """Return what a form says as the fields of the page; a box that is not ticked is not sent."""

    def fields(value: object, path: str) -> list[tuple[str, str]]:
        if isinstance(value, dict):
            return [each for name, inner in value.items() for each in fields(inner, f"{path}.{name}" if path else name)]
        if isinstance(value, list):
            return [each for index, inner in enumerate(value) for each in fields(inner, f"{path}.{index}")]
        if isinstance(value, bool):
            ticked = value or not path.startswith("consents.")
            return [(path, str(value).lower())] if ticked else []
        return [(path, str(value))]

    return dict(fields(form, "")) | {"rows": str(len(form["offices"]))}
