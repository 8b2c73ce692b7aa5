"""Bringing an enquiry to those who answer it (Y16)."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.enquiries import EnquiryActivities
    from activities.failing import ACTIVITY_FAILING
    from models.enquiries import EnquiryRef, EnquiryStage
    from models.procedures import WaitingFor
    from workflows.options import MAIL
    from workflows.search_attributes import FAILING, STAGE, WAITING_FOR

NEWS = "news"


@workflow.defn
class EnquiryForwarding:
    """Mails one enquiry to the operators' desk; tried until the mail server takes it."""

    @workflow.run
    async def run(self, enquiry: EnquiryRef) -> None:
        workflow.set_current_details(
            f"### お問い合わせ {enquiry.receipt_no}\n\n"
            "**次にすること：**担当窓口へメールで転送しています。担当者の操作は必要ありません。"
        )
        await workflow.execute_activity_method(
            EnquiryActivities.forward_enquiry, enquiry, summary="お問い合わせを担当窓口へ転送する", **MAIL
        )
        workflow.upsert_search_attributes([FAILING.value_set(False), STAGE.value_set(EnquiryStage.CLOSED)])
        workflow.set_current_details(
            f"### お問い合わせ {enquiry.receipt_no}\n\n"
            "**次にすること：**担当窓口に転送しました。届いたメールに沿って、お客様へ回答してください。"
        )

    @workflow.signal(name=NEWS, description="画面での操作の報告（システム用）")
    def hear(self, enquiry: EnquiryRef) -> None:
        """An enquiry never changes: being told of it again says nothing new."""

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗が続いていることの報告（システム用）")
    def activity_failing(self, activity: str) -> None:  # noqa: ARG002 the list shows that, Pending Activities what
        workflow.upsert_search_attributes([FAILING.value_set(True), WAITING_FOR.value_set(WaitingFor.OPERATOR)])
