"""STEP6, then: the product (network products) and the owned product, with the number and STEP5's password (Y20)."""

from dataclasses import dataclass
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import Response

from models.tables import SupportPasswordRow
from models.yayoi.customer_events import CUSTOMER_PAGES
from models.yayoi.events import OwnedProductRegisteredEvent, ProductRegisteredEvent
from models.yayoi.identifiers import ContractId
from models.yayoi.procedures import SetUpStep
from models.yayoi.store.event_cases import EXISTING_CONTRACT
from web.common.auth import Limit
from web.common.page_form import PageForm, sent_values
from web.common.submission_ids import event_id_of
from web.yayoi.customer.business_group import NO_CASE
from web.yayoi.customer.parts import Parts
from web.yayoi.customer.set_up import Place, after, cannot, place_of

LABELS = {"contract_id": "お客様番号", "password": "パスワード"}
NOT_YOURS = (
    "ログイン中の弥生ID 宛てのお知らせメールに記載された番号ではありません。"
    "番号を確認するか、その番号の弥生ID でログインし直してください。"
)
TRY_AGAIN = (
    "パスワードが違います。弥生ID のパスワードではなく、"
    "STEP5 で設定したサポート・サービスのパスワードを入力してください。大文字と小文字は区別されます。"
)


@dataclass(frozen=True)
class _Registration:
    step: SetUpStep
    title: str
    button: str
    lead: str

    def event(self, **facts: object) -> ProductRegisteredEvent | OwnedProductRegisteredEvent:
        if self.step is SetUpStep.PRODUCT:
            return ProductRegisteredEvent.model_validate({"kind": "product_registered", **facts})
        return OwnedProductRegisteredEvent.model_validate({"kind": "owned_product_registered", **facts})


_PRODUCT = _Registration(
    SetUpStep.PRODUCT,
    "STEP6 製品の登録",
    "認証する",
    "「弥生会計 ネットワーク」「弥生販売 ネットワーク」製品を登録します。それ以外の製品は、この登録は不要です。",
)
_OWNED = _Registration(
    SetUpStep.OWNED_PRODUCT,
    "STEP6 保有製品の登録",
    "保有製品を登録する",
    "この弥生ID の保有製品として登録します。STEP6 の最後の手続きです。",
)


def product_pages(parts: Parts) -> APIRouter:
    """Return both pages: they ask for the same and differ in the step they record."""
    router = parts.router()
    for path, registration in (("/products/register", _PRODUCT), ("/products/owned", _OWNED)):
        _add(router, parts, path, registration)
    return router


def _add(router: APIRouter, parts: Parts, path: str, registration: _Registration) -> None:
    def show(request: Request, place: Place, form: PageForm) -> Response:
        facts = {"visitor": place.visitor, "standing": place.standing, "page": form, "event_id": uuid4()}
        return parts.show(request, "yayoi/product.html", {**facts, "registration": registration, "path": path})

    @router.get(path)
    async def form(request: Request) -> Response:
        place = await place_of(parts, request)
        if refusal := _refuse(registration, place):
            return cannot(parts, request, place, registration.title, refusal)
        return show(request, place, PageForm(LABELS))

    @router.post(path)
    async def register(request: Request) -> Response:
        place = await place_of(parts, request)
        if refusal := _refuse(registration, place):
            return cannot(parts, request, place, registration.title, refusal)
        sent = await request.form()
        form = PageForm(LABELS, sent_values(sent, "contract_id"))
        if errors := await _errors(parts, place, form.value("contract_id"), str(sent.get("password", ""))):
            return show(request, place, form.refused(errors))
        event = registration.event(
            event_id=event_id_of(sent),
            source=CUSTOMER_PAGES,
            contract_id=form.value("contract_id"),
            yayoi_id=place.visitor.yayoi_id,
        )
        reported = await parts.report(event)
        if reported.refusal:
            return show(request, place, form.refused({"": reported.refusal}))
        return after(registration.step, reported)


def _refuse(registration: _Registration, place: Place) -> str | None:
    return place.standing.refuse(registration.step) if place.standing else NO_CASE


async def _errors(parts: Parts, place: Place, typed: str, password: str) -> dict[str, str]:
    """Return what is wrong with number and password; the password is looked at only for the visitor's own number."""
    standing = place.standing
    if not typed.strip() or not password:
        missing = {"contract_id": typed.strip(), "password": password}
        return {name: "入力してください。" for name, value in missing.items() if not value}
    try:
        contract_id = ContractId(typed)
    except ValueError as refused:
        return {"contract_id": str(refused)}
    if standing is None or contract_id != standing.contract_id:
        own = standing is not None and contract_id == standing.existing_contract_id
        return {"contract_id": EXISTING_CONTRACT if own else NOT_YOURS}
    await parts.auth.limit(Limit.SUPPORT_PASSWORD, contract_id)
    async with parts.sessions() as session:
        row = await session.get(SupportPasswordRow, contract_id)
    right = await parts.auth.hashing.verify(row.password_hash if row else None, password)
    return {} if right else {"password": TRY_AGAIN}
