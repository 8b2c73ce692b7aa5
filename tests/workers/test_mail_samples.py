"""Each template has a mail sample, the documents hold the samples as they are today, and no value becomes markup."""

import re
import string
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from activities.common.mail_html import html_of
from activities.common.mail_templates import mail_templates
from models.myics.mails import MyicsMail
from models.yayoi.mails import MailKind
from tests.support.mail_outline import Outline
from workers.mail_samples.documents import pages, written
from workers.mail_samples.samples import SAMPLES, Sample

DOCUMENTS = Path(__file__).parents[2] / "docs" / "mails"
OF_ONE_CASE = [kind for kind in MailKind if kind is not MailKind.CONFIRM_APPLICATIONS]
"""That one is about several applications, whose pages are nobody's yet."""
OURS = ("https://tetsuzuki.example.jp", "https://temporal.example.jp")
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])


def test_the_documents_hold_the_mails_of_today() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in DOCUMENTS.iterdir()} == pages(), (
        "run: tetsuzuki mails"
    )


def test_every_mail_to_operators_says_since_when_and_leads_to_where_they_act() -> None:
    wanting = {
        sample.name: text
        for sample in SAMPLES
        if sample.to.endswith("@back-office.example.jp")
        if not re.search(r"\d{4}年\d+月\d+日", text := written(sample).body)
        or "https://temporal.example.jp/desk" not in text
    }
    assert wanting.keys() == {MailKind.APPROVAL_ANSWERED}  # it answers what one has asked for oneself


def test_y18_y27_no_mail_is_missing() -> None:
    names = {sample.name for sample in SAMPLES}
    assert {*MailKind, *MyicsMail} - names == set(), "add a sample to workers/mail_samples/samples.py"
    templates = {name.removesuffix(".md") for name in mail_templates().list_templates() if not name.startswith("_")}
    assert templates == {sample.template or sample.name for sample in SAMPLES}, (
        "add a sample to workers/mail_samples/samples.py"
    )
    assert len(names) == len(SAMPLES)


@each_sample
def test_every_mail_is_whole_in_both_parts(sample: Sample) -> None:
    mail = written(sample)
    text, html = mail.body, html_of(mail.subject, mail.markdown)
    for leftover in ("{{", "{%", "None", "Undefined", "\t", "\n\n\n"):
        assert leftover not in text
    for address in re.findall(r"https?://\S+", text):
        assert f'<a href="{escape(address)}"' in html
    words = [*map(str.strip, re.sub(r"<[^>]+>", "\n", html.partition("<body")[2]).splitlines())]
    for line in text.splitlines():
        for word in re.split(r"^(?:[■・]|[0-9]+\. )|[　 ]*：", line.strip("　 ")):
            assert escape(word) in "".join(words) or "://" in line or set(line) == {"―"}, word
    assert not re.search(r"<(img|link|script|iframe)|url\(|src=", html)


@pytest.mark.parametrize("kind", [kind for kind in OF_ONE_CASE if not kind.for_operators])
def test_y18_every_applicants_mail_of_a_case_links_to_its_page(kind: MailKind) -> None:
    [text] = [written(sample).body for sample in SAMPLES if sample.name == kind]
    [number] = re.findall(r"申込番号：(YS-[0-9]+)", "".join(text.rsplit("――", 1)[1:]))
    assert f"https://tetsuzuki.example.jp/applications/{number}" in text


HOSTILE = (
    f"{string.punctuation}{{}}{string.punctuation}",
    *("# {}", "- {}", "+ {}", "1. {}", "1) {}", "> {}", "    {}", "{}  ", "{}\\", "--- {}", "| {} | {} |", "``` {}"),
    *(
        "*{}*",
        "_{}_",
        "**{}** __{}__",
        "`{}`",
        "~~{}~~",
        "|{}|",
        "[{}](https://evil.example/)",
        "![{}](https://evil.example/x.png)",
        "[{}]: /x",
    ),
    *("<https://evil.example/{}>", "<script>{}</script>", "<!-- {} -->", "&lt;{}&#x3e;", "https://evil.example/{}"),
)


def hostile_to(sample: Sample) -> Sequence[str]:
    """Return the patterns that are tried with this mail each time: a fifth, so that each is tried with many mails."""
    return HOSTILE[SAMPLES.index(sample) % 5 :: 5]


@pytest.mark.parametrize(
    ("sample", "patterns"),
    [
        pytest.param(sample, patterns, id=f"{sample.name}-{which}", marks=marks)
        for sample in SAMPLES
        for which, patterns, marks in (("some", hostile_to(sample), []), ("all", HOSTILE, [pytest.mark.long]))
    ],
)
def test_no_value_of_any_mail_becomes_markup(sample: Sample, patterns: Sequence[str]) -> None:
    """Each part is what it is with plain words, with what was typed in their place."""
    numbers = count()
    plain = changed(sample.facts, lambda _: f"v{next(numbers)}x")
    before = written(sample, plain)
    page_before = Outline(html_of(before.subject, before.markdown))
    for pattern in patterns:
        typed = partial(typed_as, pattern)
        mail = written(sample, changed(plain, typed))
        page = Outline(html_of(mail.subject, mail.markdown))
        assert squeezed(mail.body) == squeezed(typed(before.body)), pattern
        assert page.links == page_before.links, pattern
        assert changed(page.content, squeezed) == changed(changed(page_before.content, typed), squeezed), pattern


def typed_as(pattern: str, text: str) -> str:
    return re.sub(r"v\d+x", lambda name: pattern.replace("{}", name[0]), text)


def changed(value: Any, change: Callable[[str], str]) -> Any:
    """Change every text in facts or in a page, but for our own addresses, and for what the rules name."""
    if isinstance(value, Mapping):
        names = {key: key if re.fullmatch("[A-Za-z_]+|[0-9]+", str(key)) else change(key) for key in value}
        return {names[key]: changed(each, change) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [changed(each, change) for each in value]
    return change(value) if type(value) is str and value and not value.startswith(OURS) else value


def squeezed(text: str) -> str:
    """Without spaces: HTML and lists show them in their own way."""
    return "".join(text.split())
