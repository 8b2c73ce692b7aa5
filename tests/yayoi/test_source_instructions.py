"""The source's instructions are given where the document says, and the pages that it names can be set and reached."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.testing import WorkflowEnvironment

from models.common.contact import Contact
from models.myics.vendor_pages import MyicsPages
from models.yayoi.vendor_pages import HelpPages, YayoiPages
from tests.support.web import Web, text_of, web_on
from web.common.context import WebContext
from workers.settings import Settings
from workers.wiring.derived import myics_pages, named_in_mails, yayoi_pages

ROOT = Path(__file__).parents[2]
ROWS = re.findall(
    r"^\| ([^|]+?) \| (`[^`]+`|—) \| ([^|]+?) \|$",
    (ROOT / "docs" / "source-instructions.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
PHONE, HOURS = "03-1234-5678", "平日 9:30～17:30"
REACHED = Contact(name="カスタマーセンター", phone=PHONE, hours=HOURS, url="https://www.example.co.jp/contact")
TEMPLATES = sorted((ROOT / "web" / "templates").rglob("*.html"))


@pytest.mark.parametrize(("instruction", "place", "words"), ROWS, ids=[row[0] for row in ROWS])
def test_each_instruction_of_the_source_is_where_the_document_says(instruction: str, place: str, words: str) -> None:
    assert instruction
    if place == "—":
        assert len(words) > len("why")
    else:
        assert words in (ROOT / place.strip("`")).read_text(encoding="utf-8")


def test_the_document_lists_the_whole_source() -> None:
    assert len(ROWS) > 70


@pytest.mark.parametrize("name", HelpPages.model_fields)
def test_every_page_that_the_source_links_is_shown_somewhere(name: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (*TEMPLATES, *ROOT.glob("activities/*/mails/*.md"))]
    texts.append((ROOT / "web/yayoi/customer/products.py").read_text(encoding="utf-8"))
    assert any(f'"{name}"' in text or f"help.{name}" in text for text in texts)


def test_the_document_of_settings_names_every_help_page_by_its_title() -> None:
    document = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", document, re.MULTILINE)
    assert listed == [(name, HelpPages.title(name)) for name in HelpPages.model_fields]


# --- settings ---------------------------------------------------------------------------------------------------------


def test_one_help_page_can_be_moved_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TETSUZUKI_HELP_PAGES", json.dumps({"roles": "https://support.example.co.jp/roles"}))
    pages = yayoi_pages(Settings()).help
    assert pages.roles == "https://support.example.co.jp/roles"
    assert pages.licences == HelpPages().licences


def test_what_is_set_is_what_pages_and_mails_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TERMS_URL", "https://a.example/t"), ("CONTACT_PHONE", "０３-1234-5678")):
        monkeypatch.setenv(f"TETSUZUKI_{name}", value)
    monkeypatch.setenv("TETSUZUKI_MYICS_SUPPORT_PHONE", PHONE)
    monkeypatch.setenv("TETSUZUKI_PUBLIC_URL", "https://apply.example.co.jp/")
    settings = Settings()
    assert (yayoi_pages(settings).terms, yayoi_pages(settings).contact.phone) == ("https://a.example/t", PHONE)
    assert myics_pages(settings).contact.phone == PHONE
    assert named_in_mails(settings)["enquiry_url"] == "https://apply.example.co.jp/enquiry"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TERMS_URL", "www.example.co.jp/terms"),
        ("PRIVACY_URL", "javascript:alert(1)"),
        ("CONTACT_URL", "https:///nowhere"),
        ("CONTACT_PHONE", "ask at the desk"),
        ("HELP_PAGES", "{"),
        ("HELP_PAGES", '{"rolls": "https://a.example"}'),
        ("HELP_PAGES", '{"roles": "a.example"}'),
        ("MYICS_TERMS_URL", "https://a b.example"),
    ],
)
def test_an_address_that_no_browser_opens_is_refused(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TETSUZUKI_{variable}", value)
    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.long
def test_the_start_names_the_variable_and_what_in_it_is_wrong() -> None:
    wrong = os.environ | {"TETSUZUKI_HELP_PAGES": '{"roles": "a.example"}'}
    ended = subprocess.run(
        [sys.executable, "-m", "workers", "web"], env=wrong, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: TETSUZUKI_HELP_PAGES: roles: ")


# --- pages ------------------------------------------------------------------------------------------------------------


async def test_y26_what_is_agreed_to_can_be_read(web: Web) -> None:
    page = (await web.http.get("/register")).text
    for address in (YayoiPages().terms, YayoiPages().privacy):
        assert f'href="{address}"' in page.partition('name="terms"')[0].partition("<form")[2]


async def test_every_page_says_how_to_ask_alike(
    sessions: async_sessionmaker[AsyncSession], temporal: WorkflowEnvironment
) -> None:
    named = {"yayoi_pages": YayoiPages(contact=REACHED), "myics_pages": MyicsPages(contact=REACHED)}
    async with web_on(sessions, temporal.client, **named) as web:
        http = web.http
        for path in ("/", "/plan", "/apply", "/token", "/register", "/nowhere", "/guide/use", "/guide/group-members"):
            page = (await http.get(path)).text.partition('<footer class="site">')[2]
            assert f'<a href="/enquiry">お問い合わせ画面</a>（お電話：<a href="tel:{PHONE}">' in page
            assert f"受付時間：{HOURS}" in page
        enquiry = await http.get("/enquiry")
        assert "https://www.example.co.jp/contact" in enquiry.text
        myics = (await http.get("/myics/sign-in")).text
        assert f'<a href="{REACHED.url}">カスタマーセンター</a>（お電話：<a href="tel:{PHONE}">' in myics


async def test_a_refusal_that_names_the_enquiry_page_links_it(web: Web) -> None:
    """Texts of procedures are plain; a page makes what they name a link, and nothing else in them markup."""
    templates = web.app.state.services[WebContext].templates
    shown = templates.env.from_string("{{ text | linked }}").render(text="<b>お問い合わせ画面</b>からご連絡ください。")
    assert shown == '&lt;b&gt;<a href="/enquiry">お問い合わせ画面</a>&lt;/b&gt;からご連絡ください。'


@pytest.mark.parametrize("path", TEMPLATES, ids=[path.stem for path in TEMPLATES])
def test_every_ask_us_of_a_page_says_how(path: Path) -> None:
    """A sentence that sends somebody to us names the way, by the one text that knows it."""
    for sentence in re.split(r"[。\n]", path.read_text(encoding="utf-8")):
        if re.search("(お問い合わせ|ご連絡|お電話)ください", sentence):
            assert "{{ ask_us }}" in sentence or "{{ ask_myics }}" in sentence or "管理者" in sentence, sentence
        assert "カスタマーセンターへ" not in sentence


NAMED = re.compile("お問い合わせ画面|MYICS サポート|メールに記載の窓口|メールの差出人")
SOURCES = [path for folder in ("models", "web") for path in sorted((ROOT / folder).rglob("*.py"))]


def test_every_ask_us_of_a_text_names_a_place_that_pages_link() -> None:
    for path in SOURCES:
        for sentence in re.split(r"[。\n]", path.read_text(encoding="utf-8")):
            if re.search("(お問い合わせ|ご連絡|お電話)ください", sentence) and "管理者" not in sentence:
                assert NAMED.search(sentence), f"{path}: {sentence}"


async def test_the_help_pages_are_reached_from_where_they_are_needed(web: Web) -> None:
    for path, places in {
        "/": ("/guide/group-members", "/guide/use"),
        "/apply": ("/guide/group-members",),
        "/register": ("/guide/group-members", "/password"),
    }.items():
        page = (await web.http.get(path)).text
        for place in places:
            assert f'href="{place}"' in page
            assert (await web.http.get(place)).status_code == 200
    assert "［メンバー一覧］をクリックします" in text_of(await web.http.get("/guide/group-members"))
