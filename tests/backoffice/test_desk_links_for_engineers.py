"""From a case's page to its traces and its lines of the log."""

import re

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.desk_links import desk_case_path
from models.common.possible_operations import CaseNow
from models.yayoi.procedures import Stage
from tests.support.desk import DeskSite, desk_on, fill_operators

NOW = CaseNow(
    workflow_type="OfficeDataProcedure",
    run_id="run",
    version=7,
    title="事業所C",
    stage=Stage.SHARING,
    next_step="操作は不要です。",
    possible=(),
)
TRACES = "https://traces.example.co.jp/explore?q=%7Bspan.tetsuzuki.case%3D%22{case}%22%7D&limit=20"


async def links_on(desk: DeskSite) -> list[str]:
    await desk.sign_in("sk")
    desk.cases.cases["YS-000001", 1] = NOW
    page = await desk.http.get(desk_case_path("YS-000001", 1))
    assert page.is_success
    return re.findall(r'href="(https://[^"]+)"', page.text)


async def test_a_case_s_page_leads_to_its_traces_and_log_where_they_are_set(
    sessions: async_sessionmaker[AsyncSession],
) -> None:
    await fill_operators(sessions)
    logs = "https://logs.example.co.jp/{case}"
    async with desk_on(sessions, traces_url=TRACES, logs_url=logs) as desk:
        traces, log = await links_on(desk)
    assert traces == TRACES.replace("{case}", "YS-000001").replace("&", "&amp;")
    assert log == "https://logs.example.co.jp/YS-000001"
    async with desk_on(sessions) as desk:
        assert await links_on(desk) == []
