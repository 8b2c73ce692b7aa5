"""Forms that are refused over the API: every rule, every field, with the very message."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio.testing import WorkflowEnvironment

from models.common.names import UNUSABLE
from models.tables import ApplicationRow
from models.yayoi.identifiers import OfficeToken
from models.yayoi.store.intake import NO_SUCH_CONTRACT
from tests.support.databases import MIGRATED, new_database
from tests.support.encryption import MASTER
from tests.support.journals import JOURNAL_OF_TESTS
from tests.support.web import (
    STANDALONE,
    TOKEN_B,
    TOKEN_C,
    TOKEN_OF_ANOTHER,
    Web,
    application,
    errors_of,
    fill_registry,
    pair,
    web_on,
)
from web.common.body_limit import MAX_BODY_BYTES
from workers import database

MISMATCH = "弥生ID と一致しません。もう一度入力してください。"
FULL_WIDTH = "全角で入力してください（例：弥生　太郎）。"
BAD_ADDRESS = "メールアドレスの形式で入力してください（例：taro@example.co.jp）。"
BAD_CONTRACT = "サービス契約ID（お客様番号）は 6、7、8 のいずれかで始まる 7 桁の数字で入力してください。"


@pytest_asyncio.fixture(scope="module")
async def refusing(postgres_socket: Path, temporal: WorkflowEnvironment) -> AsyncIterator[Web]:
    """The app for forms that are refused: since nothing may be stored, their tests share one database."""
    async with new_database(postgres_socket, MIGRATED) as url:
        engine = create_async_engine(url)
        sessions = database.sessions(engine, MASTER, JOURNAL_OF_TESTS)
        await fill_registry(sessions)
        async with web_on(sessions, temporal.client) as web:
            yield web
            assert await web.rows(select(ApplicationRow)) == []
        await engine.dispose()


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (
            [pair(), pair("B@example.co.jp", TOKEN_C)],
            dict.fromkeys(
                ["offices.0.yayoi_id", "offices.1.yayoi_id"],
                "同じ弥生ID が 2 回入力されています。事業所データごとに 1 つ必要です。",
            ),
        ),
        (
            [pair(), pair("c@example.co.jp", TOKEN_B.upper())],
            dict.fromkeys(
                ["offices.0.office_token", "offices.1.office_token"], "同じ事業所トークンが 2 回入力されています。"
            ),
        ),
    ],
)
async def test_y1_nothing_appears_twice_in_one_application(
    refusing: Web, pairs: list[dict[str, Any]], expected: dict[str, str]
) -> None:
    assert errors_of(await refusing.apply(application(*pairs))) == expected


@pytest.mark.parametrize(
    "token", ["b0000002-0000-4000-8000-00000000000", "b000000200004000800000000000002", "あ" * 36, "b0000002_0000", "x"]
)
async def test_y4_a_token_of_another_shape_is_refused(refusing: Web, token: str) -> None:
    assert errors_of(await refusing.apply(application(pair(token=token)))) == {
        "offices.0.office_token": OfficeToken.why_not(token)
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Yayoi", FULL_WIDTH),
        ("ﾔﾖｲ", FULL_WIDTH),
        ("弥 生", FULL_WIDTH),
        ("弥\u0000生", UNUSABLE.format(code="U+0000")),
        ("弥\u202e生", UNUSABLE.format(code="U+202E")),
        (" ", "入力してください。"),
        ("弥" * 31, "30 文字以内で入力してください。"),
    ],
)
async def test_y6_names_are_full_width(refusing: Web, name: str, message: str) -> None:
    answer = await refusing.apply(application(applicant={"family_name": name, "given_name": name}))
    assert errors_of(answer) == {"applicant.family_name": message, "applicant.given_name": message}


async def test_y7_the_yayoi_id_typed_twice_must_agree(refusing: Web) -> None:
    other = "d@example.co.jp"
    answer = await refusing.apply(application(pair(yayoi_id_confirmation=other)))
    assert errors_of(answer) == {"offices.0.yayoi_id_confirmation": MISMATCH}
    # Shown at once with whatever else is wrong; an ID that is refused itself is not compared.
    pairs = [pair(token="x", yayoi_id_confirmation=other), pair("x", yayoi_id_confirmation=other)]
    assert errors_of(await refusing.apply(application(*pairs))) == {
        "offices.0.yayoi_id_confirmation": MISMATCH,
        "offices.0.office_token": OfficeToken.why_not("x"),
        "offices.1.yayoi_id": BAD_ADDRESS,
    }


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (application(pair(token=None)), {"offices.0.office_token": "事業所トークンを入力してください。"}),
        (application(pair(token=" ")), {"offices.0.office_token": "事業所トークンを入力してください。"}),
        (
            application(accounting_link=False),
            {"offices.0.office_token": "会計連携を利用しない場合、事業所トークンは不要です。空欄にしてください。"},
        ),
        (
            application(link_addition=True),
            {"offices.0.issued_contract_id": "発行済みのサービス契約ID を入力してください。"},
        ),
        (
            application(pair(issued_contract_id="7100000")),
            {"offices.0.issued_contract_id": "会計連携の追加ではないため、空欄にしてください。"},
        ),
        (
            application(pair(token=None, issued_contract_id="7100000"), link_addition=True, accounting_link=False),
            {"accounting_link": "会計連携の追加では「会計連携を利用する」を選んでください。"},
        ),
        (
            application(pair(issued_contract_id="5100000"), link_addition=True),
            {"offices.0.issued_contract_id": BAD_CONTRACT},
        ),
        (
            application(pair(token=None, issued_contract_id="7100000"), link_addition=True, consents={}),
            {
                "offices.0.office_token": "事業所トークンを入力してください。",
                "consents.stop_smart_import": "手続き完了までスマート取引取込を利用しないことに同意してください。",
                "consents.relink_required": "連携サービスの再連携が必要になることを確認してください。",
            },
        ),
        (
            application(consents={}),
            {
                "consents.stop_smart_import": "手続き完了までスマート取引取込を利用しないことに同意してください。",
                "consents.relink_required": "連携サービスの再連携が必要になることを確認してください。",
            },
        ),
        (
            application(network_product=False),
            {
                "network_product": (
                    "このサービス契約ID（お客様番号）の製品はネットワーク製品です。「ネットワーク製品」を選んでください。"
                )
            },
        ),
        (
            application(pair(token=TOKEN_OF_ANOTHER), existing_contract_id=STANDALONE),
            {
                "network_product": (
                    "このサービス契約ID（お客様番号）の製品はネットワーク製品以外です。"
                    "「ネットワーク製品以外」を選んでください。"
                )
            },
        ),
    ],
)
async def test_y9_the_answers_must_fit_the_procedure(
    refusing: Web, form: dict[str, Any], expected: dict[str, str]
) -> None:
    assert errors_of(await refusing.apply(form)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"existing_contract_id": "5871304"}, {"existing_contract_id": BAD_CONTRACT}),
        ({"existing_contract_id": "887130"}, {"existing_contract_id": BAD_CONTRACT}),
        (
            {"existing_contract_id": "8000000"},
            {
                "existing_contract_id": NO_SUCH_CONTRACT,
            },
        ),
        ({"submission_id": "12"}, {"submission_id": "UUID で指定してください。"}),
        ({"offices": []}, {"offices": "1 件以上必要です。"}),
        ({"offices": [pair()] * 21}, {"offices": "20 件までです。"}),
        ({"offices": "b"}, {"offices": "一覧（配列）で指定してください。"}),
        ({"offices": ["b"]}, {"offices.0": "項目の組（オブジェクト）で指定してください。"}),
        ({"applicant": None}, {"applicant": "項目の組（オブジェクト）で指定してください。"}),
        ({"accounting_link": "たぶん"}, {"accounting_link": "true か false で指定してください。"}),
        ({"yayoi_id": "x"}, {"yayoi_id": "この項目は受け付けていません。名前を確認してください。"}),
        (
            {"offices": [pair("office-b")]},
            dict.fromkeys(["offices.0.yayoi_id", "offices.0.yayoi_id_confirmation"], BAD_ADDRESS),
        ),
        (
            {"offices": [pair("b@example.co.jp\r\nBcc: x@example.co.jp")]},
            dict.fromkeys(["offices.0.yayoi_id", "offices.0.yayoi_id_confirmation"], BAD_ADDRESS),
        ),
        (
            {"offices": [pair("b" * 5000 + "@example.co.jp")]},
            dict.fromkeys(["offices.0.yayoi_id", "offices.0.yayoi_id_confirmation"], BAD_ADDRESS),
        ),
    ],
)
async def test_every_wrong_field_is_named_with_its_reason(
    refusing: Web, changes: dict[str, Any], expected: dict[str, str]
) -> None:
    assert errors_of(await refusing.apply(application() | changes)) == expected


@pytest.mark.parametrize("contract", ["8000000", STANDALONE], ids=["unknown", "of another product"])
@pytest.mark.parametrize("token", [None, TOKEN_B], ids=["not linked", "with the token of another contract"])
async def test_y5a_nobody_learns_which_numbers_exist_without_a_token_of_the_contract(
    refusing: Web, contract: str, token: str | None
) -> None:
    form = application(pair(token=token), existing_contract_id=contract, accounting_link=token is not None)
    assert errors_of(await refusing.apply(form)) == {"existing_contract_id": NO_SUCH_CONTRACT}


async def test_y9_all_that_is_wrong_with_an_addition_is_said_in_one_round(refusing: Web) -> None:
    first = pair("x", None, yayoi_id_confirmation="x")
    form = application(first, pair(token=TOKEN_B), pair(token=TOKEN_B), link_addition=True, consents={}) | {
        "applicant": {"family_name": "Yayoi", "given_name": "太郎"}
    }
    del form["network_product"]  # the product is the contract's: it is not asked for
    twice = "同じ弥生ID が 2 回入力されています。事業所データごとに 1 つ必要です。"
    missing = "発行済みのサービス契約ID を入力してください。"
    assert errors_of(await refusing.apply(form)) == {
        "applicant.family_name": FULL_WIDTH,
        "offices.0.yayoi_id": BAD_ADDRESS,
        "offices.0.yayoi_id_confirmation": BAD_ADDRESS,
        "offices.0.office_token": "事業所トークンを入力してください。",
        **{f"offices.{index}.issued_contract_id": missing for index in range(3)},
        **{f"offices.{index}.yayoi_id": twice for index in (1, 2)},
        **{f"offices.{index}.office_token": "同じ事業所トークンが 2 回入力されています。" for index in (1, 2)},
        "consents.stop_smart_import": "手続き完了までスマート取引取込を利用しないことに同意してください。",
        "consents.relink_required": "連携サービスの再連携が必要になることを確認してください。",
    }


async def test_missing_fields_are_asked_for(refusing: Web) -> None:
    assert set(errors_of(await refusing.apply({})).items()) == {
        (name, "入力してください。")
        for name in (
            "submission_id",
            "applicant",
            "existing_contract_id",
            "accounting_link",
            "network_product",
            "offices",
            "consents",
        )
    }


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 60_000, b'{"submission_id": "\\ud800"', b"{'a': 1}"])
async def test_what_is_no_json_is_refused(refusing: Web, body: bytes) -> None:
    answer = await refusing.http.post("/api/applications", content=body, headers={"content-type": "application/json"})
    assert set(errors_of(answer)) == {""}


@pytest.mark.parametrize("body", [b"null", b"[]", b"12", b'"x"'])
async def test_json_that_is_no_object_is_refused(refusing: Web, body: bytes) -> None:
    answer = await refusing.http.post("/api/applications", content=body, headers={"content-type": "application/json"})
    assert set(errors_of(answer)) == {""}


async def test_a_lone_surrogate_in_a_name_is_refused(refusing: Web) -> None:
    body = b'{"applicant": {"family_name": "\\ud800", "given_name": "\\u5f25"}}'
    answer = await refusing.http.post("/api/applications", content=body, headers={"content-type": "application/json"})
    assert errors_of(answer)["applicant.family_name"] == UNUSABLE.format(code="U+D800")


async def test_a_body_that_is_too_large_is_refused(refusing: Web) -> None:
    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 1000 + 1):
            yield b" " * 1000

    for content in (b" " * (MAX_BODY_BYTES + 1), unannounced()):
        answer = await refusing.http.post("/api/applications", content=content)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] == "64 KB 以内で送信してください。"


async def test_openapi_describes_every_answer(refusing: Web) -> None:
    paths = (await refusing.http.get("/openapi.json")).json()["paths"]
    apply, report = paths["/api/applications"]["post"]["responses"], paths["/api/events"]["post"]["responses"]
    anywhere = {"405", "408", "413", "415", "500", "503"}
    assert apply.keys() == {"200", "202", "409", "422", "429"} | anywhere
    assert report.keys() == {"200", "202", "404", "409", "422", "429"} | anywhere
    for responses in (apply, report):
        for status, response in responses.items():
            [media_type] = response["content"]
            assert media_type == ("application/problem+json" if status >= "400" else "application/json")
            assert response["content"][media_type]["schema"]["$ref"]
