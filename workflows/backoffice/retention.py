"""Each night: summaries of histories, then what was kept long enough ends, and its keys. On a queue of its own."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.backoffice.retention import RetentionActivities
from models.backoffice.retention_results import Ended
from workflows.common.activity_options import RETENTION
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.details import cell
from workflows.common.failing_activities import FailureFlag, why_given_up


@workflow.defn
class Retention(FailureFlag):
    """One night; what could not be done is done the next one."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self) -> Ended:
        try:
            await workflow.execute_activity_method(
                RetentionActivities.summarise_histories, **RETENTION | {"summary": "終了した手続きの履歴を要約する"}
            )
            ended = await workflow.execute_activity_method(
                RetentionActivities.end_what_was_kept_long_enough,
                **RETENTION | {"summary": "保存期間を過ぎた情報を消去する"},
            )
            forgotten = await workflow.execute_activity_method(
                RetentionActivities.forget_unused_keys,
                **RETENTION | {"summary": "不要になった案件の鍵を消去する"},
            )
            return Ended(rows=ended.rows | forgotten.rows)
        except ActivityError as error:
            workflow.set_current_details(f"### 保存期間の処理ができませんでした\n\n{cell(why_given_up(error))}")
            return Ended(rows={})
