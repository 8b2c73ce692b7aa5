"""The case page in words: where each office is at and what the applicant has to do now."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.common.waiting_for import WaitingFor
from models.tables import ApplicationOfficeRow, CaseStatusRow
from models.yayoi.deadlines import HOLDER_MAIL_HOURS
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Procedure, SetUpStep, Stage
from models.yayoi.store.case_records import OfficeRecords
from models.yayoi.store.event_cases import ENDED
from models.yayoi.store.pair_status import ENDING
from web.yayoi.customer.pair_page import STEP_PATHS

_BEFORE_NOTICE = "お手続きを進めています。お待ちください。"
_INSTRUCTIONS = {
    Stage.CHECK: "お申し込みの内容を確認しています。お待ちください。",
    Stage.CONFIRMATION: (
        "ご契約者さまの確認を待っています。ご契約に登録されているメールアドレスに、確認をお願いするメールをお送りします"
        f"（{HOLDER_MAIL_HOURS} 時間に 1 通まで）。ご契約者さまがメールのリンクから確認されると、お手続きが進みます。"
    ),
    Stage.CORRECTION: ("お申し込みの内容に、次の点がありました。「訂正する」から、正しい内容を入力してください。"),
    Stage.SHARING: (
        "会計事務所との共有を解除してください。弥生製品の［ファイル］－［スマート取引取込］－［スマート取引取込の設定］を開き、"
        "［設定を解除する］をクリックします。ご自身で解除できない場合は、弥生が代わりに解除することもできます。"
    ),
    Stage.SET_UP: (
        "「サービス契約ID（お客様番号）」のお知らせメールをお送りしました。"
        "この事業所データ用の弥生ID で、次の順に設定を進めてください。"
    ),
    Stage.RELINK: "連携していたサービスを、下のサービス契約ID（お客様番号）で改めて連携してください。",
    Stage.AFTER_CLOSING: (
        "お手続きの期間は終わりましたが、残っている設定は、次の期限まで引き続き行うことができます。"
        "この事業所データ用の弥生ID で、次の順に設定を進めてください。"
    ),
}
_WORKING = {
    Stage.CORRECTION: "訂正していただいた内容を確認しています。お待ちください。",
    Stage.SHARING: "会計事務所との共有の状況を確認しています。お待ちください。",
}
"""What is done at stages at which the applicant is waited for otherwise."""
_UNDER_WAY = "お客様の操作を受け付けました。お手続きに反映しています。しばらくしてから、この画面を開き直してください。"
_RECEIVED = "お申し込みは確かに受け付けています。"
_ENDED = {
    Outcome.COMPLETED: "お手続きはすべて完了しました。",
    Outcome.INCOMPLETE: (
        "お手続きは終了しているため、次の項目は、画面からは設定できません。担当者がお手伝いしますので、"
        "元々ご契約のお客様番号をご用意のうえ、お問い合わせ画面からご連絡ください。"
    ),
    Outcome.REJECTED: "お手続きを進めることができませんでした。理由を確認のうえ、改めてお申し込みください。",
    Outcome.WITHDRAWN: "お申し込みは取り下げられました。改めてお申し込みいただくことができます。",
    Outcome.CANCELLED: "お申し込みは取り消されました。改めてお申し込みいただくことができます。",
    Outcome.TERMINATED: "お手続きを終了しました。詳しくは、お問い合わせ画面からお問い合わせください。",
    Outcome.EXPIRED: "期限までに確認できなかったため、お手続きを終了しました。改めてお申し込みください。",
}
_STAGE_NAMES = {
    Stage.CHECK: "内容の確認中",
    Stage.CONFIRMATION: "ご契約者さまの確認待ち",
    Stage.CORRECTION: "訂正待ち",
    Stage.REMEMBER_LINKS: "準備中",
    Stage.SHARING: "共有の解除待ち",
    Stage.ISSUE: "サービス契約ID の発行中",
    Stage.ATTACH: "会計連携の設定中",
    Stage.NOTIFY: "お知らせメールの送信中",
    Stage.THAW: "お知らせメールの送信中",
    Stage.SET_UP: "お客様の設定待ち",
    Stage.RELINK: "再連携待ち",
    Stage.AFTER_CLOSING: "残りの設定待ち",
}
_NOTIFIED = {Stage.SET_UP, Stage.RELINK, Stage.AFTER_CLOSING}
_APPLICANTS = {Stage.CORRECTION, Stage.SHARING, *_NOTIFIED}
"""Stages in which the applicant has something to do, whoever else looks at the case meanwhile."""
_AFTER_FREEZE = {Stage.THAW, *_NOTIFIED, Stage.CLOSED}


class CaseAction(StrEnum):
    """What the applicant can do about one office; the value is the end of the address of its page."""

    CORRECT = "correct"
    SHARING = "sharing"
    WITHDRAW = "withdraw"

    @property
    def label(self) -> str:
        return {
            CaseAction.CORRECT: "訂正する",
            CaseAction.SHARING: "共有の解除へ進む",
            CaseAction.WITHDRAW: "取り下げる",
        }[self]


TOO_LATE = (
    "STEP5 を始めた後は、この画面で取り下げることはできません。"
    "取り下げたい場合は、申込番号とあわせて、お問い合わせ画面からお問い合わせください。"
)
_ACTIONS = {Stage.CORRECTION: CaseAction.CORRECT, Stage.SHARING: CaseAction.SHARING}
_OR_SHOW_ITS_OFFICE = "または、ご契約の事業所データのトークンを「訂正する」から入力されても、お手続きが進みます。"
_OR_CORRECT = "弥生ID を間違えて入力されたときは、「訂正する」から訂正してください。"
_CORRECTED = "弥生ID が訂正されたため、この事業所データだけ、もう一度確認をお願いしています。"


@dataclass(frozen=True)
class NextStep:
    """Something to do after the notice, and where (Y19 to Y21)."""

    label: str
    path: str
    done: bool
    now: bool
    """It can be done now; False: it is done, or what comes before it is not (Y20)."""


@dataclass(frozen=True)
class OfficeSection:
    """One office on the case page."""

    number: int
    name: str
    yayoi_id: str
    stage: str
    instruction: str
    yours: bool
    """It is the applicant's turn."""
    until: date | None = None
    points: tuple[str, ...] = ()
    contract_id: str | None = None
    keep_still: bool = False
    """Smart import of this office must not be used now (Y12)."""
    stopped: bool = False
    """It is stopped now; False: it will be once the token is found right, or was never to be."""
    ending: bool = False
    """It is being ended early: no notice will come (Y27)."""
    action: CaseAction | None = None
    """What the applicant has to do now on a page of ours."""
    can_withdraw: bool = False
    ended: bool = False
    too_late_to_withdraw: bool = False
    """STEP5 has begun: only a supervisor can agree to an end now (Y27)."""
    steps: tuple[NextStep, ...] = ()
    to_relink: tuple[str, ...] = ()
    """The services that are still to be linked again (Y21)."""
    notice_returned: bool = False
    """Whether the completion notice has come back."""

    def refuse(self, action: CaseAction) -> str | None:
        """Return why the applicant cannot do this now; None if they can."""
        if self.ended:
            return f"{ENDED}{self.instruction}"
        if action == CaseAction.WITHDRAW:
            return None if self.can_withdraw else TOO_LATE if self.too_late_to_withdraw else self.instruction
        return None if action == self.action else f"いまは、この操作は必要ありません。{self.instruction}"

    @property
    def awaits_notice(self) -> bool:
        return not (self.ended or self.ending or self.steps)


def office_view(
    pair: ApplicationOfficeRow,
    status: CaseStatusRow,
    procedure: Procedure,
    records: OfficeRecords,
    *,
    started: bool,
    unconfirmed: bool = False,
    asked_anew: bool = False,
) -> OfficeSection:
    """Show where the office's procedure is, as its row says.

    `started`: whether the application's has begun; `unconfirmed`: whether the contract's holder has not confirmed the
    pair (Y5a); `asked_anew`: whether they had, before its Yayoi ID was corrected.
    """
    contract_id = pair.issued_contract_id or records.contract_id
    stage, points = Stage(status.stage), tuple(map(records.services.named, status.points))
    late = stage is Stage.AFTER_CLOSING
    if (pair.closed_at is not None or status.outcome) and not late:
        outcome = Outcome(pair.outcome or status.outcome or Outcome.COMPLETED)
        return _ended(pair, outcome, tuple(pair.open_points or points), contract_id)
    if status.ending or records.under_way:
        keep_still = procedure.linked and stage not in _AFTER_FREEZE and not status.ending
        instruction = ENDING if status.ending else _UNDER_WAY
        return _worked_on(pair, instruction, keep_still=keep_still, stopped=records.stopped, ending=bool(status.ending))
    if unconfirmed and stage is Stage.CHECK:  # its procedure has not looked yet
        stage = Stage.CONFIRMATION
    shown = started or stage is Stage.CONFIRMATION
    corrected = stage is Stage.CORRECTION and not points
    yours = late or (stage in _APPLICANTS and status.waiting_for != WaitingFor.SYSTEM and not corrected)
    texts = _INSTRUCTIONS if yours or stage is Stage.CONFIRMATION else _INSTRUCTIONS | _WORKING
    to_correct = status.stage == Stage.CONFIRMATION
    instruction = texts.get(stage, _BEFORE_NOTICE)
    if stage is Stage.CONFIRMATION:
        # Points there are only where a token was typed, and is not one of the contract's.
        token = _OR_SHOW_ITS_OFFICE if points else ""
        instruction = (_CORRECTED if asked_anew else "") + instruction + token + (_OR_CORRECT if to_correct else "")
    notified = stage in _NOTIFIED
    done = {step for step in SetUpStep if step.label not in points}
    return OfficeSection(
        number=pair.office_no,
        name=pair.office_name,
        yayoi_id=pair.yayoi_id,
        stage=_STAGE_NAMES.get(stage, stage) if shown else "受付済み",
        instruction=instruction if shown else _RECEIVED,
        yours=yours,
        until=status.until if yours or stage is Stage.CONFIRMATION else None,
        points=points,
        contract_id=contract_id if notified else None,
        keep_still=procedure.linked and stage not in _AFTER_FREEZE,
        stopped=records.stopped,
        action=CaseAction.CORRECT if to_correct else _ACTIONS.get(stage) if yours else None,
        steps=_steps(procedure, done, to_relink=bool(_services(points))) if notified else (),
        to_relink=_services(points),
        notice_returned=notified and records.notice_returned,
        can_withdraw=not records.begun and not late,
        too_late_to_withdraw=records.begun and not late,
    )


_RELINK = "の再連携"


def _services(open_points: Sequence[str]) -> tuple[str, ...]:
    return tuple(point.removesuffix(_RELINK) for point in open_points if point.endswith(_RELINK))


def _steps(procedure: Procedure, done: Collection[str], *, to_relink: bool) -> tuple[NextStep, ...]:
    following = next((step for step in procedure.set_up_steps if step not in done), None)
    steps = [NextStep(step.label, STEP_PATHS[step], step in done, step is following) for step in procedure.set_up_steps]
    if procedure.linked:
        steps.append(NextStep("連携していたサービスの再連携", "/relink", not to_relink, to_relink))
    return tuple(steps)


def _worked_on(
    pair: ApplicationOfficeRow, instruction: str, *, keep_still: bool, stopped: bool, ending: bool
) -> OfficeSection:
    """Show that what somebody has done is worked on: nothing is offered until that has an outcome."""
    return OfficeSection(
        number=pair.office_no,
        name=pair.office_name,
        yayoi_id=pair.yayoi_id,
        stage="処理中",
        instruction=instruction,
        yours=False,
        keep_still=keep_still,
        stopped=stopped,
        ending=ending,
    )


def _ended(
    pair: ApplicationOfficeRow, outcome: Outcome, points: tuple[str, ...], contract_id: str | None
) -> OfficeSection:
    stage = "完了" if outcome is Outcome.COMPLETED else "終了"
    return OfficeSection(
        number=pair.office_no,
        name=pair.office_name,
        yayoi_id=pair.yayoi_id,
        stage=stage,
        instruction=_ENDED[outcome],
        ended=True,
        yours=False,
        points=points,
        contract_id=contract_id if outcome.kept else None,
    )
