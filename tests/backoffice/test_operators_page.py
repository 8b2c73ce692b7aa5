"""The operators' page as served: every queue with its links, an own filter on request, and nothing of any case."""

from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from models.common.calendar import day_in_japan
from tests.support.web import UI, Web
from web.backoffice.operators import NO_NAME
from workers.settings import Settings
from workers.wiring.derived import temporal_ui_url
from workflows.backoffice.queues import Queue, QueueFilter, link

OWN, EVERYBODYS = "自分の担当", "全員の担当"
SAVE_OWN, SAVE_EVERYBODYS = f"{OWN}を Saved Views に保存する", f"{EVERYBODYS}を Saved Views に保存する"


class Links(HTMLParser):
    """The page's own headings in their order, and its links by their text, in the order of the headings."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.links: dict[str, list[str]] = {}
        self._within: tuple[str, str] = ("", "")
        self.feed(html.partition("<main")[2].partition("</main>")[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = (tag, dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 the parser's
        self._within = ("", "")

    def handle_data(self, data: str) -> None:
        tag, address = self._within
        if tag == "h3":
            self.headings.append(data)
        if tag == "a":
            self.links.setdefault(data, []).append(address)


def expected(operator: str | None, days: set[datetime]) -> list[list[str]]:
    """Return the links of every queue; of two days when one ended while the page was asked for."""
    asked = [QueueFilter(day, operator) for day in {day_in_japan(moment) for moment in days}]
    return [[link(UI, "default", queue, each) for queue in Queue] for each in asked]


def saving(operator: str | None) -> list[str]:
    """Return the links that save a view; they are the same every day."""
    asked = QueueFilter(date(2026, 11, 20), operator)
    return [link(UI, "default", queue, asked, save=True) for queue in Queue if not queue.for_one_day]


async def test_every_queue_is_there_in_order_with_its_purpose_and_todays_link(web: Web) -> None:
    before = datetime.now(UTC)
    answer = await web.http.get("/operators")
    days = {before, datetime.now(UTC)}
    assert answer.status_code == 200
    page = Links(answer.text)
    assert page.headings == [queue.value for queue in Queue]
    assert all(queue.purpose in answer.text for queue in Queue)
    assert page.links.keys() == {EVERYBODYS, SAVE_EVERYBODYS}
    assert page.links[EVERYBODYS] in expected(None, days)
    assert page.links[SAVE_EVERYBODYS] == saving(None)


async def test_with_a_name_each_queue_has_an_own_link_too(web: Web) -> None:
    before = datetime.now(UTC)
    page = Links((await web.http.get("/operators", params={"name": " 佐藤　"})).text)
    days = {before, datetime.now(UTC)}
    assert page.links.keys() == {OWN, SAVE_OWN, EVERYBODYS, SAVE_EVERYBODYS}
    assert page.links[OWN] in expected("佐藤", days)
    assert page.links[SAVE_OWN] == saving("佐藤")
    assert page.links[EVERYBODYS] in expected(None, days)
    queries = [parse_qs(urlsplit(address).query)["query"][0] for address in page.links[OWN]]
    assert all(query.endswith("AND Assignee = '佐藤'") for query in queries)


async def test_a_blank_name_is_none(web: Web) -> None:
    assert Links((await web.http.get("/operators?name=%20")).text).links.keys() == {EVERYBODYS, SAVE_EVERYBODYS}


async def test_the_page_says_that_saving_is_done_once_and_what_is_opened_from_here(web: Web) -> None:
    text = (await web.http.get("/operators")).text
    assert "「Saved Views に保存する」のリンクは、はじめに一度だけ押してください。" in text
    assert "「今週が期限」「本日終了」は、日付で絞り込むため保存できません" in text


def test_the_guide_installs_the_same_views_in_an_embedded_stack() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "operators.ja.md").read_text(encoding="utf-8")
    ui_url = temporal_ui_url(Settings())
    for queue in Queue:
        if not queue.for_one_day:
            assert f"]({link(ui_url, 'default', queue, QueueFilter(date(2026, 11, 20)), save=True)})" in guide, queue


@pytest.mark.parametrize("name", ["佐藤' OR ExecutionStatus = 'Running", "佐藤\\"])
async def test_a_name_that_cannot_be_in_a_query_is_refused_in_japanese(web: Web, name: str) -> None:
    answer = await web.http.get("/operators", params={"name": name})
    assert answer.status_code == 400
    assert "担当者の名前に「" in answer.text
    assert NO_NAME.partition("。")[2] in answer.text
    assert "ExecutionStatus" not in answer.text


async def test_a_name_is_text_and_never_markup(web: Web) -> None:
    text = (await web.http.get("/operators", params={"name": '"><b>佐藤</b>'})).text
    assert "<b>" not in text
    assert "&lt;b&gt;佐藤&lt;/b&gt;" in text


async def test_the_page_holds_nothing_of_any_case_and_has_the_security_headers(web: Web) -> None:
    application_no = await web.applied()
    answer = await web.http.get("/operators")
    assert application_no not in answer.text
    assert "弥生 太郎" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
