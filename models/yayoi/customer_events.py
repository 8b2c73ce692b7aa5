"""What customers do on the pages of their case: delivered to the procedure as events, like what other systems report.

Only our own pages send them, where a signed link has shown which pair they speak for; `POST /api/events` takes none.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from models.common.actors import Actor, ActorKind
from models.common.message import FromOutside
from models.common.names import Line, Name
from models.common.typed_days import TypedDay
from models.yayoi.events import Event
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken, YayoiId
from models.yayoi.service_links import LinkKind

ON_A_PAGE = "お手続きの画面での操作"
"""Who has acted, and why, in the audit trail of what is done on our own pages."""


class _CustomerEvent(FromOutside):
    """`event_id` is the form's, so that a double click is one event."""

    event_id: UUID
    application_no: ApplicationNo
    office_no: int


WithdrawalReason = Annotated[Line, Field(max_length=200)]


class PairCorrected(_CustomerEvent):
    """The applicant has corrected the pair; what is None stays (Y2, Y3, Y5, Y9)."""

    kind: Literal["pair_corrected"] = "pair_corrected"
    yayoi_id: YayoiId | None = None
    office_token: OfficeToken | None = None
    issued_contract_id: ContractId | None = None


class SharingReleaseClaimed(_CustomerEvent):
    """The applicant says that sharing has been released; it is looked up before it counts (Y13)."""

    kind: Literal["sharing_release_claimed"] = "sharing_release_claimed"


class SharingReleaseConsented(_CustomerEvent):
    """The applicant wants the sharing released for them (Y13)."""

    kind: Literal["sharing_release_consented"] = "sharing_release_consented"


class Withdrawn(_CustomerEvent):
    """The applicant withdraws this office's application (Y27)."""

    kind: Literal["withdrawn"] = "withdrawn"
    reason: WithdrawalReason = ""
    """In the applicant's own words, for both: they wrote it themselves."""


class RelinkCorrected(_CustomerEvent):
    """The customer has recorded a re-link with a wrong day, and corrects it (Y21)."""

    kind: Literal["relink_corrected"] = "relink_corrected"
    service_kind: LinkKind
    service: Name
    relinked_on: TypedDay
    asked_from: TypedDay | None = None


OF_CASE_PAGES = ("pair_corrected", "sharing_release_claimed", "sharing_release_consented", "withdrawn")
"""The kinds of these events."""
CustomerEvent = PairCorrected | SharingReleaseClaimed | SharingReleaseConsented | Withdrawn
AnyEvent = Annotated[
    Event | PairCorrected | SharingReleaseClaimed | SharingReleaseConsented | Withdrawn | RelinkCorrected,
    Field(discriminator="kind"),
]
"""Everything that is stored as an event and delivered to a procedure."""

_LABELS = {
    "sharing_released": "会計事務所との共有の解除",
    "support_password_set": "STEP5 サポートサイトのパスワードの設定",
    "business_group_created": "STEP6 事業グループの新規作成",
    "product_registered": "STEP6 製品の登録",
    "owned_product_registered": "STEP6 保有製品の登録",
    "service_relinked": "サービスの再連携",
    "pair_corrected": "弥生ID・事業所トークンの訂正",
    "sharing_release_claimed": "共有を解除したという申し出",
    "sharing_release_consented": "共有の解除を弥生に任せる同意",
    "withdrawn": "申し込みの取り下げ",
    "relink_corrected": "再連携の日の訂正",
}
"""Every kind of `AnyEvent`, as operators read it."""


def event_label(kind: str) -> str:
    """Return what an event of this kind is about."""
    return _LABELS[kind]


def sender_label(sent_by: str) -> str:
    """Return who sent it: another system by its name, or the customer."""
    actor = Actor.recorded(sent_by)
    return f"システム {actor.handle}" if actor.kind == ActorKind.SYSTEM else "お客様の画面"
