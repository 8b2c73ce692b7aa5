"""Inviting somebody into a business group (Y24): mailed, reminded once, accepted, withdrawn or expired."""

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.yayoi.invitations import InvitationActivities
    from models.common.messages import ROW_CHANGED, TimelineEntry
    from models.common.waiting_for import WaitingFor
    from models.yayoi.deadlines import MEMBER_INVITATION_REMINDER_DAYS
    from models.yayoi.member_invitations import (
        CloseInvitation,
        Invitation,
        InvitationChanged,
        InvitationOutcome,
        InvitationStage,
        MailInvitation,
    )
    from workflows.common.activity_options import MAIL, REGISTRY
    from workflows.common.business_days import business_days_after_today
    from workflows.common.cancellation import shielded_from_cancellation
    from workflows.common.details import day_and_hour, history, table
    from workflows.common.failing_activities import FailureFlag, refusal
    from workflows.common.personal_link import LinkDeadline, wait_for_link
    from workflows.common.search_attributes import FAILING, STAGE, WAITING_FOR
    from workflows.common.waiting import until

_WAITING = "招待された方の承諾を待っています。担当者の操作は必要ありません。"
_CLOSED = "この招待は終了しました。担当者の操作は必要ありません。"
_ANSWERS = """\
- **メールが届かない**：グループの管理者の方に、\
メンバーの画面で「もう一度送る」を押していただきます（前のリンクは使えなくなります）。
- **参加できない**：別の事業グループに参加している弥生ID では参加できません。\
別のアドレスで弥生ID を登録し、招待し直していただきます。
- **取り下げたい**：グループの管理者の方が、メンバーの画面で取り下げられます。\
「Request Cancellation」でも取り下げになります。"""


@workflow.defn
class MemberInvitation(FailureFlag):
    """Follows one invitation. What happens on the pages is in its row first; the signal says so."""

    @workflow.init
    def __init__(self, invitation: Invitation) -> None:
        self._invitation = invitation
        self._row: InvitationChanged | None = None
        self._ended_by_operator = False
        self._timeline: list[TimelineEntry] = []

    @workflow.run
    @shielded_from_cancellation
    async def run(self, invitation: Invitation) -> InvitationOutcome:  # noqa: ARG002 kept by __init__
        await workflow.wait_condition(lambda: self._row is not None or self._ended_by_operator)
        outcome = None
        while outcome is None:
            link_no = self._row.link_no if self._row else 0
            if link_no and not self._ended:
                await self._mail(link_no)
                await self._wait(link_no)
            if self._ended or not self._sent_again(link_no):
                outcome = await self._close(link_no)
        return outcome

    @workflow.signal(name=ROW_CHANGED, description="画面での操作の報告（システム用）")
    def row_changed(self, row: InvitationChanged) -> None:
        self._row = row.newer(self._row) if self._row else row

    def show_failing(self, activity: str) -> None:
        """Show it in the timeline, too."""
        workflow.upsert_search_attributes([FAILING.value_set(True), WAITING_FOR.value_set(WaitingFor.OPERATOR)])
        self._note(f"処理の失敗が続いている（{activity}）")

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* in the Web UI withdraws the invitation."""
        self._note("Request Cancellation により取り下げた")
        self._ended_by_operator = True

    @property
    def _ended(self) -> bool:
        return self._ended_by_operator or (self._row is not None and self._row.settled)

    def _sent_again(self, link_no: int) -> bool:
        return self._row is not None and self._row.link_no > link_no

    def _expires_at(self) -> datetime:
        return self._row.expires_at if self._row else workflow.now()

    async def _mail(self, link_no: int, *, reminder: bool = False) -> None:
        what = "招待の催促" if reminder else "招待"
        try:
            mail = await workflow.execute_activity_method(
                InvitationActivities.mail_invitation,
                MailInvitation(invitation_id=self._invitation.invitation_id, link_no=link_no, reminder=reminder),
                **MAIL
                | {
                    "summary": f"{what}のメールを送る（{link_no} 回目）",
                    "schedule_to_close_timeout": until(self._expires_at()),
                },
            )
        except ActivityError as failed:
            self._note(f"{what}のメールを送信できなかった（{link_no} 回目）{_why(failed)}")
            return
        workflow.upsert_search_attributes([FAILING.value_set(False), WAITING_FOR.value_set(WaitingFor.APPLICANT)])
        self._note(f"{what}のメールを{'送信した' if mail.sent else '送信しなかった'}（{link_no} 回目）")

    async def _wait(self, link_no: int) -> None:
        """Wait until it is settled, sent again or expired; remind once meanwhile."""
        remind_on = await business_days_after_today(MEMBER_INVITATION_REMINDER_DAYS)
        deadline = LinkDeadline(self._expires_at, remind_on, lambda _: self._mail(link_no, reminder=True))
        if not await wait_for_link(lambda: self._ended or self._sent_again(link_no), deadline):
            self._note("期限が過ぎた")

    async def _close(self, link_no: int) -> InvitationOutcome | None:
        """Close it as its row says; None if it was sent again and the signal of that has not come yet."""
        closed = await workflow.execute_activity_method(
            InvitationActivities.close_invitation,
            CloseInvitation(
                invitation_id=self._invitation.invitation_id,
                link_no=link_no,
                at=workflow.now(),
                ended_by_operator=self._ended_by_operator,
            ),
            **REGISTRY | {"summary": "招待を終了する"},
        )
        if closed.outcome is None:
            await workflow.wait_condition(lambda: self._ended or self._sent_again(link_no))
            return None
        workflow.upsert_search_attributes(
            [STAGE.value_set(InvitationStage.CLOSED), WAITING_FOR.value_set(WaitingFor.SYSTEM)]
        )
        self._note(f"終了した（{closed.outcome}）", closed=True)
        return closed.outcome

    def _note(self, text: str, *, closed: bool = False) -> None:
        self._timeline.append(TimelineEntry(at=workflow.now(), text=text))
        facts = [
            ("受付番号", self._invitation.receipt_no),
            ("段階", InvitationStage.CLOSED if closed else InvitationStage.INVITED),
            ("期限", day_and_hour(self._expires_at())),
        ]
        parts = ["### 事業グループへの招待", f"**次にすること：**{_CLOSED if closed else _WAITING}"]
        parts.append(table(("項目", "内容"), facts))
        if not closed:
            parts += ["#### お客様からお問い合わせがあったとき", _ANSWERS]
        workflow.set_current_details("\n\n".join([*parts, *history(self._timeline)]))


def _why(failed: ActivityError) -> str:
    reason = refusal(failed)
    return f"：{reason}グループの管理者の方に、正しいアドレスで招待し直していただきます" if reason else ""
