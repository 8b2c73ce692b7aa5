"""Inviting somebody into a business group (Y24): mailed, reminded once, accepted, withdrawn or expired."""

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.yayoi.invitations import InvitationActivities
from models.common.messages import ACTIVITY_FAILING, MAIL_RETURNED, ROW_CHANGED, BouncedMail
from models.common.waiting_for import WaitingFor
from models.yayoi.deadlines import MEMBER_INVITATION_REMINDER_DAYS
from models.yayoi.member_invitations import (
    CloseInvitation,
    Invitation,
    InvitationOutcome,
    InvitationStage,
    InvitationState,
    MailInvitation,
)
from workflows.common.activity_options import MAIL, by_mail
from workflows.common.bounced_mails import BouncedMailLook
from workflows.common.business_days import business_days_after_today
from workflows.common.cancellation import shielded_from_cancellation
from workflows.common.case_steps import CaseSteps
from workflows.common.case_view import CaseView
from workflows.common.details import day_and_hour, history, table
from workflows.common.failing_activities import refusal
from workflows.common.operator_turn import CANCELLATION_ASKED
from workflows.common.personal_link import LinkDeadline, wait_for_link
from workflows.common.row_look import RowLook
from workflows.common.search_attributes import columns_of
from workflows.common.tasks_beside import EndsEarlyError
from workflows.common.waiting import until

_WAITING = "招待された方の承諾を待っています。担当者の操作は必要ありません。"
_INVITE_ANEW = "グループの管理者の方に、正しいアドレスで招待し直していただきます"
_CLOSED = "この招待は終了しました。担当者の操作は必要ありません。"
_ANSWERS = """\
- **メールが届かない**：グループの管理者の方に、\
メンバーの画面で「もう一度送る」を押していただきます（前のリンクは使えなくなります）。
- **参加できない**：別の事業グループに参加している弥生ID では参加できません。\
別のアドレスで弥生ID を登録し、招待し直していただきます。
- **取り下げたい**：グループの管理者の方が、メンバーの画面で取り下げられます。\
「Request Cancellation」でも取り下げになります。"""


@workflow.defn
class MemberInvitation:
    """Follows one invitation. What happens on the pages is in its row first; a signal asks to look at it."""

    @workflow.init
    def __init__(self, invitation: Invitation) -> None:
        self._invitation = invitation
        self._state = state = InvitationState()
        self._view = CaseView(state, self._details, lambda: columns_of(state))
        self._steps = CaseSteps(invitation, state, self._view)
        self._row = RowLook(self._look_at_row)
        self._bounces = BouncedMailLook(invitation, self._steps, self._take_bounce)

    @workflow.run
    @shielded_from_cancellation
    async def run(self, invitation: Invitation) -> InvitationOutcome:  # noqa: ARG002 kept by __init__
        # The signal that comes with the start has the row looked at.
        await workflow.wait_condition(lambda: self._state.on_pages is not None or self._state.over)
        outcome = None
        while outcome is None:
            link_no = self._state.link_no
            if link_no and not self._state.over:
                await self._follow(link_no)
            if self._state.over or not self._sent_again(link_no):
                outcome = await self._close(link_no)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return outcome

    @workflow.signal(name=ROW_CHANGED, description="画面での操作を調べる依頼（システム用）")
    async def row_changed(self) -> None:
        await self._row.look()

    @workflow.signal(name=ACTIVITY_FAILING, description="処理の失敗を調べる依頼（システム用）")
    async def activity_failing(self) -> None:
        await self._steps.look_at_failures()

    @workflow.signal(name=MAIL_RETURNED, description="届かずに戻ったメールを調べる依頼（システム用）")
    async def mail_returned(self) -> None:
        await self._bounces.look()

    async def cancellation_requested(self) -> None:
        """*Request Cancellation* makes an operator's turn: nobody knows who asks."""
        self._view.note(CANCELLATION_ASKED)
        self._view.enter(self._state.stage, WaitingFor.OPERATOR)
        await self._steps.rest()

    def _sent_again(self, link_no: int) -> bool:
        return self._state.link_no > link_no

    def _expires_at(self) -> datetime:
        return self._state.on_pages.expires_at if self._state.on_pages else workflow.now()

    async def _take_bounce(self, mail: BouncedMail) -> None:
        self._view.note(f"メールが届かずに戻った：{mail.because}{_INVITE_ANEW}")
        self._view.show()

    async def _look_at_row(self) -> None:
        found = await self._steps.look(
            InvitationActivities.look_at_invitation, self._invitation, "画面での操作を調べる"
        )
        self._state.on_pages = found.newer(self._state.on_pages)

    async def _follow(self, link_no: int) -> None:
        """Mail the link and wait for what becomes of it."""
        try:
            await self._mail(link_no)
            await self._wait(link_no)
        except EndsEarlyError:
            return

    async def _mail(self, link_no: int, *, reminder: bool = False) -> None:
        what = "招待の催促" if reminder else "招待"
        try:
            mail = await self._steps.look(
                InvitationActivities.mail_invitation,
                MailInvitation(case_no=self._invitation.case_no, link_no=link_no, reminder=reminder),
                f"{what}のメールを送る（{link_no} 回目）",
                by_mail(MAIL) | {"schedule_to_close_timeout": until(self._expires_at())},
            )
        except FailureError as failed:
            self._view.note(f"{what}のメールを送信できなかった（{link_no} 回目）{_why(failed)}")
        else:
            self._view.note(f"{what}のメールを{'送信した' if mail.sent else '送信しなかった'}（{link_no} 回目）")
        self._view.show()

    async def _wait(self, link_no: int) -> None:
        """Wait until it is settled, sent again or expired; remind once meanwhile."""
        remind_on = await business_days_after_today(MEMBER_INVITATION_REMINDER_DAYS)
        deadline = LinkDeadline(self._expires_at, remind_on, lambda _: self._mail(link_no, reminder=True))
        if not await wait_for_link(lambda: self._state.over or self._sent_again(link_no), deadline):
            self._view.note("期限が過ぎた")

    async def _close(self, link_no: int) -> InvitationOutcome | None:
        """Close it as its row says; None if it was sent again meanwhile and goes on."""
        closed = await self._steps.look(
            InvitationActivities.close_invitation,
            CloseInvitation(
                case_no=self._invitation.case_no,
                link_no=link_no,
                at=workflow.now(),
                ended_by_operator=self._state.ended_by_operator,
            ),
            "招待を終了する",
        )
        if closed.outcome is None:
            await self._row.look()
            return None
        self._state.outcome = closed.outcome
        self._view.enter(InvitationStage.CLOSED)
        self._view.note(f"終了した（{closed.outcome}）")
        self._view.show()
        return closed.outcome

    def _details(self) -> str:
        closed = self._state.stage is InvitationStage.CLOSED
        facts = [
            ("受付番号", self._invitation.receipt_no),
            ("段階", self._state.stage),
            ("期限", day_and_hour(self._expires_at())),
        ]
        parts = ["### 事業グループへの招待", f"**次にすること：**{_CLOSED if closed else _WAITING}"]
        parts.append(table(("項目", "内容"), facts))
        if not closed:
            parts += ["#### お客様からお問い合わせがあったとき", _ANSWERS]
        return "\n\n".join([*parts, *history(self._state.timeline)])


def _why(failed: FailureError) -> str:
    reason = refusal(failed)
    return f"：{reason}{_INVITE_ANEW}" if reason else ""
