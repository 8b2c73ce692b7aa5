"""Which case an event is about, found by what the reporting system knows (Y19, Y20, Y25)."""

from sqlalchemy import ColumnElement, select

from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationOfficeRow, ExistingContractRow, IssuedContractRow, SharingRow
from models.yayoi.customer_events import (
    AnyEvent,
    PairCorrected,
    RelinkCorrected,
    SharingReleaseClaimed,
    SharingReleaseConsented,
    Withdrawn,
)
from models.yayoi.events import BusinessGroupCreatedEvent, ServiceRelinkedEvent, SharingReleasedEvent
from models.yayoi.identifiers import ContractId, YayoiId
from models.yayoi.messages import KEPT
from models.yayoi.store.after_closing import goes_on, is_after_closing

NO_CASE = "手続き中のお申し込みが見つかりません。番号や弥生ID を確認してください。"
EXISTING_CONTRACT = (
    "新しく発行したサービス契約ID（お客様番号）を入力してください。"
    "元々ご契約のサービス契約ID（お客様番号）では手続きできません。"
)
"""Y20."""
NOT_ONE_NOTICE = (
    "サービス契約ID（お客様番号）と弥生ID（メールアドレス）の組み合わせが違います。"
    "同じお知らせメールに記載された組み合わせで手続きしてください。"
)
"""Y19."""


STILL_SHARED = (
    "会計事務所との共有は、まだ解除されていません。解除の操作をもう一度確認してください。"
    "解除した直後は、反映に時間がかかることがあります。しばらくしてから、もう一度「解除しました」を押してください。"
)
"""Y13: a claim alone ends no sharing."""
ENDED = "この事業所データのお手続きはすでに終了しています。"


class UnknownCaseError(Exception):
    """No open case fits."""


class CaseRefusedError(Exception):
    """What was reported does not fit together."""


async def find_case(session: DatabaseSession, event: AnyEvent) -> tuple[str, int]:
    """Return application number and office number. Raises `UnknownCaseError` and `CaseRefusedError`."""
    match event:
        case PairCorrected() | SharingReleaseClaimed() | SharingReleaseConsented() | Withdrawn():
            pair = await session.get(ApplicationOfficeRow, (event.application_no, event.office_no))
            if pair is None or pair.closed_at is not None:
                raise CaseRefusedError(ENDED)
            if isinstance(event, SharingReleaseClaimed) and pair.holds_token and await _is_shared(session, pair):
                raise CaseRefusedError(STILL_SHARED)
            return event.application_no, event.office_no
        case RelinkCorrected():
            pair = await session.get(ApplicationOfficeRow, (event.application_no, event.office_no))
            if pair is None or (pair.closed_at is not None and pair.outcome not in KEPT):
                raise CaseRefusedError(ENDED)
            return event.application_no, event.office_no
        case SharingReleasedEvent():
            held = ApplicationOfficeRow.holds_token & (ApplicationOfficeRow.office_token == event.office_token)
            return await _pair(session, held)
        case BusinessGroupCreatedEvent():
            its_own = ApplicationOfficeRow.holds_id | is_after_closing()
            named = ApplicationOfficeRow.yayoi_id == event.yayoi_id
            return await _pair(session, its_own & named, ApplicationOfficeRow.issued_contract_id.is_(None))
        case ServiceRelinkedEvent():
            return await _pair_of_contract(session, event.contract_id, None)
        case _:
            return await _pair_of_contract(session, event.contract_id, event.yayoi_id)


async def _pair_of_contract(
    session: DatabaseSession, contract_id: ContractId, yayoi_id: YayoiId | None
) -> tuple[str, int]:
    issued = await session.get(IssuedContractRow, contract_id)
    if issued is None:
        if await session.get(ExistingContractRow, contract_id):
            raise CaseRefusedError(EXISTING_CONTRACT)
        raise UnknownCaseError(NO_CASE)
    if yayoi_id is not None and issued.yayoi_id != yayoi_id:
        raise CaseRefusedError(NOT_ONE_NOTICE)
    first = (ApplicationOfficeRow.application_no == issued.application_no) & (
        ApplicationOfficeRow.office_no == issued.office_no
    )
    # 会計連携の追加 is an application of its own for the same ID (Y9): it has the links, the first has STEP5 and STEP6.
    its_own = ApplicationOfficeRow.holds_id | is_after_closing()
    addition = its_own & (ApplicationOfficeRow.issued_contract_id == contract_id)
    prefer_first = ApplicationOfficeRow.issued_contract_id.is_not(None)
    order = prefer_first if yayoi_id else ~prefer_first
    return await _pair(session, goes_on(), first | addition, order=order)


async def _is_shared(session: DatabaseSession, pair: ApplicationOfficeRow) -> bool:
    """Whether smart import of the pair's office is shared now (Y13)."""
    shared = select(SharingRow.sharing_id).filter_by(office_token=pair.office_token, ended_at=None)
    return await session.scalar(shared.limit(1)) is not None


async def _pair(
    session: DatabaseSession, *which: ColumnElement[bool], order: ColumnElement[bool] | None = None
) -> tuple[str, int]:
    pair = await session.scalar(select(ApplicationOfficeRow).where(*which).order_by(order).limit(1))
    if pair is None:
        raise UnknownCaseError(NO_CASE)
    return pair.application_no, pair.office_no
