"""Forwarding an enquiry to the operators' mailbox (Y16)."""

from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from activities.yayoi.desk_mails import DeskMailActivities
from models.common.messages import ROW_CHANGED
from models.common.waiting_for import WaitingFor
from models.yayoi.enquiries import EnquiryRef, EnquiryStage
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.mail_workflow import MailWorkflow
from workflows.common.search_attributes import STAGE, WAITING_FOR


@workflow.defn
class EnquiryForwarding(MailWorkflow):
    """Mails one enquiry to the operators' desk; tried until the mail server takes it."""

    @workflow.run
    @shielded_from_cancellation
    async def run(self, enquiry: EnquiryRef) -> None:
        workflow.set_current_details(
            f"### お問い合わせ {enquiry.receipt_no}\n\n"
            "**次にすること：**担当窓口へメールで転送しています。担当者の操作は必要ありません。"
        )
        await self.send_to_desk(DeskMailActivities.forward_enquiry, enquiry, "お問い合わせを担当窓口へ転送する")
        workflow.upsert_search_attributes([STAGE.value_set(EnquiryStage.CLOSED)])
        workflow.set_current_details(
            f"### お問い合わせ {enquiry.receipt_no}\n\n"
            "**次にすること：**担当窓口に転送しました。届いたメールに沿って、お客様へ回答してください。"
        )

    @workflow.signal(name=ROW_CHANGED, description="画面での操作の報告（システム用）")
    def row_changed(self) -> None:
        """An enquiry never changes: there is nothing to look at."""

    def failing_columns(self, *, failing: bool) -> list[SearchAttributeUpdate[Any]]:
        """Return, too, whether an operator is needed."""
        waiting_for = WaitingFor.OPERATOR if failing else WaitingFor.SYSTEM
        return [*super().failing_columns(failing=failing), WAITING_FOR.value_set(waiting_for)]
