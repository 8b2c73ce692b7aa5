"""The gallery in the documents holds every mail, as the program writes it today."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from markupsafe import escape
from sqlalchemy.ext.asyncio import create_async_engine

from activities.templates import mail_templates
from models.mails import MailKind
from tests.conftest import new_database
from workers import database
from workers.gallery.pages import Exhibit, exhibits, pages
from workers.stack.inbox import html_of, text_of

GALLERY = Path(__file__).parent.parent / "docs" / "mails"


@pytest_asyncio.fixture(scope="module")
async def shown(postgres_socket: Path, _registry_template: str) -> AsyncIterator[list[Exhibit]]:
    async with new_database(postgres_socket, _registry_template) as url:
        engine = create_async_engine(url)
        yield await exhibits(database.sessions(engine))
        await engine.dispose()


async def test_the_documents_hold_the_mails_of_today(shown: list[Exhibit]) -> None:
    written = {path.name: text for path, text in pages(shown).items()}
    assert {path.name: path.read_text(encoding="utf-8") for path in GALLERY.iterdir()} == written, (
        "run: tetsuzuki mails"
    )


async def test_y18_y27_no_mail_is_missing(shown: list[Exhibit]) -> None:
    kinds = {each.kind for each in shown}
    assert set(MailKind) - kinds == set(), "add an entry to workers/gallery/entries.py"
    templates = {name.removesuffix(".txt") for name in mail_templates().list_templates() if not name.startswith("_")}
    missing = {name for name in templates if not any(f"{kind}_".startswith(f"{name}_") for kind in kinds)}
    assert missing == set(), "add an entry to workers/gallery/entries.py"
    assert len({each.name for each in shown}) == len(shown)


async def test_every_mail_is_whole_in_both_parts(shown: list[Exhibit]) -> None:
    for each in shown:
        text, html = text_of(each.mail), html_of(each.mail)
        for leftover in ("{{", "{%", "None", "Undefined", "\t", "\n\n\n"):
            assert leftover not in text, each.name
        for address in re.findall(r"https?://\S+", text):
            assert f'<a href="{escape(address)}"' in html, each.name
        words = [*map(str.strip, re.sub(r"<[^>]+>", "\n", html.partition("<body")[2]).splitlines())]
        for line in text.splitlines():
            for word in re.split(r"^(?:[■・]|[0-9]+\. )|[　 ]*：", line.strip("　 ")):
                assert escape(word) in "".join(words) or "://" in line or set(line) == {"―"}, (each.name, word)
        assert not re.search(r"<(img|link|script|iframe)|url\(|src=", html), each.name


async def test_y18_every_applicants_mail_of_a_case_links_to_its_page(shown: list[Exhibit]) -> None:
    of_cases = [each for each in shown if each.kind in set(MailKind) and not MailKind(each.kind).for_operators]
    for each in of_cases:
        [number] = re.findall(r"申込番号：(YS-[0-9]+)", "".join(text_of(each.mail).rsplit("――", 1)[1:]))
        assert f"https://tetsuzuki.example.jp/applications/{number}" in text_of(each.mail), each.name


async def test_y27_a_pair_that_was_told_of_its_id_is_told_of_the_end_on_a_page_of_its_own(shown: list[Exhibit]) -> None:
    applicant, pair = (each.mail for each in shown if each.kind == MailKind.CANCELLED)
    assert (applicant["To"], pair["To"]) == ("info@akai.example.co.jp", "office-2@akai.example.co.jp")
    assert "/offices/1?" not in text_of(applicant)
    assert "/offices/1?" in text_of(pair)
    for told in (applicant, pair):
        assert "お知らせしたサービス契約ID（7000004）は、ご利用いただけなくなりました。" in text_of(told)
        assert "連携していたサービスは、お申し込みの前の状態に戻しました。" in text_of(told)


async def test_y27_who_left_is_told_what_became_of_the_sharing(shown: list[Exhibit]) -> None:
    [withdrawn] = [text_of(each.mail) for each in shown if each.kind == MailKind.WITHDRAWN]
    assert "・弊社で解除した「税理士法人さくら」との共有は、お申し込みの前の状態に戻しました。" in withdrawn
