"""Setting a new password of a Yayoi ID: the same mailed code, and a mail at the end."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.yayoi.address_checks import AddressCheckActivities
    from models.yayoi.address_checks import AddressCheck, CheckOutcome, CheckStep
    from workflows.common.activity_options import MAIL
    from workflows.common.cancellation import shielded_from_cancellation
    from workflows.common.failing_activities import why_refused
    from workflows.yayoi.address_check import AddressCheckProcedure


@workflow.defn
class PasswordSetting(AddressCheckProcedure):
    """For those who forgot theirs, and for Yayoi IDs that never had one here."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, check: AddressCheck) -> CheckOutcome:
        await self.mail_codes()
        outcome = await self.close()
        if outcome is CheckOutcome.FINISHED:
            await self._notify_owner(check)
        return outcome

    async def _notify_owner(self, check: AddressCheck) -> None:
        try:
            await workflow.execute_activity_method(
                AddressCheckActivities.notify_of_new_password,
                CheckStep(check_id=check.check_id, at=workflow.now()),
                **MAIL | {"summary": "パスワードが設定されたことをメールで知らせる"},
            )
        except ActivityError as failed:
            self.note(f"パスワードが設定されたことをメールで知らせられなかった：{why_refused(failed)}")
