"""Forms come in by a signed webhook: genuine ones once, forged ones never, and what breaks our rules is kept."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import astuple
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import BusinessCalendar, utc_now
from models.common.refusals import RefusedError
from models.tables import ApplicationRow, AuditRow, ExistingContractRow, RefusedFormRow
from models.webhooks.secrets import new_secret
from models.yayoi.deadlines import MOST_UNCONFIRMED
from models.yayoi.holder_confirmation import TOO_MANY, ConfirmationOutcome
from models.yayoi.identifiers import OfficeToken
from models.yayoi.store.confirmations import confirmations_of, settle
from models.yayoi.store.ended_links import next_link
from models.yayoi.store.intake import Intake
from models.yayoi.store.provider_forms import PROVIDER, ProviderForms
from models.yayoi.store.refused_forms import RefusedForms, SettledError, Settlement
from tests.support.provider_forms import EXAMPLE, answers
from tests.support.web import (
    NETWORK,
    TOKEN_B,
    TOKEN_C,
    Web,
    application,
    end_cases,
    errors_of,
    fill_registry,
    pair,
    web_on,
)
from tests.support.webhook_receiver import OLD_SECRET, SECRET

UNKNOWN = "d0000004-0000-4000-8000-000000000004"
BY = Settlement("佐藤", "お電話で確認したため")


@pytest_asyncio.fixture
async def web(sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> AsyncIterator[Web]:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client, form_secrets=(SECRET, OLD_SECRET), form_translation=EXAMPLE) as web:
        yield web
        await end_cases(web, temporal.client)


def signature(webhook_id: str, at: int | str, body: str | bytes, secret: str = SECRET) -> str:
    """Sign by the standard's words, not by the library that is tested."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{webhook_id}.{at}.".encode() + (body.encode() if isinstance(body, str) else body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


async def post(
    web: Web, form: Any, webhook_id: str | None = None, *, secret: str = SECRET, age: int = 0, **headers: str
) -> httpx.Response:
    webhook_id = webhook_id or f"evt_{uuid4().hex}"
    body = form if isinstance(form, str) else json.dumps(form, ensure_ascii=False)
    at = int(time.time()) - age
    given = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(at),
        "webhook-signature": signature(webhook_id, at, body, secret),
        "content-type": "application/json",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    return await web.http.post("/webhooks/forms", content=body.encode(), headers=given)


async def applications(web: Web) -> int:
    [count] = await web.rows(select(func.count()).select_from(ApplicationRow))
    return int(count)


async def kept(web: Web) -> list[RefusedFormRow]:
    return await web.rows(select(RefusedFormRow).order_by(RefusedFormRow.form_no))


# --- genuine ----------------------------------------------------------------------------------------------------------


async def test_a_signed_form_in_the_providers_words_is_an_application(web: Web) -> None:
    answer = await post(web, answers())
    assert answer.status_code == 202, answer.text
    assert answer.json().keys() == {"application_no", "due_date", "status_url", "waits_for_holder"}
    row = await web.started(answer.json()["application_no"])
    assert (row.family_name, row.given_name, row.existing_contract_id) == ("弥生", "太郎", NETWORK)
    assert (row.accounting_link, row.network_product, row.consents["delegate_unsharing"]) == (True, True, False)
    assert await kept(web) == []
    audit = await web.rows(select(AuditRow).where(AuditRow.case_no == row.application_no))
    assert str(PROVIDER) in {each.by for each in audit}


async def test_the_same_webhook_again_gets_the_same_answer(web: Web) -> None:
    form = answers()
    first = await post(web, form, "evt_1")
    again = await post(web, form, "evt_1", age=60)
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == first.json()
    assert await applications(web) == 1


async def test_without_a_number_of_its_own_a_form_is_known_by_its_webhook(web: Web) -> None:
    form = answers()
    del form["data"]["response_id"]
    results = await asyncio.gather(*(post(web, form, "evt_1") for _ in range(4)))
    assert sorted(each.status_code for each in results) == [200, 200, 200, 202]
    assert await applications(web) == 1


async def test_every_secret_counts_while_they_are_being_changed(web: Web) -> None:
    for secret, token in ((SECRET, TOKEN_B), (OLD_SECRET, TOKEN_C)):
        mail = f"{token[0]}@example.co.jp"
        form = answers(offices=[{"mail": mail, "mail_again": mail, "token": token}])
        assert (await post(web, form, secret=secret)).status_code == 202


@pytest.mark.parametrize(
    "beside", ["v1,{forged} {genuine}", "v2,xyz  {genuine}", "v1a,abc {genuine} junk", "{genuine},"]
)
async def test_a_genuine_signature_counts_whatever_stands_beside_it(web: Web, beside: str) -> None:
    body, at = json.dumps(answers()), int(time.time())
    genuine = signature("evt_1", at, body)
    forged = signature("evt_1", at, body, new_secret()).removeprefix("v1,")
    header = beside.format(genuine=genuine, forged=forged)
    answer = await post(web, body, "evt_1", webhook_signature=header, webhook_timestamp=str(at))
    assert answer.status_code == (401 if beside.endswith(",") else 202), answer.text


# --- forged -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"secret": new_secret()}, "署名が一致しません"),
        ({"webhook_id": "evt_other"}, "署名が一致しません"),
        ({"webhook_signature": ""}, "webhook-signature がありません"),
        ({"webhook_signature": "v1"}, "署名が一致しません"),
        ({"webhook_signature": "v1,%%%"}, "署名が一致しません"),
        ({"webhook_signature": "v1," + "A" * 43 + "="}, "署名が一致しません"),
        ({"webhook_id": ""}, "webhook-id がありません"),
        ({"webhook_id": "a" * 257}, "256 文字以内"),
        ({"age": 301}, "5 分以上離れている"),
        ({"age": -330}, "5 分以上離れている"),
        ({"webhook_timestamp": "yesterday"}, "読み取れません"),
        ({"webhook_timestamp": "nan"}, "読み取れません"),
        ({"webhook_timestamp": "9" * 400}, "読み取れません"),
        ({"webhook_timestamp": ""}, "webhook-timestamp がありません"),
    ],
)
async def test_what_is_not_signed_by_the_provider_now_leaves_nothing(
    web: Web, change: dict[str, Any], reason: str
) -> None:
    change, body = dict(change), json.dumps(answers())
    at = int(time.time()) - change.pop("age", 0)
    given = {
        "content-type": "application/json",
        "webhook-id": "evt_1",
        "webhook-timestamp": str(at),
        "webhook-signature": signature("evt_1", at, body, change.pop("secret", SECRET)),
    } | {name.replace("_", "-"): value for name, value in change.items()}
    answer = await web.http.post("/webhooks/forms", content=body.encode(), headers=given)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert reason in answer.json()["detail"]
    assert await applications(web) == 0
    assert await kept(web) == []


async def test_a_body_that_was_changed_on_the_way_is_forged(web: Web) -> None:
    at, body = int(time.time()), json.dumps(answers())
    headers = {
        "content-type": "application/json",
        "webhook-id": "evt_1",
        "webhook-timestamp": str(at),
        "webhook-signature": signature("evt_1", at, body),
    }
    for changed in (body.encode() + b" ", body.replace(NETWORK, "8871305").encode(), b"\xff\xfe" + body.encode()):
        assert (await web.http.post("/webhooks/forms", content=changed, headers=headers)).status_code == 401
    assert await applications(web) == 0


async def test_a_captured_webhook_is_no_use_later(web: Web) -> None:
    form = answers()
    assert (await post(web, form, "evt_1")).status_code == 202
    assert (await post(web, form, "evt_1", age=400)).status_code == 401


async def test_without_secrets_nothing_is_taken_and_it_says_so(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    async with web_on(sessions, temporal.client) as web:
        answer = await post(web, answers())
    assert answer.status_code == 404
    assert "TETSUZUKI_FORM_WEBHOOK_SECRETS" in answer.json()["detail"]


async def test_without_a_mapping_the_provider_sends_our_own_fields(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client, form_secrets=(SECRET,)) as web:
        form = application()
        assert (await post(web, form)).status_code == 202
        assert (await web.apply(form)).status_code == 200  # the same application, whichever way it comes
        del form["submission_id"]
        assert errors_of(await post(web, form)).keys() == {"offices.0.yayoi_id", "offices.0.office_token"}
        await end_cases(web, temporal.client)


# --- kept -------------------------------------------------------------------------------------------------------------


async def test_what_breaks_our_rules_is_named_by_the_providers_names_and_kept(web: Web) -> None:
    form = answers(
        姓="Yayoi",
        会計連携="たぶん",
        offices=[
            {"mail": "", "mail_again": None, "token": " "},
            {"mail": "b@example.co.jp", "mail_again": "c@example.co.jp", "token": "b0000002"},
        ],
    )
    answer = await post(web, form, "evt_1")
    assert errors_of(answer) == {
        "data.answers[?label=='姓'].value": "全角で入力してください（例：弥生　太郎）。",
        "data.answers[?label=='会計連携'].value": (
            "「たぶん」は受け付けていません。「はい」、「いいえ」のいずれかを選んでください。"
        ),
        "data.offices[1].mail_again": "弥生ID と一致しません。もう一度入力してください。",
        "data.offices[1].token": OfficeToken.why_not("b0000002"),
    }
    [row] = await kept(web)
    assert (row.webhook_id, json.loads(row.body), row.errors) == ("evt_1", form, errors_of(answer))
    assert errors_of(await post(web, form, "evt_1", age=10)) == errors_of(answer)
    assert len(await kept(web)) == 1


async def test_a_refusal_that_only_the_registry_knows_uses_the_providers_name_too(web: Web) -> None:
    answer = await post(web, answers(お客様番号=7999999))
    assert errors_of(answer).keys() == {"data.answers[?label=='お客様番号'].value"}


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"text"', "[" * 30_000, '{"data": "\\ud800\\u0000"}'])
async def test_what_cannot_be_read_is_kept_too(web: Web, body: str) -> None:
    assert errors_of(await post(web, body))
    assert [row.body for row in await kept(web)] == [body]


async def test_other_content_under_the_same_number_is_kept_for_people_to_decide(web: Web) -> None:
    form = answers()
    assert (await post(web, form, "evt_1")).status_code == 202
    form["data"]["answers"][2]["value"] = "次郎"
    answer = await post(web, form, "evt_2")
    assert answer.status_code == 409
    [row] = await kept(web)
    assert json.loads(row.body) == form


async def test_y5a_what_is_one_too_many_is_kept_and_taken_once_the_holder_has_answered_the_others(web: Web) -> None:
    strangers = [await web.applied(pair(f"a{number}@example.co.jp", UNKNOWN)) for number in range(MOST_UNCONFIRMED)]
    form = answers(offices=[{"mail": "b@example.co.jp", "mail_again": "b@example.co.jp", "token": UNKNOWN}])
    answer = await post(web, form, "evt_1")
    assert (answer.status_code, TOO_MANY in answer.text) == (429, True)
    [row] = await kept(web)
    assert (row.errors, json.loads(row.body)) == ({"": TOO_MANY}, form)
    async with web.sessions.begin() as session:
        for confirmation in (await confirmations_of(session, strangers[0])).values():
            settle(confirmation, ConfirmationOutcome.REFUSED)
    again = await post(web, form, "evt_1", age=10)
    assert (again.status_code, again.json()["waits_for_holder"]) == (202, True)
    [row] = await kept(web)
    assert row.application_no == again.json()["application_no"]


async def test_sent_again_when_it_can_be_taken_a_kept_form_is_settled(web: Web) -> None:
    form = answers(お客様番号="7654321")
    assert (await post(web, form, "evt_1")).status_code == 422
    await add_contract(web, "7654321")
    answer = await post(web, form, "evt_1")
    assert answer.status_code == 202
    [row] = await kept(web)
    assert (row.application_no, row.settled_by, row.body) == (answer.json()["application_no"], "フォームの提供元", "")


async def add_contract(web: Web, contract_id: str) -> None:
    async with web.sessions.begin() as session:
        facts = {"customer_name": "弥生 太郎", "mail_address": "taro@example.co.jp", "product_name": "弥生会計 24"}
        session.add(ExistingContractRow(contract_id=contract_id, network_product=True, **facts))


def forms(web: Web) -> ProviderForms:
    return ProviderForms(web.sessions, Intake(web.sessions, BusinessCalendar()), EXAMPLE)


async def test_an_operator_corrects_a_kept_form_and_the_provider_is_answered_with_what_it_became(web: Web) -> None:
    form = answers(姓="Yayoi", offices=[{"mail": "b@example.co.jp", "mail_again": "b@exmple.co.jp", "token": TOKEN_B}])
    assert (await post(web, form, "evt_1")).status_code == 422
    [row] = await kept(web)
    with pytest.raises(RefusedError) as refused:
        await forms(web).retry(row.form_no, {"data.answers[?label=='姓'].value": "弥生"}, BY)
    assert [error.field for error in refused.value.errors] == ["data.offices[0].mail_again"]
    corrected = {"data.answers[?label=='姓'].value": "弥生", "data.offices[0].mail_again": "b@example.co.jp"}
    receipt = await forms(web).retry(row.form_no, corrected, BY)
    await web.started(receipt.application_no)
    [row] = await kept(web)
    assert (row.application_no, row.settled_by, row.reason, row.body) == (receipt.application_no, *astuple(BY), "")
    audit = await web.rows(select(AuditRow).where(AuditRow.case_no == receipt.application_no))
    assert ("受け付けられなかったフォームを直して受け付けた", "佐藤") in {(each.action, each.by) for each in audit}
    answer = await post(web, form, "evt_1")
    assert (answer.status_code, answer.json()["application_no"]) == (200, receipt.application_no)
    async with web.sessions.begin() as session:
        await next_link(session, receipt.application_no, None)
    link = (await post(web, form, "evt_1")).json()["status_url"]
    assert (await web.http.get(link)).status_code == 200  # the link that opens the case now
    with pytest.raises(SettledError):
        await forms(web).retry(row.form_no, corrected, BY)


async def test_a_discarded_form_stays_refused_and_what_it_said_is_gone(web: Web) -> None:
    form = answers(姓="Yayoi")
    first = errors_of(await post(web, form, "evt_1"))
    [row] = await kept(web)
    await RefusedForms(web.sessions).discard(row.form_no, BY, utc_now())
    [row] = await kept(web)
    assert (row.body, row.application_no) == ("", None)
    assert errors_of(await post(web, form, "evt_1")) == first
    assert (await kept(web))[0].body == ""
    with pytest.raises(SettledError):
        await RefusedForms(web.sessions).discard(row.form_no, BY, utc_now())


async def test_a_value_cannot_be_put_where_nothing_is(web: Web) -> None:
    assert (await post(web, answers(姓="Yayoi"), "evt_1")).status_code == 422
    [row] = await kept(web)
    with pytest.raises(ValueError, match="there is no data"):
        await forms(web).retry(row.form_no, {"data.offices[7].mail": "b@example.co.jp"}, BY)
