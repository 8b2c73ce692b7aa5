"""What the customer does on pages: register a Yayoi ID (STEP2), STEP5, STEP6 and the re-link."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus

from models.common.calendar import day_in_japan
from models.yayoi.address_checks import CheckPurpose
from workers.demo.run import DemoRun
from workers.stack.inbox import text_of

PASSWORD, SUPPORT_PASSWORD = "Kaikei-2026!", "soudan24"
PERSON = {"family_name": "弥生", "given_name": "太郎"}


@dataclass(frozen=True)
class Bearer:
    """A Yayoi ID, the contract ID that was issued for it, and the one that the customer had before."""

    yayoi_id: str
    contract_id: str
    existing_contract_id: str


async def register_yayoi_id(run: DemoRun, yayoi_id: str) -> None:
    """STEP2 (Y26): the form, the mailed code, done."""
    customer = run.browser()
    await customer.open("/register")
    await customer.send(
        PERSON
        | {
            "yayoi_id": yayoi_id,
            "yayoi_id_confirmation": yayoi_id,
            "password": PASSWORD,
            "password_confirmation": PASSWORD,
            "terms": "true",
        }
    )
    [mail] = await run.mails((yayoi_id, CheckPurpose.REGISTRATION.mail_subject))
    [code] = re.findall(r"\b\d{6}\b", text_of(mail))
    await customer.send({"code": code})
    run.expect("the Yayoi ID is registered", "弥生ID の登録が完了しました" in customer.text, True)


async def set_up_and_relink(run: DemoRun, bearer: Bearer, group: str, services: Mapping[str, date]) -> None:
    """STEP5 and STEP6 (Y19, Y20), then every service linked again from the day given (Y21)."""
    customer = run.browser()
    await customer.open("/support-password")
    typed = {"phone": "", "yayoi_id": bearer.yayoi_id}
    await customer.send(typed | {"contract_id": bearer.existing_contract_id}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    run.expect("STEP5 with the existing contract ID is refused", "新しく発行した" in customer.text, True)
    await customer.send(typed | {"contract_id": bearer.contract_id})
    await customer.send({"password": SUPPORT_PASSWORD, "password_again": SUPPORT_PASSWORD, "new_mail": ""})
    run.expect("STEP5: the support password is set", "パスワードを設定しました" in customer.text, True)

    await customer.open("/group")
    await customer.send({"yayoi_id": bearer.yayoi_id, "password": PASSWORD})
    await customer.send(
        {f"details.{name}": value for name, value in PERSON.items()}
        | {
            "details.business_form": "sole_proprietor",
            "details.family_name_kana": "ヤヨイ",
            "details.given_name_kana": "タロウ",
            "details.phone": "03-1234-5678",
            "group_name": group,
        }
    )
    run.expect("STEP6: the business group is made", "事業グループの新規作成が完了しました" in customer.text, True)
    for path, product in (("/products/register", "製品の登録"), ("/products/owned", "保有製品の登録")):
        await customer.open(path)
        await customer.send({"contract_id": bearer.contract_id, "password": SUPPORT_PASSWORD})
        run.expect(f"STEP6: {product}", f"{product}が完了しました" in customer.text, True)

    today = day_in_japan(datetime.now(UTC))  # pages live in the present, however far the procedure was forwarded
    for service, asked_from in services.items():
        await customer.open("/relink")
        await customer.send({"relinked_on": str(today), "asked_from": str(asked_from)}, form={"service": service})
    if services:
        run.expect("all services are linked again", "再連携はすべて済みました" in customer.text, True)
