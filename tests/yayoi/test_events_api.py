"""What other systems report: found, delivered once, and refused with the reason."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from pydantic import TypeAdapter
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.backoffice.late_refusals import LateRefusals
from models.backoffice.reconciliation import Finding, FindingKind, ReconciliationReport
from models.common.api_keys import read_api_keys
from models.common.names import UNUSABLE
from models.common.store.audit import audit
from models.tables import ApplicationOfficeRow, EventRow, IssuedContractRow, RememberedLinkRow
from models.yayoi.customer_events import AnyEvent, event_label
from models.yayoi.identifiers import ApplicationNo, OfficeToken
from models.yayoi.service_links import LinkKind
from tests.support.web import (
    NETWORK,
    STANDALONE,
    TOKEN_B,
    TOKEN_C,
    TOKEN_OF_ANOTHER,
    TemporalProxy,
    Web,
    answering,
    end_cases,
    errors_of,
    fill_registry,
    pair,
    until,
    web_on,
)
from tests.support.web_procedures import GROUP_TAKEN, NOT_YET, AnsweringOffice
from web.common.auth.api_keys import Systems
from web.common.temporal_calls import PATIENCE

KEY, KEY_OF_STRICT = "key-of-the-registry-0123456789-abcdef", "key-of-a-strict-system-0123456789-abc"
SYSTEMS = Systems(read_api_keys([f"registry:{KEY}", f"strict:{KEY_OF_STRICT}"]))
ISSUED, ISSUED_TO_C = "7000001", "7000002"
B, C = "b@example.co.jp", "c@example.co.jp"
NO_CASE = "手続き中のお申し込みが見つかりません。番号や弥生ID を確認してください。"
NOT_ONE_NOTICE = (
    "サービス契約ID（お客様番号）と弥生ID（メールアドレス）の組み合わせが違います。"
    "同じお知らせメールに記載された組み合わせで手続きしてください。"
)
EXISTING = (
    "新しく発行したサービス契約ID（お客様番号）を入力してください。"
    "元々ご契約のサービス契約ID（お客様番号）では手続きできません。"
)


def event(kind: str, **facts: Any) -> dict[str, Any]:
    return {"event_id": str(uuid4()), "kind": kind, **facts}


def password_set(**facts: Any) -> dict[str, Any]:
    return event("support_password_set", **({"contract_id": ISSUED, "yayoi_id": B} | facts))


def group_created(**facts: Any) -> dict[str, Any]:
    return event("business_group_created", **({"yayoi_id": B, "group_name": "弥生 B 商店"} | facts))


async def case_with_two_offices(web: Web) -> ApplicationNo:
    application_no = await web.applied(pair(B, TOKEN_B), pair(C, TOKEN_C))
    async with web.sessions.begin() as session:
        session.add_all(
            IssuedContractRow(
                contract_id=contract_id,
                existing_contract_id=NETWORK,
                number=number,
                registered_name=f"弥生 太郎 - {number} ({NETWORK})",
                application_no=application_no,
                office_no=number,
                yayoi_id=yayoi_id,
                issued_at=datetime.now(UTC),
            )
            for number, (contract_id, yayoi_id) in enumerate([(ISSUED, B), (ISSUED_TO_C, C)], start=1)
        )
        link = {"application_no": application_no, "office_no": 1, "kind": LinkKind.BANK_ACCOUNT}
        for number, service in enumerate(("しおさい銀行", "みなと銀行"), start=1):
            session.add(RememberedLinkRow(**link, number=number, service=service))
    return application_no


class Case:
    """An application whose office procedures answer."""

    def __init__(self, web: Web, number: ApplicationNo, offices: list[WorkflowHandle[Any, Any]]) -> None:
        self.web = web
        self.number = number
        self.offices = offices

    async def taken(self, office_no: int = 1) -> list[str]:
        taken: list[str] = await self.offices[office_no - 1].query(AnsweringOffice.taken)
        return taken


@pytest_asyncio.fixture
async def case(sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment) -> AsyncIterator[Case]:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client, systems=SYSTEMS) as web, answering(web):
        web.http.headers["authorization"] = f"Bearer {KEY}"
        number = await case_with_two_offices(web)
        yield Case(web, number, [await web.office(number, office_no) for office_no in (1, 2)])
        await end_cases(web, temporal.client)


def reason(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


@pytest.mark.parametrize(
    ("report", "office_no", "expected"),
    [
        (event("sharing_released", office_token=TOKEN_C.upper()), 2, "sharing_released"),
        (event("support_password_set", contract_id=ISSUED_TO_C, yayoi_id=C), 2, "support_password"),
        (event("support_password_set", contract_id=ISSUED, yayoi_id=B), 1, "support_password"),
        (
            event(
                "service_relinked",
                contract_id=ISSUED,
                service_kind="bank_account",
                service="みなと銀行",
                relinked_on="2026-11-24",
            ),
            1,
            "link 2 2026-11-24",
        ),
    ],
)
async def test_an_event_reaches_the_office_it_is_about(
    case: Case, report: dict[str, Any], office_no: int, expected: str
) -> None:
    answer = await case.web.report(report)
    assert answer.status_code == 200
    assert answer.json() == {
        "event_id": report["event_id"],
        "application_no": case.number,
        "office_no": office_no,
        "status": "delivered",
    }
    assert await case.taken(office_no) == [f"system:registry {report['event_id']} {expected}"]
    assert await case.taken(3 - office_no) == []


async def test_the_steps_after_the_notice_in_their_order(case: Case) -> None:
    of_b = {"contract_id": ISSUED, "yayoi_id": B}
    reports = [
        password_set(),
        group_created(),
        event("product_registered", **of_b),
        event("owned_product_registered", **of_b),
    ]
    for report in reports:
        assert (await case.web.report(report)).status_code == 200
    steps = ["support_password", "business_group", "product", "owned_product"]
    assert await case.taken() == [
        f"system:registry {report['event_id']} {step}" for report, step in zip(reports, steps, strict=True)
    ]
    # The name stays with us; the procedure only learns where to find it.
    stored = await case.web.rows(select(EventRow).where(EventRow.kind == "business_group_created"))
    assert stored[0].payload["group_name"] == "弥生 B 商店"


async def test_the_same_event_again_gets_the_same_answer_and_has_no_second_effect(case: Case) -> None:
    report = password_set()
    answers = [await case.web.report(report) for _ in range(2)]
    answers += await asyncio.gather(*(case.web.report(report) for _ in range(5)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert len(await case.taken()) == 1


async def test_an_event_whose_delivery_was_not_recorded_has_no_second_effect(case: Case) -> None:
    report = password_set()
    first = await case.web.report(report)
    async with case.web.sessions.begin() as session:  # as if the process had ended between the two
        await session.execute(update(EventRow).values(delivered_at=None))
    assert (await case.web.report(report)).json() == first.json()
    assert len(await case.taken()) == 1


async def test_the_same_event_many_times_at_once_has_one_effect(case: Case) -> None:
    report = password_set()
    answers = await asyncio.gather(*(case.web.report(report) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await case.taken()) == 1
    assert len(await case.web.rows(select(EventRow))) == 1


async def test_the_same_event_id_with_other_content_is_refused(case: Case) -> None:
    report = password_set()
    assert (await case.web.report(report)).status_code == 200
    answer = await case.web.report(report | {"contract_id": ISSUED_TO_C, "yayoi_id": C})
    assert reason(answer, 409) == (
        "この event_id の出来事は、別の内容ですでに受け付けています。新しい出来事には新しい event_id を付けてください。"
    )


async def test_an_event_out_of_order_is_refused_with_the_reason_and_may_be_sent_again(case: Case) -> None:
    early = group_created()
    for _ in range(2):
        assert reason(await case.web.report(early), 409) == NOT_YET
    [row] = await case.web.rows(select(EventRow))
    assert (row.refused_because, row.delivered_at) == (NOT_YET, None)
    assert (await case.web.report(password_set())).status_code == 200
    assert (await case.web.report(early)).json()["status"] == "delivered"
    [row] = await case.web.rows(select(EventRow).where(EventRow.kind == "business_group_created"))
    assert row.refused_because is None


@pytest.mark.robustness("final only when sure")
async def test_whose_senders_all_have_their_answers_is_not_for_the_operators(case: Case) -> None:
    """Whoever delivers all of an office's events is the sender of one."""
    answers = await asyncio.gather(*(case.web.report(group_created()) for _ in range(6)))
    assert [reason(answer, 409) for answer in answers] == [NOT_YET] * 6
    rows = await case.web.rows(select(EventRow))
    assert [(row.refused_because, row.unreported_since) for row in rows] == [(NOT_YET, None)] * 6


async def test_an_event_whose_effect_fails_is_refused_with_the_reason_and_may_be_sent_again(case: Case) -> None:
    """Temporal answers the same update with its first outcome for ever: each try is another."""
    await case.web.report(password_set())
    case.web.http.headers["authorization"] = f"Bearer {KEY_OF_STRICT}"
    report = group_created()
    for _ in range(2):
        assert reason(await case.web.report(report), 409) == GROUP_TAKEN
    for _ in range(2):
        assert (await case.web.report(report)).json()["status"] == "delivered"
    assert len([step for step in await case.taken() if step.endswith("business_group")]) == 1


async def test_y19_contract_id_and_yayoi_id_must_be_of_one_notice(case: Case) -> None:
    for kind in ("support_password_set", "product_registered", "owned_product_registered"):
        report = event(kind, contract_id=ISSUED, yayoi_id=C)
        assert reason(await case.web.report(report), 409) == NOT_ONE_NOTICE
    assert await case.taken(1) == await case.taken(2) == []


async def test_y20_the_existing_contract_id_is_refused(case: Case) -> None:
    for kind in ("support_password_set", "product_registered", "owned_product_registered"):
        report = event(kind, contract_id=NETWORK, yayoi_id=B)
        assert reason(await case.web.report(report), 409) == EXISTING
    [*rows] = await case.web.rows(select(EventRow))
    assert {row.refused_because for row in rows} == {EXISTING}


@pytest.mark.parametrize(
    "report",
    [
        event("sharing_released", office_token="e" * 8 + "-0000-0000-0000-" + "e" * 12),
        group_created(yayoi_id="nobody@example.co.jp"),
        password_set(contract_id="7999999"),
        event("service_relinked", contract_id="7999999", service_kind="other", service="x", relinked_on="2026-11-24"),
    ],
)
async def test_an_unknown_case_is_refused(case: Case, report: dict[str, Any]) -> None:
    assert reason(await case.web.report(report), 404) == NO_CASE


async def test_an_unknown_case_may_come_to_exist(case: Case) -> None:
    report = group_created(yayoi_id="office-b@example.co.jp", event_id=str(uuid4()))
    assert reason(await case.web.report(report), 404) == NO_CASE
    other = pair("office-b@example.co.jp", TOKEN_OF_ANOTHER)
    number = await case.web.applied(other, existing_contract_id=STANDALONE, network_product=False)
    await case.web.office(number, 1)
    assert reason(await case.web.report(report), 409) == NOT_YET


async def test_an_event_for_a_case_that_has_ended_is_refused(case: Case) -> None:
    await case.offices[0].signal(AnsweringOffice.end)
    await case.offices[0].result()
    # The records do not know yet; the procedure does.
    assert reason(await case.web.report(password_set()), 409) == "この事業所データのお手続きはすでに終了しています。"
    async with case.web.sessions.begin() as session:
        await session.execute(update(ApplicationOfficeRow).values(closed_at=datetime.now(UTC)))
    assert reason(await case.web.report(password_set()), 404) == NO_CASE


@pytest.mark.robustness("final only when sure")
async def test_what_has_taken_effect_is_not_called_refused_because_its_procedure_has_ended(case: Case) -> None:
    """The step was recorded, and the office's workflow terminated before it could answer."""
    done, not_done = password_set(), password_set()
    by = {"by": "system:books", "at": datetime.now(UTC), "update_id": done["event_id"]}
    async with case.web.sessions.begin() as session:
        audit(session, case.number, "STEP5 を記録した", part=1, **by)
    await case.offices[0].terminate()
    assert (await case.web.report(done)).json()["status"] == "delivered"
    assert reason(await case.web.report(not_done), 409) == "この事業所データのお手続きはすでに終了しています。"
    [*rows] = await case.web.rows(select(EventRow).where(EventRow.refused_because.is_(None)))
    assert [str(row.event_id) for row in rows] == [done["event_id"]]


@pytest.mark.robustness("final only when sure")
async def test_what_failed_on_its_way_is_no_refusal_and_is_delivered_later(case: Case) -> None:
    """Once because something that the step needs is away, once because of the machinery; both are counted."""
    assert (await case.web.report(password_set())).status_code == 200
    case.web.http.headers["authorization"] = f"Bearer {KEY_OF_STRICT}"
    report = event("product_registered", contract_id=ISSUED, yayoi_id=B)
    answers = [await case.web.report(report) for _ in range(4)]
    assert [answer.json()["status"] for answer in answers[:1]] == ["accepted"]
    assert answers[-1].json()["status"] == "delivered"
    assert "deadlock" not in "".join(answer.text for answer in answers)
    [row] = await case.web.rows(select(EventRow).where(EventRow.kind == "product_registered"))
    assert (row.refused_because, row.refusals >= 2) == (None, True)
    assert len([step for step in await case.taken() if step.endswith("product")]) == 1


@pytest.mark.parametrize(
    ("report", "field", "message"),
    [
        (
            {"kind": "sharing_released", "office_token": "x", "event_id": str(uuid4())},
            "office_token",
            OfficeToken.why_not("x"),
        ),
        ({"kind": "sharing_released", "office_token": TOKEN_B}, "event_id", "入力してください。"),
        (group_created(group_name=""), "group_name", "入力してください。"),
        (
            group_created(group_name="弥\u0000生"),
            "group_name",
            UNUSABLE.format(code="U+0000"),
        ),
        (group_created(source="registry"), "source", "この項目は受け付けていません。名前を確認してください。"),
        ({"event_id": str(uuid4())}, "", "kind を指定してください。"),
    ],
)
async def test_a_wrong_field_is_named_with_its_reason(
    case: Case, report: dict[str, Any], field: str, message: str
) -> None:
    answer = await case.web.report(report)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": field, "message": message}]


@pytest.mark.long
async def test_while_no_worker_answers_an_event_is_accepted_and_delivered_later(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client) as web:
        number = await case_with_two_offices(web)
        office = await web.office(number, 1)
        report = password_set()
        async with asyncio.timeout(PATIENCE.total_seconds() + 5):
            answer = await web.report(report)
        assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
        async with answering(web):

            async def delivered() -> bool:
                return all(row.delivered_at for row in await web.rows(select(EventRow)))

            await until(delivered)
            assert len(await office.query(AnsweringOffice.taken)) == 1
            again = await web.report(report)
            assert (again.status_code, again.json()["status"]) == (200, "delivered")
        await end_cases(web, temporal.client)


async def test_while_temporal_is_down_events_are_accepted_and_delivered_later_in_their_order(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    proxy = TemporalProxy(temporal.client.service_client.config.target_host)
    async with web_on(sessions, await proxy.client()) as web, answering(web, temporal.client):
        number = await case_with_two_offices(web)
        reports = [password_set(), group_created()]
        for report in reports:
            answer = await web.report(report)
            assert answer.status_code == 202
            assert answer.json() == {
                "event_id": report["event_id"],
                "application_no": number,
                "office_no": 1,
                "status": "accepted",
            }
        await proxy.open()
        # Temporal is back, but the office's procedure is started later still.
        office = await web.office(number, 1)

        async def delivered() -> bool:
            return all(row.delivered_at for row in await web.rows(select(EventRow)))

        await until(delivered)
        taken = await temporal.client.get_workflow_handle(office.id).query(AnsweringOffice.taken)
        assert [line.split()[-1] for line in taken] == ["support_password", "business_group"]
        assert (await web.report(reports[0])).json()["status"] == "delivered"
        await end_cases(web, temporal.client)
    await proxy.close()


async def test_an_event_refused_after_it_was_taken_is_for_the_operators_until_they_know_or_it_is_sent_again(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    proxy = TemporalProxy(temporal.client.service_client.config.target_host)
    refusals = LateRefusals(sessions)

    async def found() -> list[Finding]:
        return await refusals.find(datetime.now(UTC))

    async with web_on(sessions, await proxy.client()) as web, answering(web, temporal.client):
        number = await case_with_two_offices(web)
        early = group_created()
        assert (await web.report(early)).status_code == 202
        assert await found() == []
        await proxy.open()
        await web.office(number, 1)

        async def refused() -> bool:
            return bool(await found())

        await until(refused)
        [finding] = await found()
        assert (finding.kind, finding.about) == (FindingKind.REFUSED_LATE, f"{number} の 1 件目")
        assert str(finding.event_id) == early["event_id"]
        for expected in (NOT_YET, "STEP6 事業グループの新規作成", "システム anonymous"):
            assert expected in finding.detail
        # Sent again, the sender gets the answer.
        assert reason(await web.report(early), 409) == NOT_YET
        assert await found() == []
        # Of two that wait, only the one whose sender is being answered is notified.
        async with sessions.begin() as session:
            await session.execute(update(EventRow).values(refused_because=None))
        assert reason(await web.report(group_created()), 409) == NOT_YET
        [finding] = await found()
        await refusals.mark_reported(ReconciliationReport(at=datetime.now(UTC), findings=(finding,)))
        assert await found() == []
        await end_cases(web, temporal.client)
    await proxy.close()


async def test_every_kind_of_event_has_a_name_for_operators() -> None:
    kinds = TypeAdapter(AnyEvent).json_schema()["discriminator"]["mapping"]
    assert len({event_label(kind) for kind in kinds}) == len(kinds)


async def test_a_system_is_known_by_its_key_whatever_it_calls_itself(case: Case) -> None:
    report = password_set()
    for name in ("pages", "strict", "registry"):
        assert list(errors_of(await case.web.report(report | {"source": name}))) == ["source"]
    assert (await case.web.report(report)).status_code == 200
    again = await case.web.http.post("/api/events", json=report, headers={"authorization": f"Bearer {KEY_OF_STRICT}"})
    assert again.status_code == 200
    [stored] = await case.web.rows(select(EventRow))
    assert stored.sent_by == "system:registry"  # the first to send it
    assert await case.taken() == [f"system:registry {report['event_id']} support_password"]


async def test_nobody_s_name_is_recorded_where_the_api_is_open_to_everybody(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    await fill_registry(sessions)
    async with web_on(sessions, temporal.client) as web, answering(web):
        office = await web.office(await case_with_two_offices(web), 1)
        report = password_set()
        assert (await web.report(report)).status_code == 200
        assert await office.query(AnsweringOffice.taken) == [f"system:anonymous {report['event_id']} support_password"]
        await end_cases(web, temporal.client)
