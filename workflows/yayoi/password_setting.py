"""Setting a new password of a Yayoi ID: the same mailed code, and a mail at the end."""

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.yayoi.address_checks import AddressCheckActivities
from models.yayoi.address_checks import AddressCheck, CheckOutcome, CheckStep
from workflows.common.activity_options import MAIL, by_mail
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.failing_activities import why_refused
from workflows.yayoi.address_check import AddressCheckProcedure


@workflow.defn
class PasswordSetting(AddressCheckProcedure):
    """For those who forgot theirs, and for Yayoi IDs that never had one here."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, check: AddressCheck) -> CheckOutcome:  # noqa: ARG002 kept by __init__
        await self.mail_codes()
        outcome = await self.close()
        if outcome is CheckOutcome.FINISHED:
            await self._notify_owner()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return outcome

    async def _notify_owner(self) -> None:
        try:
            await self.steps.look(
                AddressCheckActivities.notify_of_new_password,
                self.steps.input(CheckStep),
                "パスワードが設定されたことをメールで知らせる",
                by_mail(MAIL),
            )
        except FailureError as failed:
            self.view.note(f"パスワードが設定されたことをメールで知らせられなかった：{why_refused(failed)}")
            self.view.show()
