"""What the procedures need from the vendor's systems, as small protocols.

Postgres is the default (`activities.yayoi.registry.postgres`). To put another system behind one of them, write a class
with the same methods and give it to `workers.wiring` (`docs/replacing-a-system.md`).

What the default does through `transaction.session` commits with the step's ledger row, or not at all. A system behind a
network cannot: if our commit is lost after its yes, or the worker dies, the step is done again. So every method that
changes something has to promise, by `transaction.key` together with the method's name (one step may call two methods):

- **Once, with one result.** The same key and method again changes nothing and returns what it returned first, for as
  long as cases are kept: the accounting offices that sharing ended with, the contract ID that was issued.
- **One at a time.** A second call while the first is still under way waits for it, or fails and is tried again.
- **A refusal is not kept.** What was refused left nothing behind, and may come again under the same key.

A refusal is a final `ApplicationError` in Japanese, which operators read; every other error is tried again. Methods
that only read get an empty key, and may be called at any time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from models.common.store.ledger import StepTransaction
from models.yayoi.business_groups import GroupDetails
from models.yayoi.identifiers import ContractId, OfficeToken, YayoiId
from models.yayoi.messages import IssuedContract
from models.yayoi.service_links import LinkedService, LinkKind


@dataclass(frozen=True)
class ExistingContract:
    """A contract that a customer already has."""

    customer_name: str
    mail_address: str
    product_name: str


@dataclass(frozen=True)
class NewContract:
    """A contract ID as it was issued for a pair (Y15)."""

    contract_id: ContractId
    registered_name: str
    revoked_at: datetime | None


@dataclass(frozen=True)
class EndedSharing:
    """What was shared until a procedure ended it (Y13)."""

    office: OfficeToken
    firm: str
    released_by_system: bool


class YayoiIds(Protocol):
    """弥生ID and business groups (Y2, Y3, Y20)."""

    async def is_registered(self, transaction: StepTransaction, yayoi_id: YayoiId) -> bool: ...

    async def group_of(self, transaction: StepTransaction, yayoi_id: YayoiId) -> str | None:
        """Return the name of the business group the ID is a member of, as administrator or user; None if in none."""

    async def create_group(
        self,
        transaction: StepTransaction,
        yayoi_id: YayoiId,
        name: str,
        details: GroupDetails | None,
        office: OfficeToken | None,
    ) -> None:
        """Create a business group administered by the ID; the office's evidence is kept in it."""


class Offices(Protocol):
    """事業所データ (Y1, Y5)."""

    async def exists(self, transaction: StepTransaction, office: OfficeToken) -> bool: ...

    async def name_of(
        self, transaction: StepTransaction, office: OfficeToken, existing_contract_id: ContractId
    ) -> str | None:
        """Return what the contract's own office is called; None for one that is not its own (Y5)."""

    async def is_managed(self, transaction: StepTransaction, office: OfficeToken) -> bool:
        """Whether the office has its contract ID already and needs nothing new."""


class SmartImport(Protocol):
    """スマート取引取込 (Y12)."""

    async def freeze(self, transaction: StepTransaction, office: OfficeToken) -> None: ...

    async def thaw(self, transaction: StepTransaction, office: OfficeToken) -> None:
        """Let smart import run again if this pair froze it; a freeze of somebody else's stays."""

    async def frozen(self, transaction: StepTransaction) -> Mapping[OfficeToken, str]:
        """Return every office that is frozen now, and the pair that it is frozen for (`YS-000123:1`)."""


class Sharing(Protocol):
    """会計事務所との共有 (Y13)."""

    async def firms(self, transaction: StepTransaction, office: OfficeToken) -> Sequence[str]:
        """Return the accounting offices that smart import is shared with now."""

    async def end(
        self, transaction: StepTransaction, office: OfficeToken, *, released_by_system: bool
    ) -> Sequence[str]:
        """End all sharing and return the accounting offices it was with."""

    async def restore(self, transaction: StepTransaction, office: OfficeToken) -> Sequence[str]:
        """Share again with whom the system released it from for this pair, and return them (Y27)."""

    async def ended(self, transaction: StepTransaction) -> Sequence[EndedSharing]:
        """Return all that was ended for this pair and not restored since, in the order in which it was shared."""


class Links(Protocol):
    """連携 (Y14, Y21)."""

    async def current(self, transaction: StepTransaction, office: OfficeToken) -> Sequence[LinkedService]: ...

    async def lose(self, transaction: StepTransaction, office: OfficeToken) -> Sequence[LinkedService]:
        """End all links and return what they were: the contract ID they were made with is being replaced."""

    async def restore(self, transaction: StepTransaction, office: OfficeToken) -> None:
        """Bring back the links that were lost for this pair; end those made since (Y27)."""

    async def make(
        self, transaction: StepTransaction, office: OfficeToken, kind: LinkKind, service: str, first_covered_on: date
    ) -> None: ...

    async def correct(
        self,
        transaction: StepTransaction,
        office: OfficeToken,
        kind: LinkKind,
        service: str,
        first_covered_on: date | None,
    ) -> None:
        """Have a link that was made cover from another day; None: it was not made."""


class Contracts(Protocol):
    """サービス契約ID (Y15)."""

    async def existing(self, transaction: StepTransaction, contract_id: ContractId) -> ExistingContract | None:
        """Return the contract that a customer already has; None if there is none with this ID."""

    async def issue(
        self,
        transaction: StepTransaction,
        existing_contract_id: ContractId,
        yayoi_id: YayoiId,
        office: OfficeToken | None,
    ) -> IssuedContract:
        """Issue one new contract ID for the pair. Raises `ContractIdPoolExhaustedError`."""

    async def revoke(self, transaction: StepTransaction, office: OfficeToken | None) -> ContractId | None:
        """Revoke the ID that was issued for this pair and return it; it is never issued again (Y15, Y27)."""

    async def issued(self, transaction: StepTransaction) -> Mapping[int, NewContract]:
        """Return every ID that was issued for the application, revoked ones too, by the office's number."""

    async def is_issued_to(
        self,
        transaction: StepTransaction,
        contract_id: ContractId,
        yayoi_id: YayoiId,
        existing_contract_id: ContractId,
    ) -> bool:
        """Whether the ID was issued on this existing contract for this Yayoi ID, and still counts."""

    async def manages_an_office(self, transaction: StepTransaction, contract_id: ContractId) -> bool:
        """Whether an office is managed with the ID already: it takes no second one (Y1)."""

    async def attach(self, transaction: StepTransaction, contract_id: ContractId, office: OfficeToken) -> None:
        """Manage the office with an ID that was issued before (Y9)."""

    async def detach(self, transaction: StepTransaction, office: OfficeToken) -> None:
        """Take that back."""


@dataclass(frozen=True)
class Registry:
    """The vendor's systems, each behind its protocol."""

    yayoi_ids: YayoiIds
    offices: Offices
    smart_import: SmartImport
    sharing: Sharing
    links: Links
    contracts: Contracts
