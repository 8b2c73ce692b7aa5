"""One application from form to closed case by what the web offers alone, on the real procedures."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.calendar import day_in_japan
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Stage
from tests.support.environment import OFFICE_C, Case, at_rest, environment_with_worker, form
from tests.support.signing import customers_signer
from tests.support.smtp_inbox import SmtpInbox
from tests.support.web import until
from workers.wiring.web import build_web

RELEASE_FIRST = "会計事務所との共有を解除してください。"


async def test_an_application_is_led_to_its_end_over_the_web(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment, smtp_inbox: SmtpInbox
) -> None:
    async with environment_with_worker(sessions, temporal, smtp_inbox) as environment:
        app = build_web(environment.settings, sessions, temporal.client, customers_signer)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web.test") as http,
        ):

            async def report(kind: str, **facts: Any) -> httpx.Response:
                return await http.post("/api/events", json={"event_id": str(uuid4()), "kind": kind, **facts})

            async def page() -> str:
                return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", (await http.get(status_url)).text))

            async def page_says(words: str) -> None:
                async def said() -> bool:
                    return words in await page()

                await until(said)

            sent = form([OFFICE_C]).model_dump(mode="json")
            received = (await http.post("/api/applications", json=sent)).json()
            status_url = received["status_url"]
            case = Case(environment, ApplicationNo(received["application_no"]), received["due_date"])
            await case.started()
            await at_rest(case, Stage.SHARING)
            await page_says(RELEASE_FIRST)

            released = await report("sharing_released", office_token=OFFICE_C[1])
            assert released.json()["status"] == "delivered"
            await at_rest(case, Stage.SET_UP)
            [issued] = await case.issued()
            await page_says(f"新しいサービス契約ID {issued.contract_id}")
            assert RELEASE_FIRST not in await page()

            of_pair = {"contract_id": issued.contract_id, "yayoi_id": OFFICE_C[0]}
            early = await report("owned_product_registered", **of_pair)
            assert (early.status_code, early.json()["title"]) == (409, "受け付けられません")
            for kind, facts in (
                ("support_password_set", of_pair),
                ("business_group_created", {"yayoi_id": OFFICE_C[0], "group_name": "弥生 C 商店"}),
                ("product_registered", of_pair),
                ("owned_product_registered", of_pair),
            ):
                answer = await report(kind, **facts)
                assert answer.status_code == 200, answer.text
            await at_rest(case, Stage.RELINK)
            today = day_in_japan(datetime.now(UTC))
            for kind, service in (("bank_account", "みずうみ銀行 普通 7654321"), ("air_regi", "Airレジ 本店")):
                answer = await report(
                    "service_relinked",
                    contract_id=issued.contract_id,
                    service_kind=kind,
                    service=service,
                    relinked_on=today.isoformat(),
                )
                assert answer.status_code == 200, answer.text
            assert [office.outcome for office in (await case.application.result()).offices] == [Outcome.COMPLETED]
            await page_says("お手続きはすべて完了しました。")
            late = await report("sharing_released", office_token=OFFICE_C[1])
            assert late.status_code == 404
