"""A form of another system that could not be taken: the operators' desk is told once."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.failing import ACTIVITY_FAILING
    from activities.refused_forms import RefusedFormActivities
    from models.refused_forms import RefusedFormRef
    from workflows.options import MAIL
    from workflows.search_attributes import FAILING


@workflow.defn
class RefusedForm:
    """Tells operators of a form that was kept; they mend or discard it on the command line."""

    @workflow.run
    async def run(self, form: RefusedFormRef) -> None:
        await workflow.execute_activity_method(
            RefusedFormActivities.report_refused_form,
            form,
            summary="受け付けられないフォームを担当者に知らせる",
            **MAIL,
        )

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗が続いていることの報告（システム用）")
    def activity_failing(self, activity: str) -> None:  # noqa: ARG002 the list shows that, Pending Activities what
        workflow.upsert_search_attributes([FAILING.value_set(True)])
