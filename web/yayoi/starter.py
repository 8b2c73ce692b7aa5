"""Starting what was stored: the workflow of every application, and the mail about every refused form."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from models.common.calendar import JST, utc_now
from models.common.store.sessions import DatabaseSessions
from models.tables import ApplicationOfficeRow, ApplicationRow
from models.yayoi.identifiers import ApplicationNo, ContractId, application_workflow_id
from models.yayoi.messages import ApplicationCase, OfficeCase
from models.yayoi.procedures import Procedure
from models.yayoi.provider_forms.refused import RefusedFormRef, refused_form_workflow_id
from models.yayoi.store.starting import (
    application_of,
    applications_to_start,
    mark_application_started,
    mark_refused_form_started,
    refused_forms_to_start,
)
from web.common.measures import measure_start
from web.common.strangers import end_stranger, has_ended_by_force, start_in_its_place
from web.common.temporal_calls import temporal_call
from web.common.work_queue import process_batch
from web.webhooks.starter import STARTED_AGAIN
from workflows.common.details import cell, table
from workflows.yayoi import search_attributes
from workflows.yayoi.multi_office_application import MultiOfficeApplication
from workflows.yayoi.refused_form import RefusedForm

_log = logging.getLogger(__name__)


class RefusedFormStarter:
    """Has the operators' desk notified of each form that was refused and kept."""

    def __init__(self, sessions: DatabaseSessions, client: Client, *, task_queue: str) -> None:
        self._sessions = sessions
        self._client = client
        self._task_queue = task_queue

    async def start_all(self) -> None:
        """Start what waits, the oldest first; leave the rest for later if Temporal is away."""
        await process_batch(await refused_forms_to_start(self._sessions), self.start, "refused forms")

    async def start(self, form_no: int) -> None:
        """Start the mail about one form. Raises `UnreachableError`."""
        workflow_id = refused_form_workflow_id(form_no)
        options: dict[str, Any] = STARTED_AGAIN | {
            "id": workflow_id,
            "task_queue": self._task_queue,
            "static_summary": f"受け付けられないフォーム {form_no} を担当者に知らせる",
        }
        start = partial(self._client.start_workflow, RefusedForm.run, RefusedFormRef(form_no=form_no), **options)
        async with temporal_call():
            await start_in_its_place(self._client, workflow_id, start)
        await mark_refused_form_started(self._sessions, form_no)


class ApplicationStarter:
    """Starts stored applications. Several web processes may start the same one: Temporal keeps one of each id.

    No row is locked while Temporal is asked, so that an outage there never holds up who applies meanwhile.
    """

    def __init__(self, sessions: DatabaseSessions, client: Client, *, task_queue: str) -> None:
        self._sessions = sessions
        self._client = client
        self._task_queue = task_queue

    async def start_all(self) -> None:
        """Start what is stored but not started, the oldest first; leave the rest for later if Temporal is away."""
        await process_batch(await applications_to_start(self._sessions), self.start, "applications")

    async def start(self, application_no: str) -> None:
        """Start one application; one that was started before counts as started. Raises `UnreachableError`.

        What a stranger has started under its id is ended, and it is started in its place. What was started by us for
        another form may be another customer's case, after a restore: that is left alone, and people hear of it.
        """
        row, offices = await application_of(self._sessions, application_no)
        if row.closed_at is not None:
            return  # the reconciliation has given it up since this round began
        case = _case(row, offices)
        start = partial(
            self._client.start_workflow,
            MultiOfficeApplication.run,
            case,
            id=application_workflow_id(case.case_no),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            search_attributes=search_attributes.of_application(case),
            static_summary=_summary(row, offices),
            static_details=_details(row, offices),
        )
        workflow_id, replaced = application_workflow_id(case.case_no), False
        async with temporal_call():
            try:
                await start(id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE)
            except WorkflowAlreadyStartedError:
                if await self._is_started(case):
                    _log.info("%s was started before", application_no)
                elif await end_stranger(self._client, workflow_id) or await has_ended_by_force(
                    self._client, workflow_id
                ):
                    replaced = True
                    await start(id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE)
                else:
                    _log.error("%s is not started: Temporal has another workflow of this number", application_no)
                    return
        await mark_application_started(self._sessions, application_no, replaced=replaced)
        measure_start(utc_now() - row.applied_at)

    async def _is_started(self, case: ApplicationCase) -> bool:
        """Whether the workflow of this number was started for the same form; what cannot be read was not."""
        handle = self._client.get_workflow_handle(application_workflow_id(case.case_no))
        async for first in handle.fetch_history_events(page_size=1):
            payloads = first.workflow_execution_started_event_attributes.input.payloads
            try:
                [started] = await self._client.data_converter.decode(list(payloads), [ApplicationCase])
            except Exception:  # noqa: BLE001 of another key, or of anything
                return False
            return isinstance(started, ApplicationCase) and started.submission_id == case.submission_id
        return False


def _details(row: ApplicationRow, offices: Sequence[ApplicationOfficeRow]) -> str:
    consents = row.consents
    procedure = Procedure(row.procedure)
    facts = [
        ("申込番号", row.application_no),
        ("申込者", f"{row.family_name} {row.given_name} 様"),
        ("お客様番号", row.existing_contract_id),
        ("手続き", procedure),
        ("申込日時", f"{row.applied_at.astimezone(JST):%Y-%m-%d %H:%M}"),
        ("完了予定日", f"{row.due_date}"),
        ("取込を止める同意", _yes(consents.get("stop_smart_import"))),
        ("共有の解除", "弥生に任せる" if consents.get("delegate_unsharing") else "申込者が行う"),
        ("共有を解除済みとの申告", _yes(consents.get("sharing_released"))),
    ]
    pairs = [
        (f"{pair.office_no}. {cell(pair.office_name)}", cell(pair.yayoi_id), pair.office_token or "—")
        for pair in offices
    ]
    tables = [
        table(("項目", "内容"), [(name, cell(value)) for name, value in facts]),
        table(("事業所", "弥生ID", "事業所トークン"), pairs),
    ]
    return "\n\n".join(tables)


def _case(row: ApplicationRow, offices: Sequence[ApplicationOfficeRow]) -> ApplicationCase:
    case_no = ApplicationNo(row.application_no)
    return ApplicationCase(
        case_no=case_no,
        submission_id=row.submission_id,
        offices=tuple(
            OfficeCase(
                case_no=case_no,
                part=pair.office_no,
                office_name=pair.office_name,
                procedure=Procedure(row.procedure),
                existing_contract_id=ContractId(row.existing_contract_id),
                applied_at=row.applied_at,
                due_date=row.due_date,
                expires_on=row.expires_on,
                alert_on=row.alert_on,
                release_delegated=bool(row.consents.get("delegate_unsharing")),
            )
            for pair in offices
        ),
    )


def _summary(row: ApplicationRow, offices: Sequence[ApplicationOfficeRow]) -> str:
    applicant = f"{row.family_name} {row.given_name} 様"
    return f"{applicant}：事業所 {len(offices)} 件（お客様番号 {row.existing_contract_id}）"


def _yes(consented: object) -> str:
    return "はい" if consented else "いいえ"
