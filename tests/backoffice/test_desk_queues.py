"""The desk's page of queues: every queue with its links, everybody's and one's own by who is logged in."""

from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from models.common.calendar import day_in_japan
from models.common.operators import Role
from tests.support.desk import DESK, DeskSite
from tests.support.web import text_of
from web.backoffice.desk_queues import QUEUES
from workers.settings import Settings
from workers.wiring.derived import desk_url
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
        if tag == "h2":
            self.headings.append(data)
        if tag == "a":
            self.links.setdefault(data, []).append(address)


def expected(desk: DeskSite, operator: str | None) -> list[str]:
    """Return the links of every queue on the desk's day."""
    asked = QueueFilter(day_in_japan(desk.clock.now()), operator)
    return [link(DESK, "default", queue, asked) for queue in Queue]


def saving(operator: str | None) -> list[str]:
    """Return the links that save a view; they are the same every day."""
    asked = QueueFilter(date(2026, 11, 20), operator)
    return [link(DESK, "default", queue, asked, save=True) for queue in Queue if not queue.for_one_day]


async def test_every_queue_is_there_in_order_with_its_purpose_everybodys_and_ones_own(desk: DeskSite) -> None:
    await desk.sign_in("sk")
    answer = await desk.http.get(QUEUES)
    assert answer.status_code == 200
    page = Links(answer.text)
    assert page.headings == [queue.value for queue in Queue]
    assert all(queue.purpose in answer.text for queue in Queue)
    assert page.links.keys() == {OWN, SAVE_OWN, EVERYBODYS, SAVE_EVERYBODYS}
    assert page.links[EVERYBODYS] == expected(desk, None)
    assert page.links[SAVE_EVERYBODYS] == saving(None)
    assert page.links[OWN] == expected(desk, "佐藤")
    assert page.links[SAVE_OWN] == saving("佐藤")
    queries = [parse_qs(urlsplit(address).query)["query"][0] for address in page.links[OWN]]
    assert all(query.endswith("AND Assignee = '佐藤'") for query in queries)
    assert "「Saved Views に保存する」のリンクは、はじめに一度だけ押してください。" in answer.text
    assert "「今週が期限」「本日終了」は、日付で絞り込むため保存できません" in answer.text


async def test_whose_queues_they_are_is_nobodys_to_choose(desk: DeskSite) -> None:
    await desk.sign_in("sk")
    page = Links((await desk.http.get(QUEUES, params={"name": "田中"})).text)
    assert page.links[OWN] == expected(desk, "佐藤")
    assert "田中" not in (await desk.http.get(QUEUES, params={"name": "田中"})).text


async def test_an_administrator_has_no_queues_and_is_led_to_none(desk: DeskSite) -> None:
    await desk.add("ad", Role.ADMINISTRATOR)
    await desk.sign_in("ad")
    assert (await desk.http.get(QUEUES)).status_code == 403
    assert QUEUES not in (await desk.http.get("/desk")).text
    async with desk.browser() as auditor:
        await desk.sign_in("kn", auditor)
        assert QUEUES in (await auditor.get("/desk")).text


async def test_a_name_that_cannot_be_in_a_query_leaves_everybodys_queues(desk: DeskSite) -> None:
    await desk.change("sk", name="オ'ニール")
    await desk.sign_in("sk")
    answer = await desk.http.get(QUEUES)
    assert Links(answer.text).links.keys() == {EVERYBODYS, SAVE_EVERYBODYS}
    assert "名前に「'」か「\\」があるため" in text_of(answer)


def test_the_guide_installs_the_same_views_in_an_embedded_stack() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "operators.ja.md").read_text(encoding="utf-8")
    ui_url = desk_url(Settings())
    for queue in Queue:
        if not queue.for_one_day:
            assert f"]({link(ui_url, 'default', queue, QueueFilter(date(2026, 11, 20)), save=True)})" in guide, queue
