"""STEP6, then: the product (network products) and the owned product, with the number and STEP5's password (Y20)."""

from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Request
from fastapi.responses import Response

from models.yayoi.events import OwnedProductRegisteredEvent, ProductRegisteredEvent
from models.yayoi.identifiers import ContractId
from models.yayoi.procedures import SetUpStep
from models.yayoi.store.support_passwords import SupportPasswords
from web.common.auth import page_router
from web.common.context import given
from web.common.page_form import sent_values
from web.common.sent_forms import FormRefusedError, Kept
from web.common.submission_ids import event_id_of
from web.yayoi.customer.pair_page import NO_CASE, STEP_PATHS, OwnPair, PairPage
from web.yayoi.customer.reports import Events, report
from web.yayoi.customer.set_up import lead_on
from web.yayoi.limits import YayoiGuess

LABELS = {"contract_id": "お客様番号", "password": "パスワード"}
TRY_AGAIN = (
    "パスワードが違います。弥生ID のパスワードではなく、"
    "STEP5 で設定したサポート・サービスのパスワードを入力してください。大文字と小文字は区別されます。"
)
router = page_router()


@dataclass(frozen=True)
class ProductRegistration:
    """One of both pages: they ask for the same and differ in the step that they report."""

    step: SetUpStep
    title: str
    button: str
    lead: str
    help: str | None = None
    """The vendor's page about it, by its name in the settings."""

    def event(self, **facts: object) -> ProductRegisteredEvent | OwnedProductRegisteredEvent:
        if self.step is SetUpStep.PRODUCT:
            return ProductRegisteredEvent.model_validate({"kind": "product_registered", **facts})
        return OwnedProductRegisteredEvent.model_validate({"kind": "owned_product_registered", **facts})


_PRODUCT = ProductRegistration(
    SetUpStep.PRODUCT,
    "STEP6 製品の登録",
    "認証する",
    "「弥生会計 ネットワーク」「弥生販売 ネットワーク」製品を登録します。それ以外の製品は、この登録は不要です。",
    help="product_registration",
)
_OWNED = ProductRegistration(
    SetUpStep.OWNED_PRODUCT,
    "STEP6 保有製品の登録",
    "保有製品を登録する",
    "この弥生ID の保有製品として登録します。STEP6 の最後の手続きです。",
)
_REGISTRATIONS = {STEP_PATHS[registration.step]: registration for registration in (_PRODUCT, _OWNED)}


def _registration(request: Request) -> ProductRegistration:
    return _REGISTRATIONS[request.url.path]


OfPath = Annotated[ProductRegistration, Depends(_registration)]


@router.get("/products/register")
@router.get("/products/owned")
async def form(page: OwnPair, registration: OfPath, kept: Kept) -> Response:
    if refusal := page.refusal(registration.step):
        return page.refuse(registration.title, refusal)
    facts = {"page": kept.page(LABELS), "event_id": uuid4(), "registration": registration}
    return page.show("yayoi/product.html", facts | {"path": STEP_PATHS[registration.step]})


@router.post("/products/register")
@router.post("/products/owned")
async def register(
    page: OwnPair,
    registration: OfPath,
    passwords: Annotated[SupportPasswords, Depends(given(SupportPasswords))],
    events: Events,
) -> Response:
    if refusal := page.refusal(registration.step):
        raise FormRefusedError({"": refusal})  # its page says so too
    sent = await page.request.form()
    typed = sent_values(sent, *LABELS)
    await _check(page, passwords, typed["contract_id"], typed["password"])
    event = registration.event(event_id=event_id_of(sent), contract_id=typed["contract_id"], yayoi_id=page.who)
    reported = await report(events, event, page.who)
    if reported.refusal:
        raise FormRefusedError({"": reported.refusal})
    return lead_on(registration.step, reported)


async def _check(page: PairPage, passwords: SupportPasswords, typed: str, password: str) -> None:
    """Refuse what is wrong with number and password; the password is looked at only for the visitor's own number."""
    errors = {} if password else {"password": "入力してください。"}
    try:
        contract_id = ContractId(typed)
    except ValueError as refused:
        errors["contract_id"] = str(refused) if typed.strip() else "入力してください。"
        raise FormRefusedError(errors) from None
    if refusal := page.pair.refuse_number(contract_id) if page.pair else NO_CASE:
        errors["contract_id"] = refusal
    if errors:
        raise FormRefusedError(errors)
    async with page.context.auth.guessing(page.request, YayoiGuess.PRODUCT_PASSWORD, contract_id, signed_in=page.who):
        if not await passwords.is_right(contract_id, password):
            raise FormRefusedError({"password": TRY_AGAIN})
