"""Events that other systems report (`POST /api/events`): one shape per kind, found by what that system has."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from models.common.message import FromOutside
from models.common.names import Name
from models.common.typed_days import TypedDay
from models.yayoi.business_groups import GroupDetails
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId
from models.yayoi.service_links import LinkKind


class _Event(FromOutside):
    event_id: UUID = Field(description="送信側が付ける番号。同じ番号の再送は同じ出来事として扱う")


class SharingReleasedEvent(_Event):
    """会計事務所との共有が解除された (Y13)."""

    kind: Literal["sharing_released"]
    office_token: OfficeToken


class SupportPasswordSetEvent(_Event):
    """STEP5: both must be those of one and the same notice (Y19)."""

    kind: Literal["support_password_set"]
    contract_id: ContractId
    yayoi_id: YayoiId


class BusinessGroupCreatedEvent(_Event):
    """STEP6: the pair's own Yayoi ID has created its business group (Y20)."""

    kind: Literal["business_group_created"]
    yayoi_id: YayoiId
    group_name: Name = Field(description="会社・個人事業者名")
    details: GroupDetails | None = Field(default=None, description="事業形態、代表者、登録電話番号")

    @model_serializer(mode="wrap")
    def _as_sent(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit details that were not sent: the digest of the event is that of what was sent."""
        sent: dict[str, Any] = dump(self)
        return sent if self.details else {name: fact for name, fact in sent.items() if name != "details"}


class ProductRegisteredEvent(_Event):
    """STEP6: product registration, network products only (Y20)."""

    kind: Literal["product_registered"]
    contract_id: ContractId
    yayoi_id: YayoiId


class OwnedProductRegisteredEvent(_Event):
    """STEP6: owned-product registration (Y20)."""

    kind: Literal["owned_product_registered"]
    contract_id: ContractId
    yayoi_id: YayoiId


class ServiceRelinkedEvent(_Event):
    """A service was linked again with the new contract ID (Y21)."""

    kind: Literal["service_relinked"]
    contract_id: ContractId
    service_kind: LinkKind
    service: Name = Field(description="サービス名（連携の記録と同じ名前）")
    relinked_on: TypedDay
    asked_from: TypedDay | None = Field(default=None, description="取込開始日（レジの場合は再連携の翌日からで固定）")


Event = Annotated[
    SharingReleasedEvent
    | SupportPasswordSetEvent
    | BusinessGroupCreatedEvent
    | ProductRegisteredEvent
    | OwnedProductRegisteredEvent
    | ServiceRelinkedEvent,
    Field(discriminator="kind"),
]
