"""Erasing a person: looked for, journalled, erased from the rows, and their cases' executions deleted in Temporal."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.backoffice.case_places import workflows_of
from models.backoffice.erasing_persons import ErasedRows, ErasureStep, FoundPerson
from models.backoffice.store.persons import Person, erase_rows, find_person
from models.common.acting import SYSTEM
from models.common.audit_trail import instant
from models.common.calendar import day_in_japan, utc_now
from models.common.encryption import key_owner
from models.common.journal import Erasure, JournalStore
from models.common.store.audit import audit
from models.common.store.case_keys import forget_key
from models.common.store.sessions import DatabaseSession, DatabaseSessions
from models.tables import ErasureRequestRow

ERASED = "個人の情報を消去した"


@dataclass(frozen=True)
class ErasureActivities:
    """Each may run again: what is erased is erased. `backups_kept`: how long the house keeps backups."""

    sessions: DatabaseSessions
    client: Client
    journal: JournalStore
    backups_kept: timedelta
    now: Callable[[], datetime] = utc_now

    @activity.defn
    async def look_for_person(self, step: ErasureStep) -> None:
        """Write into the request where they occur, and why they cannot be erased yet."""
        async with self.sessions.begin() as session:
            row = await session.get_one(ErasureRequestRow, step.request_id, with_for_update=True)
            if row.approved_at or row.declined_at:
                return
            row.found = _found(await find_person(session, row.whom)).model_dump(mode="json")

    @activity.defn
    async def erase_person(self, step: ErasureStep) -> ErasedRows:
        """Journal it, erase the rows and forget the cases' keys, in one transaction; the journal comes first.

        What has begun since the request was approved, such as a new application, refuses it: the request is open again
        then, and says why.
        """
        async with self.sessions.begin() as session:
            row = await session.get_one(ErasureRequestRow, step.request_id, with_for_update=True)
            if row.done_at or not row.approved_at:
                return ErasedRows(workflows=tuple(row.report["workflows"]) if row.report else ())
            person = await find_person(session, row.whom)
            if person.obstacles:
                row.found, row.approved_at, row.answered_by = _found(person).model_dump(mode="json"), None, None
                return ErasedRows(workflows=())
            rows = await erase_rows(session, person)
            workflows = [each for case_no in person.cases for each in workflows_of(case_no)]
            for owner in sorted({key_owner(each) for each in workflows}):
                await forget_key(session, owner)
            self._audit(session, row, person)
            now = self.now()
            entry = await self.journal.append(
                Erasure.of(str(step.request_id), person.addresses, person.cases), instant(now)
            )
            last_backup = day_in_japan(now + self.backups_kept).isoformat()
            row.report = {
                "rows": rows,
                "cases": list(person.cases),
                "workflows": workflows,
                "journal": entry.number,
                "last_backup_ends": last_backup,
            }
            row.whom, row.found, row.done_at = [], None, now
            return ErasedRows(workflows=tuple(workflows))

    @activity.defn
    async def delete_executions(self, erased: ErasedRows) -> None:
        """Delete every run of these workflows, and of those whose ids begin with theirs, in Temporal."""
        for workflow_id in erased.workflows:
            for query in (f"WorkflowId = '{workflow_id}'", f"WorkflowId STARTS_WITH '{workflow_id}/'"):
                async for execution in self.client.list_workflows(query):
                    await self._delete(execution.id, execution.run_id)
                    activity.heartbeat()

    async def _delete(self, workflow_id: str, run_id: str) -> None:
        request = DeleteWorkflowExecutionRequest(
            namespace=self.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
        )
        try:
            await self.client.workflow_service.delete_workflow_execution(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    def _audit(self, session: DatabaseSession, row: ErasureRequestRow, person: Person) -> None:
        for case_no in person.cases:
            audit(
                session,
                case_no,
                ERASED,
                by=SYSTEM,
                at=self.now(),
                asked_by=row.asked_by,
                approved_by=row.answered_by,
                request=str(row.request_id),
            )


def _found(person: Person) -> FoundPerson:
    hits = tuple(
        f"{hit.who}（{hit.table}）：{hit.rows} 件{'　' + '、'.join(hit.cases) if hit.cases else ''}"
        for hit in person.hits
    )
    return FoundPerson(hits=hits, cases=person.cases, obstacles=person.obstacles)
