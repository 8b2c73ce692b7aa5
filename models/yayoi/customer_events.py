"""What customers do on the pages of their case: brought to the procedure as events, like what other systems report.

Only our own pages send them, where a signed link has shown which pair they speak for; `POST /api/events` takes none.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from models.common.message import FromOutside
from models.yayoi.events import Event
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken, YayoiId

CUSTOMER_PAGES = "customer-pages"
"""What every event from our own pages names as its source."""


class _CustomerEvent(FromOutside):
    """`event_id` is the form's, so that a double click is one event."""

    event_id: UUID
    source: Literal["customer-pages"] = "customer-pages"
    application_no: ApplicationNo
    office_no: int


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


CustomerEvent = PairCorrected | SharingReleaseClaimed | SharingReleaseConsented | Withdrawn
AnyEvent = Annotated[
    Event | PairCorrected | SharingReleaseClaimed | SharingReleaseConsented | Withdrawn, Field(discriminator="kind")
]
"""Everything that is stored as an event and delivered to a procedure."""
