"""The single steps of an office's procedure: each runs one activity and notes the outcome."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from temporalio import workflow

from activities.common.case_requests import CaseRequestActivities
from activities.common.case_status import CaseStatusActivities
from activities.yayoi.case_records import CaseRecordActivities
from activities.yayoi.contracts import ContractActivities
from activities.yayoi.customer_steps import CustomerStepActivities
from activities.yayoi.holder_confirmation import HolderConfirmationActivities
from activities.yayoi.mail import MailActivities
from activities.yayoi.pair_check import PairCheckActivities
from activities.yayoi.service_links import LinkActivities
from activities.yayoi.sharing import SharingActivities
from activities.yayoi.smart_import import SmartImportActivities
from models.common.acting import SYSTEM, acting, signed_act, who_acts
from models.common.actors import ActorKind
from models.common.approvals import AskedFor
from models.common.messages import CaseRequest, OperatorsTask, RecordAction, RequestsAfter, SentMail
from models.common.operator_message import ActionMessage
from models.yayoi.deadlines import HOLDER_MAIL_HOURS, ISSUE_WAITS
from models.yayoi.early_exits import CANCELLATION_REFUSED
from models.yayoi.holder_confirmation import AskHolder, RecordHolderAnswer
from models.yayoi.mails import MailKind
from models.yayoi.messages import (
    CheckResult,
    CloseOffice,
    CorrectedRelink,
    CorrectNamesStep,
    CorrectPairStep,
    CorrectRelinkStep,
    EndSharing,
    IssueStep,
    OfficeOutcome,
    OfficeStep,
    Outcome,
    RecordRelink,
    RecordSetUpStep,
    Relinked,
    RenewLinkStep,
    ReopenOffice,
    RetractStep,
    SendMail,
)
from models.yayoi.office_state import OfficeState
from models.yayoi.operator_actions import (
    CorrectNames,
    CorrectPair,
    CorrectRelink,
    LinkHolder,
    RenewLink,
    RetractRelink,
    RetractSetUpStep,
    ServiceRelinked,
    SetUpStepDone,
    SharingReleased,
)
from models.yayoi.operator_rules import OPERATIONS
from models.yayoi.procedures import Stage
from workflows.common.case_steps import NOT_ACTED_ON, CaseSteps, Mailed
from workflows.common.case_view import CaseView
from workflows.common.details import day_and_hour
from workflows.common.operator_updates import current_update_id, refused
from workflows.common.tasks_beside import EndsEarlyError
from workflows.yayoi.office_details import first_for_operator, next_for_operator


class OfficeSteps:
    """The steps of one office's case: those of every case, and its own."""

    def __init__(self, state: OfficeState, view: CaseView, steps: CaseSteps) -> None:
        self._state = state
        self._view = view
        self._steps = steps
        self._customers_mails = asyncio.Lock()
        self.record, self.rest = steps.record, steps.rest
        self.hand_over, self.look_at_failures = steps.hand_over, steps.look_at_failures

    # --- until the notice ---------------------------------------------------------------------------------------------

    async def check_pair(self) -> None:
        """Y2, Y3, Y5: what is right is held, and the office frozen unless it was when the form was accepted (Y12).

        The first check takes over what had taken effect before, if a Reset has begun the procedure anew.
        """
        found = await self._steps.look(PairCheckActivities.check_pair, self._step, "弥生ID と事業所トークンを確認する")
        if found.recorded and not self._state.checked:
            self._view.continues_after(found.recorded.version)
            self._state.goes_on_from(found.recorded)
        self._keep(found)

    def _keep(self, result: CheckResult) -> None:
        self._state.problems, self._state.checked = result.problems, True
        self._state.waits_for_holder, self._state.refused_by_holder = result.waits_for_holder, result.refused_by_holder
        self._state.holder_unasked = result.waits_for_holder and result.holder_unasked
        if result.frozen and not self._state.frozen:
            self._view.note("スマート取引取込を凍結した")
        self._state.frozen = result.frozen

    async def remember_links(self) -> None:
        """Y14: the office is frozen, so that the last imported day no longer moves."""
        self._view.enter(Stage.REMEMBER_LINKS)
        remembered = await self._steps.run(LinkActivities.remember_links, self._step, "連携しているサービスを記録する")
        self._state.follow_up.links = remembered.links
        self._view.note(f"連携 {len(remembered.links)} 件を記録した")

    async def look_at_sharing(self) -> None:
        """Y13: it may have ended without anybody reporting it."""
        found = await self._steps.look(SharingActivities.sharing_state, self._step, "会計事務所との共有を確認する")
        self._state.shared_with = found.shared_with
        self._state.sharing_ended = not found.shared_with

    async def end_sharing(self, report: SharingReleased, *, delegated: bool) -> None:
        """Y13: record that it was released, or release it on the applicant's behalf."""
        step = self._steps.input(EndSharing, report=report, **_who(), delegated=delegated, asked_as=current_update_id())
        summary = "申込者に代わって共有を解除する" if delegated else "共有の解除を記録する"
        ended = await self._steps.run(SharingActivities.end_sharing, step, summary)
        self._state.shared_with = ()
        self._state.sharing_ended = True
        firms = "、".join(ended.shared_with) or "なし"
        self._view.note(f"会計事務所との共有が終わった：{firms}", report)

    async def issue_contract_id(self) -> None:
        """Y15: earlier pairs of the application that are about to be issued come first: numbers follow the form.

        Raises `EndsEarlyError` if somebody has ended the case meanwhile.
        """
        self._view.enter(Stage.ISSUE)
        for wait in (*ISSUE_WAITS, None):
            step = self._steps.input(IssueStep, in_any_order=wait is None)
            issued = await self._steps.run(ContractActivities.issue_contract_id, step, "サービス契約ID を発行する")
            if issued is not None or wait is None:
                break
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._state.leaving,
                    timeout=wait,
                    timeout_summary="同じ申込の、前の事業所データの発行を待つ",
                )
                raise EndsEarlyError
        if issued is None:
            raise RuntimeError("not issued though no order was asked for")
        self._state.contract_id = issued.contract_id
        self._state.follow_up.also_lost(issued.lost_links)
        self._view.note(f"サービス契約ID {issued.contract_id} を発行した（この契約の {issued.number} 番目）")

    async def attach_to_contract(self) -> None:
        """Y9: add the link to the contract ID that was issued before."""
        self._view.enter(Stage.ATTACH)
        attached = await self._steps.run(
            ContractActivities.attach_to_contract, self._step, "契約ID に会計連携を設定する"
        )
        self._state.contract_id = attached.contract_id
        self._state.follow_up.also_lost(attached.lost_links)
        self._view.note(f"サービス契約ID {attached.contract_id} に会計連携を設定した")

    async def send_completion_notice(self) -> None:
        """Y18."""
        self._view.enter(Stage.NOTIFY)
        addition = self._state.case.procedure.has(Stage.ATTACH)
        await self.mail(MailKind.LINK_ADDED if addition else MailKind.COMPLETION_NOTICE)

    async def thaw_smart_import(self) -> None:
        """Y12: with the notice, and whenever the case ends early."""
        self._view.enter(Stage.THAW)
        thawed = await self._steps.run(
            SmartImportActivities.thaw_smart_import, self._step, "スマート取引取込の凍結を解除する"
        )
        if thawed.thawed_at:
            self._view.note("スマート取引取込の凍結を解除した")

    # --- when it ends (Y27) -------------------------------------------------------------------------------------------

    async def revoke_contract_id(self) -> None:
        """Revoke the ID and bring the links back that were lost with the old one."""
        await self._steps.run(ContractActivities.revoke_contract_id, self._step, "サービス契約ID を取り消す")
        self._view.note(f"サービス契約ID {self._state.contract_id} を取り消した")

    async def restore_sharing(self) -> None:
        """Share again if it was the system that released it."""
        restored = await self._steps.run(SharingActivities.restore_sharing, self._step, "会計事務所との共有を元に戻す")
        if restored.firms:
            self._view.note(f"会計事務所との共有を元に戻した（{'、'.join(restored.firms)}）")

    async def close(self) -> OfficeOutcome:
        """Close the office's part of the application as the state says."""
        state = self._state
        state.outcome = outcome = Outcome(state.outcome or Outcome.COMPLETED)
        step = self._steps.input(
            CloseOffice,
            outcome=outcome,
            open_points=tuple(state.open_points),
            contract_id=state.contract_id,
            occurrence=state.closings + 1,
            reopened_as=state.reopened_as,
        )
        summary = f"この事業所データの手続きを終了する（{outcome}）"
        closed = await self._steps.run(CaseRecordActivities.close_office, step, summary)
        state.closings += 1
        self._view.note(f"手続きを終了した（{outcome}）")
        return closed

    async def reopen(self, message: ActionMessage) -> None:
        """Open the office's part of the application again; a final error says who holds its ID or token (Y1, Y25)."""
        step = self._steps.input(ReopenOffice, **self._steps.next_occurrence("reopen", message))
        await self._steps.run(CaseRecordActivities.reopen_office, step, "手続きを再開する")
        self._state.reopened_as = step.asked_as
        self._view.note("手続きを再開した", message)

    # --- what people do -----------------------------------------------------------------------------------------------

    async def correct_pair(self, message: CorrectPair) -> None:
        """Store the corrected pair, and what is still wrong with it."""
        step = self._steps.input(
            CorrectPairStep,
            yayoi_id=message.yayoi_id,
            office_token=message.office_token,
            issued_contract_id=message.issued_contract_id,
            by_applicant=_by_applicant(),
            **self._steps.next_occurrence("correct", message),
        )
        corrected = await self._steps.run(CaseRecordActivities.correct_pair, step, "弥生ID・事業所トークンを訂正する")
        self._state.office_name = corrected.office_name
        entered = {
            "弥生ID": message.yayoi_id,
            "事業所トークン": message.office_token,
            "発行済みのサービス契約ID": message.issued_contract_id,
        }
        self._state.corrected |= {name: str(value) for name, value in entered.items() if value}
        self._view.note("弥生ID・事業所トークンを訂正した", message)
        self._keep(corrected)

    async def correct_names(self, message: CorrectNames) -> None:
        """Store how the applicant and the office data are called."""
        names = message.model_dump(include={"family_name", "given_name", "office_name"})
        step = self._steps.input(CorrectNamesStep, **names, **self._steps.next_occurrence("correct_names", message))
        await self._steps.run(CaseRecordActivities.correct_names, step, "申込者・事業所データの名前を訂正する")
        self._state.office_name = message.office_name or self._state.office_name
        self._view.note("申込者・事業所データの名前を訂正した", message)

    async def ask_holder(self, asked_as: str | None = None, unless_since: datetime | None = None) -> datetime | None:
        """Y5a: have the contract's holder mailed what waits for them; return before when that is not possible again."""
        kind = MailKind.CONFIRM_APPLICATIONS
        ask = self._steps.input(AskHolder, asked_as=asked_as, unless_since=unless_since)
        mailed = await self._steps.mail(HolderConfirmationActivities.ask_holder, ask, kind.subject)
        if mailed.refused_because:
            self._state.undelivered[kind] = mailed.refused_because
        elif mailed.sent:
            self._state.undelivered.pop(kind, None)
        if mailed.sent or mailed.refused_because:
            self._state.mails[kind] = self._steps.input(SendMail, kind=kind)
        return mailed.answer.not_before if mailed.answer else None

    async def renew_link(self, message: RenewLink) -> None:
        """End a link to our pages, and mail the new one to whose it is; to the contract's holder, who is asked anew."""
        counted = self._steps.next_occurrence("renew_link", message)
        ask = self._steps.input(RenewLinkStep, whose=message.whose, **counted)
        renewed = await self._steps.run(CaseRecordActivities.renew_link, ask, "リンクを無効にする")
        self._view.note(f"{message.whose.label}を無効にした", message)
        if renewed.link_no is None:
            self._state.holder_unasked = self._state.waits_for_holder
            return
        whose = {"to_applicant": message.whose is LinkHolder.APPLICANT, "occurrence": renewed.link_no}
        mail = self._steps.input(SendMail, kind=MailKind.CASE_LINK, **whose)
        if because := (await self._send(mail)).refused_because:
            raise refused(f"いまのリンクは無効にしましたが、新しいリンクのメールを届けられませんでした。{because}")

    async def record_holder_answer(self, message: ActionMessage, *, confirmed: bool) -> None:
        """Record what the contract's holder has said on the phone, for the whole application (Y5a)."""
        counted = self._steps.next_occurrence("holder_answer", message)
        step = self._steps.input(RecordHolderAnswer, confirmed=confirmed, **counted)
        await self._steps.run(HolderConfirmationActivities.record_holder_answer, step, "契約者の回答を記録する")
        self._view.note("契約者の確認を記録した" if confirmed else "契約者が確認しなかったことを記録した", message)

    async def record_set_up_step(self, report: SetUpStepDone) -> None:
        """Y19, Y20."""
        step = self._steps.input(RecordSetUpStep, report=report, **_who(), asked_as=current_update_id())
        await self._steps.run(CustomerStepActivities.record_set_up_step, step, f"{report.step.label}を記録する")
        self._state.follow_up.record_step(report.step)
        self._view.note(f"{report.step.label}が完了した", report)

    async def record_relink(self, report: ServiceRelinked) -> None:
        """Y21."""
        step = self._steps.input(RecordRelink, report=report, **_who(), asked_as=current_update_id())
        summary = f"サービス（連携{report.link}）の再連携を記録する"
        relinked = await self._steps.run(LinkActivities.record_relink, step, summary)
        self._state.follow_up.record_relink(relinked)
        self._view.note(f"{relinked.label}を再連携した", report)

    async def correct_relink(self, message: CorrectRelink) -> None:
        """Correct the days of a re-link (Y21)."""
        days = {"relinked_on": message.relinked_on, "asked_from": message.asked_from}
        corrected = await self._correct_relink(message, "再連携の日を訂正する", days)
        if corrected.coverage:
            relinked = Relinked(number=corrected.number, kind=corrected.kind, coverage=corrected.coverage)
            self._state.follow_up.record_relink(relinked)
        self._view.note(f"{corrected.label}の再連携の日を訂正した", message)

    async def retract_relink(self, message: RetractRelink) -> None:
        """Take back the record of a re-link (Y21)."""
        retracted = await self._correct_relink(message, "再連携の記録を取り消す", {"relinked_on": None})
        self._state.follow_up.retract_relink(message.link)
        self._view.note(f"{retracted.label}の再連携の記録を取り消した", message)

    async def _correct_relink(
        self, message: CorrectRelink | RetractRelink, summary: str, days: Mapping[str, date | None]
    ) -> CorrectedRelink:
        counted = self._steps.next_occurrence("correct_relink", message)
        link = {"link": message.link, "event_id": message.event_id}
        step = self._steps.input(CorrectRelinkStep, **link, **days, **counted)
        return await self._steps.run(LinkActivities.correct_relink, step, summary)

    async def retract_set_up_step(self, message: RetractSetUpStep) -> None:
        """Take back the record of a step (Y20)."""
        step = self._steps.input(RetractStep, step=message.step, **self._steps.next_occurrence("retract", message))
        summary = f"{message.step.label}の記録を取り消す"
        await self._steps.run(CustomerStepActivities.retract_set_up_step, step, summary)
        self._state.follow_up.retract_step(message.step)
        self._view.note(f"{message.step.label}の記録を取り消した", message)

    async def requests_after(self, number: int) -> tuple[CaseRequest, ...]:
        """Return what was requested for all parts of the application after the request of this number."""
        after = self._steps.input(RequestsAfter, number=number)
        found = await self._steps.look(CaseRequestActivities.requests_after, after, "申込全体への操作を調べる")
        return found.requests

    async def record_refused_cancellation(self, message: ActionMessage, reason: str) -> None:
        """Put into the audit trail that a cancellation was not possible."""
        with_reason = message.model_copy(update={"reason": f"{message.reason}：{reason}"})
        await self._steps.audit(CANCELLATION_REFUSED, with_reason)

    async def reassign(self) -> None:
        """Give the case to a colleague of whom it was with, and notify them."""
        if await self._steps.reassign():
            await self.notify_new_owner(NOT_ACTED_ON)

    async def notify_new_owner(self, because: str, asked_as: str | None = None) -> None:
        """Mail whoever has got the case, with why; `asked_as`: the update that has given it to them."""
        facts = self._steps.next_occurrence(MailKind.HANDED_OVER) | {"asked_as": asked_as}
        turn = self._task.model_copy(update={"because": because})
        await self._send(self._steps.input(SendMail, kind=MailKind.HANDED_OVER, turn=turn, **facts))

    async def remind_operator(self, on: date) -> None:
        """Remind whoever is in charge; once a day."""
        await self._mail_operator(MailKind.OPERATOR_REMINDER, on.toordinal())

    async def notify_supervisor(self, on: date) -> None:
        """Notify a supervisor that nobody has acted; once a day."""
        await self._mail_operator(MailKind.OPERATOR_ESCALATION, on.toordinal())

    async def alert_operator(self) -> None:
        """Y11: the due date is in danger."""
        await self._mail_operator(MailKind.DUE_DATE_IN_DANGER)

    async def record_lapse(self, asked: AskedFor, because: str) -> None:
        """Put into the audit trail that a request for approval has lapsed."""
        action, once = f"承認の依頼が失効した：{asked.shown}", f"{asked.update_id}.lapsed"
        step = self._steps.input(RecordAction, action=action, by=SYSTEM, reason=because, asked_as=once)
        await self._steps.run(CaseStatusActivities.record_action, step, "承認の依頼が失効したことを記録する")

    async def mail_answer(self, asked: AskedFor, answer: str, because: str) -> None:
        """Mail the operator who has asked for an approval what came of it."""
        kind, said = MailKind.APPROVAL_ANSWERED, (answer, asked.shown, because)
        facts = {"points": said, "to_handle": asked.by.handle, "asked_as": asked.update_id}
        await self._send(self._steps.input(SendMail, kind=kind, **facts))

    async def _mail_operator(self, kind: MailKind, occurrence: int = 1) -> None:
        """Mail who is in charge, or a supervisor: why, since when, and what can be done."""
        await self._send(self._steps.input(SendMail, kind=kind, occurrence=occurrence, turn=self._task))

    @property
    def _task(self) -> OperatorsTask:
        """What waits for an operator."""
        state = self._state
        possible = OPERATIONS.available(state)
        return OperatorsTask(
            next_step=next_for_operator(state),
            since=state.turn_since,
            operations=tuple((each.value, each.label) for each in first_for_operator(state) if each in possible),
        )

    # --- mails --------------------------------------------------------------------------------------------------------

    async def mail(
        self,
        kind: MailKind,
        occurrence: int = 1,
        *,
        points: tuple[str, ...] = (),
        until: date | None = None,
        ends_application: bool = False,
        asked_as: str | None = None,
    ) -> None:
        """Y18. One to the customer that is refused for good is kept as undelivered; the procedure goes on.

        `asked_as`: the update that has asked for it.
        """
        facts = {"points": points, "until": until, "ends_application": ends_application}
        mail = self._steps.input(SendMail, kind=kind, occurrence=occurrence, asked_as=asked_as, **facts)
        async with self._customers_mails:  # one that is held up is sent before what happened after it
            mailed = await self._send(mail)
        if mailed.sent or mailed.refused_because:
            self._state.mails[kind] = mail
            if mailed.refused_because:
                self._state.undelivered[kind] = mailed.refused_because

    async def resend(self, kind: MailKind) -> str | None:
        """Send the newest mail of this kind once more; return why it is refused for good, None if it was sent."""
        if kind is MailKind.CONFIRM_APPLICATIONS:
            return await self._ask_holder_again()
        mail = self._state.mails[kind].model_copy(
            update={"asked_as": current_update_id(), "at": workflow.now(), "again": True}
        )
        mailed = await self._send(mail)
        if mailed.sent:
            self._state.mails[kind] = mail
        return mailed.refused_because

    async def _ask_holder_again(self) -> str | None:
        not_before = await self.ask_holder(current_update_id())
        if not_before:
            at_most = f"このメールは、{HOLDER_MAIL_HOURS} 時間に 1 通までです。"
            return f"{at_most}{day_and_hour(not_before)} 以降に送り直してください。"
        return self._state.undelivered.get(MailKind.CONFIRM_APPLICATIONS)

    async def _send(self, mail: SendMail) -> Mailed[SentMail]:
        mailed = await self._steps.mail(MailActivities.send_mail, mail, mail.kind.subject)
        if mailed.sent:
            self._state.undelivered.pop(mail.kind, None)
        return mailed

    # --- helpers ------------------------------------------------------------------------------------------------------

    @property
    def _step(self) -> OfficeStep:
        return self._steps.input(OfficeStep)


def _who() -> dict[str, Any]:
    return {"by": who_acts(), "act": signed_act()}


def _by_applicant() -> bool:
    actor = acting()
    return actor is not None and actor.kind == ActorKind.APPLICANT
