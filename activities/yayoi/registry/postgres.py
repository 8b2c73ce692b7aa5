"""The registry in our own Postgres: the default for every protocol of `activities.yayoi.registry.protocols`."""

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import insert
from temporalio.exceptions import ApplicationError

from activities.yayoi.contract_ids import ContractIdPool
from activities.yayoi.registry.protocols import EndedSharing, ExistingContract, NewContract, Registry
from models.common.store.ledger import StepTransaction
from models.tables import (
    BusinessGroupDetailsRow,
    BusinessGroupRow,
    ExistingContractRow,
    GroupMemberRow,
    IssuedContractRow,
    OfficeRow,
    ServiceLinkRow,
    SharingRow,
    YayoiIdRow,
)
from models.yayoi.business_groups import GroupDetails
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId
from models.yayoi.messages import IssuedContract
from models.yayoi.service_links import LinkedService, LinkKind
from models.yayoi.store.case_records import sharing_firms
from models.yayoi.store.credentials import is_registered
from models.yayoi.store.pair_status import group_of
from models.yayoi.store.smart_import import PostgresSmartImport


class PostgresYayoiIds:
    """弥生ID and business groups (Y2, Y3, Y20)."""

    async def is_registered(self, transaction: StepTransaction, yayoi_id: YayoiId) -> bool:
        return await is_registered(transaction.session, yayoi_id)

    async def group_of(self, transaction: StepTransaction, yayoi_id: YayoiId) -> str | None:
        return await group_of(transaction.session, yayoi_id)

    async def create_group(
        self,
        transaction: StepTransaction,
        yayoi_id: YayoiId,
        name: str,
        details: GroupDetails | None,
        office: OfficeToken | None,
    ) -> None:
        if not await self.is_registered(transaction, yayoi_id):
            raise ApplicationError(
                "この弥生ID は登録されていません。STEP2 の登録が必要です。", type="NotRegistered", non_retryable=True
            )
        group = BusinessGroupRow(name=name)
        transaction.session.add(group)
        await transaction.session.flush()
        joined = await transaction.session.scalar(
            insert(GroupMemberRow)
            .values(person_id=YayoiIdRow.id_of(yayoi_id), group_id=group.group_id, administrator=True)
            .on_conflict_do_nothing()
            .returning(GroupMemberRow.person_id)
        )
        if joined is None:
            raise ApplicationError(
                "この弥生ID はすでに別の事業グループに参加しています。", type="AlreadyInGroup", non_retryable=True
            )
        if details:
            transaction.session.add(BusinessGroupDetailsRow(group_id=group.group_id, **details.model_dump()))
        # 会計連携の追加 may have put the ID's office under its contract ID before it had a group (Y9).
        managed = select(IssuedContractRow.contract_id).where(
            IssuedContractRow.yayoi_id == yayoi_id, IssuedContractRow.revoked_at.is_(None)
        )
        own = OfficeRow.office_token == office if office else OfficeRow.contract_id.in_(managed)
        await transaction.session.execute(update(OfficeRow).where(own).values(group_id=group.group_id))


class PostgresOffices:
    """事業所データ (Y1, Y5)."""

    async def exists(self, transaction: StepTransaction, office: OfficeToken) -> bool:
        return await transaction.session.get(OfficeRow, office) is not None

    async def name_of(
        self, transaction: StepTransaction, office: OfficeToken, existing_contract_id: ContractId
    ) -> str | None:
        row = await transaction.session.get(OfficeRow, office)
        return row.name if row is not None and row.existing_contract_id == existing_contract_id else None

    async def is_managed(self, transaction: StepTransaction, office: OfficeToken) -> bool:
        row = await transaction.session.get(OfficeRow, office)
        return row is not None and row.contract_id is not None


class PostgresSharing:
    """会計事務所との共有 (Y13, Y27)."""

    async def firms(self, transaction: StepTransaction, office: OfficeToken) -> Sequence[str]:
        return await sharing_firms(transaction.session, office)

    async def end(
        self, transaction: StepTransaction, office: OfficeToken, *, released_by_system: bool
    ) -> Sequence[str]:
        ended = await transaction.session.scalars(
            update(SharingRow)
            .where(SharingRow.office_token == office, SharingRow.ended_at.is_(None))
            .values(ended_at=transaction.at, ended_for=transaction.pair, released_by_system=released_by_system)
            .returning(SharingRow.firm)
        )
        return ended.all()

    async def restore(self, transaction: StepTransaction, office: OfficeToken) -> Sequence[str]:
        # With whom the customer shares again already, nothing is left to restore.
        shared = await self.firms(transaction, office)
        restored = await transaction.session.scalars(
            update(SharingRow)
            .where(
                SharingRow.office_token == office,
                SharingRow.ended_for == transaction.pair,
                SharingRow.released_by_system,
                SharingRow.firm.not_in(shared),
            )
            .values(ended_at=None, ended_for=None, released_by_system=False)
            .returning(SharingRow.firm)
        )
        return restored.all()

    async def ended(self, transaction: StepTransaction) -> Sequence[EndedSharing]:
        rows = await transaction.session.scalars(
            select(SharingRow).where(SharingRow.ended_for == transaction.pair).order_by(SharingRow.sharing_id)
        )
        return [EndedSharing(OfficeToken(row.office_token), row.firm, row.released_by_system) for row in rows]


class PostgresLinks:
    """連携 (Y14, Y21, Y27)."""

    async def current(self, transaction: StepTransaction, office: OfficeToken) -> Sequence[LinkedService]:
        rows = await transaction.session.scalars(
            select(ServiceLinkRow)
            .where(ServiceLinkRow.office_token == office, ServiceLinkRow.lost_at.is_(None))
            .order_by(ServiceLinkRow.link_id)
        )
        return [LinkedService(LinkKind(row.kind), row.service, row.last_imported_on) for row in rows]

    async def lose(self, transaction: StepTransaction, office: OfficeToken) -> Sequence[LinkedService]:
        links = await self.current(transaction, office)
        await transaction.session.execute(
            update(ServiceLinkRow)
            .where(ServiceLinkRow.office_token == office, ServiceLinkRow.lost_at.is_(None))
            .values(lost_at=transaction.at, lost_for=transaction.pair)
        )
        return links

    async def restore(self, transaction: StepTransaction, office: OfficeToken) -> None:
        lost_for_this = (ServiceLinkRow.office_token == office) & (ServiceLinkRow.lost_for == transaction.pair)
        if await transaction.session.scalar(select(ServiceLinkRow.link_id).where(lost_for_this).limit(1)) is None:
            return
        await transaction.session.execute(
            update(ServiceLinkRow)
            .where(ServiceLinkRow.office_token == office, ServiceLinkRow.lost_at.is_(None))
            .values(lost_at=transaction.at)
        )
        await transaction.session.execute(
            update(ServiceLinkRow).where(lost_for_this).values(lost_at=None, lost_for=None)
        )

    async def make(
        self, transaction: StepTransaction, office: OfficeToken, kind: LinkKind, service: str, first_covered_on: date
    ) -> None:
        # Settings such as 口座連携の設定 start empty: the customer enters them again (Y21).
        transaction.session.add(
            ServiceLinkRow(
                office_token=office, kind=kind, service=service, first_covered_on=first_covered_on, settings={}
            )
        )
        await transaction.session.flush()

    async def correct(
        self,
        transaction: StepTransaction,
        office: OfficeToken,
        kind: LinkKind,
        service: str,
        first_covered_on: date | None,
    ) -> None:
        corrected = {"first_covered_on": first_covered_on} if first_covered_on else {"lost_at": transaction.at}
        await transaction.session.execute(
            update(ServiceLinkRow)
            .where(
                ServiceLinkRow.office_token == office,
                ServiceLinkRow.kind == kind,
                ServiceLinkRow.service == service,
                ServiceLinkRow.lost_at.is_(None),
            )
            .values(**corrected)
        )


class PostgresContracts:
    """サービス契約ID (Y15)."""

    def __init__(self, pool: ContractIdPool) -> None:
        self._pool = pool

    async def existing(self, transaction: StepTransaction, contract_id: ContractId) -> ExistingContract | None:
        row = await transaction.session.get(ExistingContractRow, contract_id)
        return ExistingContract(row.customer_name, row.mail_address, row.product_name) if row else None

    async def issue(
        self,
        transaction: StepTransaction,
        existing_contract_id: ContractId,
        yayoi_id: YayoiId,
        office: OfficeToken | None,
    ) -> IssuedContract:
        # The lock on the contract's row makes the number unique, the one on the pool makes the ID unique (Y15).
        contract = await transaction.session.get_one(ExistingContractRow, existing_contract_id, with_for_update=True)
        contract.issued_count += 1
        number = contract.issued_count
        contract_id = await self._pool.take(transaction.session)
        transaction.session.add(
            IssuedContractRow(
                contract_id=contract_id,
                existing_contract_id=existing_contract_id,
                number=number,
                registered_name=f"{contract.customer_name} - {number} ({existing_contract_id})",
                application_no=transaction.case_no,
                office_no=transaction.part,
                yayoi_id=yayoi_id,
                issued_at=transaction.at,
            )
        )
        if office:
            (await transaction.session.get_one(OfficeRow, office)).contract_id = contract_id
        return IssuedContract(contract_id=contract_id, number=number)

    async def revoke(self, transaction: StepTransaction, office: OfficeToken | None) -> ContractId | None:
        revoked = await transaction.session.scalar(
            update(IssuedContractRow)
            .where(
                IssuedContractRow.application_no == transaction.case_no,
                IssuedContractRow.office_no == transaction.part,
                IssuedContractRow.revoked_at.is_(None),
            )
            .values(revoked_at=transaction.at)
            .returning(IssuedContractRow.contract_id)
        )
        if office:
            await self.detach(transaction, office)
        if revoked:  # 会計連携の追加 may have put an office under it since (Y9)
            managed = update(OfficeRow).where(OfficeRow.contract_id == revoked)
            await transaction.session.execute(managed.values(contract_id=None, group_id=None))
        return ContractId(revoked) if revoked else None

    async def issued(self, transaction: StepTransaction) -> Mapping[int, NewContract]:
        rows = await transaction.session.scalars(
            select(IssuedContractRow).where(IssuedContractRow.application_no == transaction.case_no)
        )
        return {
            row.office_no: NewContract(ContractId(row.contract_id), row.registered_name, row.revoked_at) for row in rows
        }

    async def is_issued_to(
        self,
        transaction: StepTransaction,
        contract_id: ContractId,
        yayoi_id: YayoiId,
        existing_contract_id: ContractId,
    ) -> bool:
        row = await transaction.session.get(IssuedContractRow, contract_id)
        return (
            row is not None
            and (row.yayoi_id, row.existing_contract_id) == (yayoi_id, existing_contract_id)
            and row.revoked_at is None
        )

    async def manages_an_office(self, transaction: StepTransaction, contract_id: ContractId) -> bool:
        return bool(await transaction.session.scalar(select(exists().where(OfficeRow.contract_id == contract_id))))

    async def attach(self, transaction: StepTransaction, contract_id: ContractId, office: OfficeToken) -> None:
        row = await transaction.session.get_one(OfficeRow, office)
        row.contract_id = contract_id
        # Its evidence is kept in the group that the ID's own STEP6 has made, if that is done already.
        row.group_id = await transaction.session.scalar(
            select(GroupMemberRow.group_id)
            .join(YayoiIdRow, YayoiIdRow.person_id == GroupMemberRow.person_id)
            .join(IssuedContractRow, IssuedContractRow.yayoi_id == YayoiIdRow.yayoi_id)
            .where(IssuedContractRow.contract_id == contract_id, GroupMemberRow.administrator)
        )

    async def detach(self, transaction: StepTransaction, office: OfficeToken) -> None:
        row = await transaction.session.get_one(OfficeRow, office)
        row.contract_id, row.group_id = None, None


def postgres_registry(pool: ContractIdPool) -> Registry:
    """Return every protocol backed by Postgres."""
    return Registry(
        yayoi_ids=PostgresYayoiIds(),
        offices=PostgresOffices(),
        smart_import=PostgresSmartImport(),
        sharing=PostgresSharing(),
        links=PostgresLinks(),
        contracts=PostgresContracts(pool),
    )
