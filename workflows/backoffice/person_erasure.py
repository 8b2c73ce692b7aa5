"""Erasing a person, on the task queue of the worker that alone may delete. Who it is lies in the request's row."""

from temporalio import workflow

from activities.backoffice.erasures import ErasureActivities
from models.backoffice.erasing_persons import ErasureStep
from workflows.common.activity_options import RETENTION
from workflows.common.cancellation import GoesOn, shielded_from_cancellation


@workflow.defn
class PersonLookUp(GoesOn):
    """Looks where somebody occurs whom an operator wants to have erased."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, step: ErasureStep) -> None:
        options = RETENTION | {"summary": "消去する方の情報を調べる"}
        await workflow.execute_activity_method(ErasureActivities.look_for_person, step, **options)


@workflow.defn
class PersonErasure(GoesOn):
    """Erases them, once a second supervisor has approved it."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, step: ErasureStep) -> None:
        options = RETENTION | {"summary": "個人の情報を消去する"}
        erased = await workflow.execute_activity_method(ErasureActivities.erase_person, step, **options)
        options = RETENTION | {"summary": "案件の履歴を Temporal から削除する"}
        await workflow.execute_activity_method(ErasureActivities.delete_executions, erased, **options)
