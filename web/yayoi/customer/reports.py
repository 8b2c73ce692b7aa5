"""What the customer has done, reported to the procedure of the office."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from models.yayoi.customer_events import RelinkCorrected
from models.yayoi.events import Event
from models.yayoi.identifiers import YayoiId
from models.yayoi.store.event_cases import UnknownCaseError
from models.yayoi.store.events import EventRefusedError, OtherEventError
from web.common.context import given
from web.yayoi.applicant.case_words import for_applicants
from web.yayoi.event_delivery import EventDelivery, EventStatus

SENT_BEFORE = "この画面の内容は、すでに別の内容で送信されています。画面を開き直して、状況を確認してください。"
CASE_ENDED = (
    "この弥生ID のお手続きは終了しているため、この画面では受け付けられません。"
    "元々ご契約のお客様番号をご用意のうえ、お問い合わせ画面からご連絡ください。"
)
Events = Annotated[EventDelivery, Depends(given(EventDelivery))]


@dataclass(frozen=True)
class Reported:
    """Why the procedure refused what was reported, if it did, or whether it has taken effect yet."""

    refusal: str | None = None
    at_once: bool = True


async def report(events: EventDelivery, event: Event | RelinkCorrected, who: YayoiId) -> Reported:
    """Bring what `who` reports to the procedure; a refusal comes back as the text to show."""
    try:
        delivery = await events.take_from(who, event)
    except OtherEventError:
        return Reported(SENT_BEFORE)
    except UnknownCaseError:
        return Reported(CASE_ENDED)
    except EventRefusedError as refused:
        return Reported(for_applicants(str(refused)))
    return Reported(at_once=delivery.status is EventStatus.DELIVERED)
