"""Both parts of a mail say what its Markdown says, no more and no less, in the structure that the template has."""

import re
import string
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from hypothesis import example, given
from hypothesis import strategies as st
from playwright.async_api import Browser

from activities.common.mail_html import html_of
from activities.common.mail_markdown import text_of
from activities.common.mail_templates import mail_templates
from tests.support.mail_outline import Outline

SAMPLES = sorted((Path(__file__).parents[2] / "docs" / "mails").glob("*.html"))
WIDTHS = (375, 700)
FACTS = "| | |\n|-|-|\n"


def content(markdown: str) -> list[Any]:
    return Outline(html_of("件名", markdown)).content


def filled(template: str, **values: str) -> str:
    return mail_templates().from_string(template).render(values)


def words(element: Any) -> str:
    return element if isinstance(element, str) else "".join(map(words, element[1:]))


def test_a_heading_a_paragraph_and_its_lines() -> None:
    assert content("## 見出し\n一行目です。\n二行目です。\n\n次の段落です。\n") == [
        ["h2", "見出し"],
        ["p", "一行目です。", ["br"], "二行目です。"],
        ["p", "次の段落です。"],
    ]


def test_lists_and_what_goes_on_with_an_item() -> None:
    assert content("前書き\n- 一\n  続き\n- 二\n1. 始めに\n2. 次に\n   続き\n") == [
        ["p", "前書き"],
        ["ul", ["li", "一", ["br"], "続き"], ["li", "二"]],
        ["ol", ["li", "始めに"], ["li", "次に", ["br"], "続き"]],
    ]


def test_facts_that_follow_each_other_are_one_table_with_headers() -> None:
    facts = "| 申込番号 | YS-000001 |\n| サービス契約ID（お客様番号） | 7000001 |\n\n"
    assert content(f"{FACTS}{facts}{FACTS}| 画面 | <https://a.example/b> |\n") == [
        [
            "table",
            ["tr", ["th", "申込番号"], ["td", "YS-000001"]],
            ["tr", ["th", "サービス契約ID（お客様番号）"], ["td", "7000001"]],
        ],
        ["table", ["tr", ["th", "画面"], ["td", ["a", "https://a.example/b"]]]],
    ]


@pytest.mark.parametrize(
    "line",
    [
        "1 件目「支店」（弥生ID：a@example.jp）の内容です。",
        "次のとおりです。件名：お知らせ",
        "（続きは：画面）",
        "https://example.jp/a：b",
        "名称だけ：",
    ],
)
def test_a_sentence_with_a_colon_is_no_fact(line: str) -> None:
    assert content(line) == [["p", line]]


def test_notes_commands_and_small_print() -> None:
    small_print = f"{FACTS}| 申込番号 | YS-000001 |\n\n署名\n"
    assert content(f"※注記\n　続き\n※次の注記\n\n`tetsuzuki up`\n\n---\n{small_print}") == [
        ["p", "※注記", ["br"], "　続き", ["br"], "※次の注記"],
        ["p", ["code", "tetsuzuki up"]],
        ["div", ["table", ["tr", ["th", "申込番号"], ["td", "YS-000001"]]], ["p", "署名"]],
    ]


def test_what_stands_under_a_heading_is_not_in_it() -> None:
    assert content("## 確認コード\n> 123456\n") == [["h2", "確認コード"], ["blockquote", ["p", "123456"]]]


def test_the_text_part_has_the_marks_of_japanese_mails_and_the_empty_lines_of_the_source() -> None:
    markdown = (
        f"前書き\n- 一\n  続き\n- 二\n\n## 見出し\n1. 始めに\n2. 次に\n   続き\n\n{FACTS}| 申込番号 | YS-000001 |\n"
        "| 画面 | <https://a.example/b?x=1&y=%2F> |\n\n"
        "※注記\n　続き\n> 引用\n>\n> 続き\n\n`tetsuzuki up`\n\n---\n署名\n"
    )
    assert text_of(markdown) == (
        "前書き\n・一\n　続き\n・二\n\n■見出し\n1. 始めに\n2. 次に\n　続き\n\n申込番号：YS-000001\n"
        "画面：https://a.example/b?x=1&y=%2F\n\n※注記\n　続き\n　引用\n　\n　続き\n\ntetsuzuki up\n\n"
        "――――――――――――――――――――――――――――――\n署名\n"
    )


@pytest.mark.parametrize("command", ["tetsuzuki show a_b*c", "a `b` ``c", "`", "a\nb"])
def test_a_command_is_shown_as_it_is_typed(command: str) -> None:
    markdown = filled("{{ command | as_code }}", command=command)
    assert content(markdown) == [["p", ["code", command.replace("\n", " ")]]]
    assert text_of(markdown) == command.replace("\n", " ") + "\n"


@pytest.mark.parametrize(
    "address",
    [
        "https://tetsuzuki.example.jp/applications/YS-000001/offices/1?until=2027-02-18&key=U7yD9n_-HXq",
        "http://[::1]:8000/namespaces/default/workflows/application%2FYS-000001",
        "http://localhost:8080/members/join?link=a.b-c_d~e",
        "https://a.example/*b*_c_(d)!~'%7C?e=&amp;&lt;f",
    ],
)
def test_a_link_leads_exactly_to_the_address_it_was_given(address: str) -> None:
    markdown = filled("{{ address | as_link }}", address=address)
    assert Outline(html_of("件名", markdown)).links == [address]
    assert text_of(markdown) == f"{address}\n"


def test_an_address_alone_in_its_line_is_a_link_that_shows_where_it_leads() -> None:
    markdown = filled("次の画面です。\n{{ url | as_link }}\n", url="https://a.example/b?until=1&key=x")
    page = Outline(html_of("件名", markdown))
    assert page.links == ["https://a.example/b?until=1&key=x"]
    assert page.content == [["p", "次の画面です。", ["br"], ["a", "https://a.example/b?…"]]]


@pytest.mark.parametrize(
    "line",
    [
        "https://evil.example/ 太郎 様",
        "太郎 https://evil.example/ 様",
        "javascript:alert(1)",
        "https://",
        "ftp://evil.example/",
        '<a href="https://evil.example/">弥生</a>',
        "<https://evil.example/>",
        "<taro@evil.example>",
        "[弥生](https://evil.example/)",
        "![弥生](https://evil.example/x.png)",
        "[弥生][1]",
    ],
)
def test_nothing_else_is_a_link(line: str) -> None:
    markdown = filled("{{ line }}\n\n[1]: https://evil.example/", line=line)
    page = Outline(html_of("件名", markdown))
    assert page.links == []
    assert "".join(map(words, page.content)) == line
    assert text_of(markdown) == f"{line}\n"


def test_the_page_says_its_language_its_title_and_nothing_from_elsewhere() -> None:
    page = html_of("件名 <b>&", "本文")
    assert '<html lang="ja">' in page
    assert "<title>件名 &lt;b&gt;&amp;</title>" in page
    assert '<meta name="color-scheme" content="light dark">' in page
    assert "http" not in page
    assert not re.search(r"url\(|@import|(?<!-)color:|background", page)  # colours are the reader's own


_SIGNS = f"■・※―　 1：。（）「」ahtps弥{string.punctuation}\n\r\t\u2028"


@given(st.text(st.sampled_from(_SIGNS), max_size=80))
@example("・\n　\n■\n※\n名：値\n――――弥\n　弥")
@example("    # x\n- y\n1. z  \n&amp; &#35; \\* | `a` |\\")
def test_whatever_the_text_says_is_there_to_be_read(text: str) -> None:
    marks = {"": "", "- ": "・", "> ": "　", "## ": "■", f"{FACTS}| 名称 | ": "名称："}
    for in_markdown, in_text in marks.items():
        markdown = filled(in_markdown + "{{ text }}", text=text)
        assert said("".join(map(words, content(markdown))).removeprefix("名称")) == said(text)
        assert said(text_of(markdown).removeprefix(in_text)) == said(text)


def said(text: str) -> str:
    """Without what HTML shows in its own way."""
    return re.sub(r"\s", "", text)


@given(st.text(max_size=60), st.text(max_size=60))
@example("弥生\n■見出し", "太郎\r\nhttps://evil.example/")
@example("弥生\u2028・項目", "太郎\x0b1. 項目")
def test_what_is_filled_in_brings_no_structure(family_name: str, given_name: str) -> None:
    text = filled("受付：{{ a }} {{ b }} 様\n次の行", a=family_name, b=given_name)
    assert len(text.splitlines()) == 2
    page = Outline(html_of("件名", text))
    assert page.links == []
    assert [element[0] for element in page.content][-1] == "p"
    assert len(page.content) <= 2


@pytest.mark.browser
@pytest.mark.long
@pytest.mark.parametrize("width", WIDTHS)
async def test_every_mail_can_be_read_at_every_width_and_by_everybody(browser: Browser, width: int) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 800})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for mail in SAMPLES:
        await page.goto(mail.as_uri())
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await page.evaluate(wider) == 0, mail.name
        found = await Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]})
        assert found.violations_count == 0, (mail.name, found.generate_report())
    assert asked == [mail.as_uri() for mail in SAMPLES]


@pytest.mark.browser
async def test_in_the_dark_a_mail_is_light_on_dark(browser: Browser) -> None:
    page = await browser.new_page(color_scheme="dark")
    await page.goto(next(mail for mail in SAMPLES if mail.stem == "receipt").as_uri())
    colours = "Array.from(document.querySelectorAll('p, th, td, h2, li'), each => getComputedStyle(each).color)"
    assert set(await page.evaluate(colours)) == {"rgb(255, 255, 255)"}
