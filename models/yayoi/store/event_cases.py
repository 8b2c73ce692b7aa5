"""Which case an event is about, found by what the reporting system knows (Y19, Y20, Y25)."""

from sqlalchemy import ColumnElement, select

from models.common.store.sessions import DatabaseSession
from models.tables import ApplicationOfficeRow, ExistingContractRow, IssuedContractRow, SharingRow
from models.yayoi.customer_events import (
    AnyEvent,
    PairCorrected,
    SharingReleaseClaimed,
    SharingReleaseConsented,
    Withdrawn,
)
from models.yayoi.events import BusinessGroupCreatedEvent, ServiceRelinkedEvent, SharingReleasedEvent
from models.yayoi.identifiers import ContractId, YayoiId
from models.yayoi.store.after_closing import goes_on

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
            if isinstance(event, SharingReleaseClaimed) and await _is_shared(session, pair.office_token):
                raise CaseRefusedError(STILL_SHARED)
            return event.application_no, event.office_no
        case SharingReleasedEvent():
            is_open = ApplicationOfficeRow.closed_at.is_(None)
            return await _pair(session, is_open, ApplicationOfficeRow.office_token == event.office_token)
        case BusinessGroupCreatedEvent():
            return await _pair(session, goes_on(), ApplicationOfficeRow.yayoi_id == event.yayoi_id)
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
    # 会計連携の追加 is an application of its own for the same ID (Y9).
    return await _pair(session, goes_on(), first | (ApplicationOfficeRow.issued_contract_id == contract_id))


async def _is_shared(session: DatabaseSession, office_token: str | None) -> bool:
    """Whether smart import of the office is shared now (Y13)."""
    shared = select(SharingRow.sharing_id).where(SharingRow.office_token == office_token, SharingRow.ended_at.is_(None))
    return await session.scalar(shared.limit(1)) is not None


async def _pair(session: DatabaseSession, *which: ColumnElement[bool]) -> tuple[str, int]:
    pair = await session.scalar(select(ApplicationOfficeRow).where(*which))
    if pair is None:
        raise UnknownCaseError(NO_CASE)
    return pair.application_no, pair.office_no
