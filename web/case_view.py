"""The case page in words: where each office stands and what is asked of the applicant now."""

from dataclasses import dataclass
from datetime import date

from models.messages import OfficeProgress, Outcome
from models.procedures import Procedure, Stage, WaitingFor
from models.tables import ApplicationOfficeRow

_BEFORE_NOTICE = "お手続きを進めています。お待ちください。"
_ASKED = {
    Stage.CHECK: "お申し込みの内容を確認しています。お待ちください。",
    Stage.CORRECTION: (
        "お申し込みの内容に、次の点がありました。正しい内容を、申込番号とあわせてカスタマーセンターへお知らせください。"
    ),
    Stage.SHARING: (
        "会計事務所との共有を解除してください。弥生製品の［ファイル］－［スマート取引取込］－［スマート取引取込の設定］を開き、"
        "［設定を解除する］をクリックします。解除が確認できしだい、お手続きは自動で進みます。"
    ),
    Stage.SET_UP: (
        "「サービス契約ID（お客様番号）」のお知らせメールをお送りしました。"
        "メールの手順に沿って、この事業所データ用の弥生ID で設定を進めてください。"
    ),
    Stage.RELINK: "連携していたサービスを、新しいサービス契約ID（お客様番号）で改めて連携してください。",
}
_RELEASING = "会計事務所との共有を、弥生で解除しています。お待ちください。"
_ENDED = {
    Outcome.COMPLETED: "お手続きはすべて完了しました。",
    Outcome.INCOMPLETE: "お手続きは終了しましたが、次の項目が残っています。お知らせメールの手順で設定してください。",
    Outcome.REJECTED: "お手続きを進めることができませんでした。理由を確認のうえ、改めてお申し込みください。",
    Outcome.WITHDRAWN: "お申し込みは取り下げられました。改めてお申し込みいただくことができます。",
    Outcome.CANCELLED: "お申し込みは取り消されました。改めてお申し込みいただくことができます。",
    Outcome.TERMINATED: "お手続きを終了しました。詳しくはカスタマーセンターへお問い合わせください。",
    Outcome.EXPIRED: "期限までに確認できなかったため、お手続きを終了しました。改めてお申し込みください。",
}
_STAGE_NAMES = {
    Stage.CHECK: "内容の確認中",
    Stage.CORRECTION: "訂正待ち",
    Stage.FREEZE: "準備中",
    Stage.REMEMBER_LINKS: "準備中",
    Stage.SHARING: "共有の解除待ち",
    Stage.ISSUE: "サービス契約ID の発行中",
    Stage.ATTACH: "会計連携の設定中",
    Stage.NOTIFY: "お知らせメールの送信中",
    Stage.THAW: "お知らせメールの送信中",
    Stage.SET_UP: "お客様の設定待ち",
    Stage.RELINK: "再連携待ち",
}
_APPLICANTS = {Stage.CORRECTION, Stage.SHARING, Stage.SET_UP, Stage.RELINK}
"""Stages in which something is asked of the applicant, whoever else looks at the case meanwhile."""
_AFTER_FREEZE = {Stage.SET_UP, Stage.RELINK, Stage.CLOSED}
_KEEP_CONTRACT_ID = {Outcome.COMPLETED, Outcome.INCOMPLETE}


@dataclass(frozen=True)
class OfficeView:
    """One office on the case page."""

    name: str
    yayoi_id: str
    stage: str
    asked: str
    yours: bool
    """It is the applicant's turn."""
    until: date | None = None
    points: tuple[str, ...] = ()
    contract_id: str | None = None
    keep_still: bool = False
    """Smart import of this office must not be used now (Y12)."""


def office_view(pair: ApplicationOfficeRow, progress: OfficeProgress | None, procedure: Procedure) -> OfficeView:
    """Tell what the procedure says; without it, what the records say."""
    if progress is None:
        return _from_records(pair, procedure)
    outcome = progress.outcome
    if outcome is not None and progress.stage is Stage.CLOSED:
        return _ended(pair, outcome, progress.open_points, progress.contract_id)
    yours = progress.stage in _APPLICANTS and progress.waiting_for is not WaitingFor.SYSTEM
    releasing = progress.stage is Stage.SHARING and not yours
    return OfficeView(
        name=pair.office_name,
        yayoi_id=pair.yayoi_id,
        stage=_STAGE_NAMES.get(progress.stage, progress.stage),
        asked=_RELEASING if releasing else _ASKED.get(progress.stage, _BEFORE_NOTICE),
        yours=yours,
        until=progress.waits_until if yours else None,
        points=progress.open_points,
        contract_id=progress.contract_id if progress.stage in {Stage.SET_UP, Stage.RELINK} else None,
        keep_still=procedure.linked and progress.stage not in _AFTER_FREEZE,
    )


def _from_records(pair: ApplicationOfficeRow, procedure: Procedure) -> OfficeView:
    if pair.closed_at is not None:
        return _ended(pair, Outcome(pair.outcome or Outcome.COMPLETED), tuple(pair.open_points or ()), None)
    return OfficeView(
        name=pair.office_name,
        yayoi_id=pair.yayoi_id,
        stage="受付済み",
        asked="お申し込みは確かに受け付けています。",
        yours=False,
        keep_still=procedure.linked,
    )


def _ended(
    pair: ApplicationOfficeRow, outcome: Outcome, points: tuple[str, ...], contract_id: str | None
) -> OfficeView:
    stage = "完了" if outcome is Outcome.COMPLETED else "終了"
    return OfficeView(
        name=pair.office_name,
        yayoi_id=pair.yayoi_id,
        stage=stage,
        asked=_ENDED[outcome],
        yours=False,
        points=points,
        contract_id=contract_id if outcome in _KEEP_CONTRACT_ID else None,
    )
