"""Forms as the Digital Agency's design system orders them, in every template of every product."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from models.common.calendar import day_in_words
from models.myics.vendor_pages import MyicsPages
from models.yayoi.vendor_pages import YayoiPages
from web.app import _templates
from web.common.page_form import PageForm

TEMPLATES = Path(__file__).parents[2] / "web" / "templates"
FIELDS = TEMPLATES / "common" / "fields.html"
OTHERS = [path for path in sorted(TEMPLATES.rglob("*.html")) if path != FIELDS]
each_template = pytest.mark.parametrize("path", OTHERS, ids=[f"{path.parent.name}-{path.stem}" for path in OTHERS])
LABEL, HINT, WRONG = "メールアドレス", "会社のアドレスです。", "入力してください。"
CALLS = {
    "text": 'text(page, "a.b", label, hint=hint)',
    "area": 'area(page, "a.b", label, hint=hint)',
    "file": 'file(page, "a.b", label, ".csv", hint=hint)',
    "choice": 'choice(page, "a.b", label, hint, [("1", "はい"), ("2", "いいえ")])',
    "select": 'select(page, "a.b", label, [("1", "はい"), ("2", "いいえ")], hint=hint)',
    "consent": 'consent(page, "a.b", label, hint=hint, need_word="必須")',
}


class Outline(HTMLParser):
    """The elements of one field in their order, each with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += [data.strip()] if data.strip() else []

    def one(self, **wanted: str) -> dict[str, str | None]:
        [found] = [facts for _, facts in self.elements if wanted.items() <= facts.items()]
        return found


def shown(call: str, *, wrong: bool) -> Outline:
    templates = _templates(YayoiPages(), MyicsPages())
    page = PageForm({"a.b": LABEL}, {"a.b": "taro"}, {"a.b": WRONG} if wrong else {})
    template = templates.env.from_string('{% import "common/fields.html" as f %}{{ f.' + call + " }}")
    return Outline(template.render(page=page, label=LABEL, hint=HINT))


@pytest.mark.parametrize("kind", CALLS)
def test_a_field_is_label_help_input_and_then_what_is_wrong(kind: str) -> None:
    field = shown(CALLS[kind], wrong=True)
    words = field.words
    order = [words.index(LABEL), words.index("必須"), words.index(HINT), words.index(f"＊{WRONG}")]
    assert order == sorted(order)
    inputs = [n for n, (tag, _) in enumerate(field.elements) if tag in {"input", "textarea", "select"}]
    [error] = [n for n, (_, facts) in enumerate(field.elements) if facts.get("id") == "a-b-error"]
    assert max(inputs) < error


@pytest.mark.parametrize("kind", CALLS)
def test_a_field_says_what_describes_it_and_whether_it_is_wrong(kind: str) -> None:
    described = {"choice": "fieldset", "area": "textarea", "select": "select"}.get(kind, "input")
    for wrong, ids in ((True, "a-b-hint a-b-error"), (False, "a-b-hint")):
        field = shown(CALLS[kind], wrong=wrong)
        [facts] = [facts for tag, facts in field.elements if tag == described and "aria-describedby" in facts]
        assert facts["aria-describedby"] == ids
        assert facts.get("aria-invalid") == ("true" if wrong else None)
        for each in ids.split():
            assert field.one(id=each)
        assert any(tag == "label" and inner.get("for") == "a-b" for tag, inner in field.elements)
        assert field.one(id="a-b")


def test_whether_a_field_is_needed_is_said_in_words() -> None:
    assert "必須" in shown('text(page, "a.b", label)', wrong=False).words
    assert "任意" in shown('text(page, "a.b", label, required=false)', wrong=False).words
    assert "連携する場合は必須" in shown('text(page, "a.b", label, need="連携する場合は必須")', wrong=False).words


def test_a_password_is_never_shown_again() -> None:
    field = shown('text(page, "a.b", label, type="password")', wrong=True)
    assert "value" not in field.one(id="a-b")


def test_each_password_is_filled_in_by_whoever_keeps_it_for_the_customer() -> None:
    fields = [each for path in OTHERS for each in re.findall(r"f\.text\([^{}]*\)", path.read_text(encoding="utf-8"))]
    secret = [each for each in fields if 'type="password"' in each]
    assert len(secret) > 5
    assert [each for each in secret if not re.search(r'autocomplete="(current|new)-password"', each)] == []
    assert not re.search(r"\bon[a-z]+=|readonly", FIELDS.read_text(encoding="utf-8"))  # nothing keeps one from pasting


@each_template
def test_every_field_of_every_form_is_made_by_the_one_macro(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    inputs = re.findall(r"<(?:input|textarea|select)\b[^>]*>", text)
    assert [each for each in inputs if 'type="hidden"' not in each and " hidden>" not in each] == []


def test_no_field_has_an_example_where_people_type() -> None:
    """A placeholder vanishes when it is needed, and is too pale to read."""
    for path in (FIELDS, *OTHERS):
        text = path.read_text(encoding="utf-8")
        for attribute in ("placeholder=", " disabled", " readonly", " required>", "<br><br>"):
            assert attribute not in text, path


@each_template
def test_no_template_brings_script_or_style_of_its_own(path: Path) -> None:
    assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=", path.read_text(encoding="utf-8"))


def test_days_are_written_as_everywhere() -> None:
    assert _templates(YayoiPages(), MyicsPages()).env.globals["day"] is day_in_words


NUMBERED = {
    1: ["plan"],
    2: ["register", "register_code", "register_done"],
    3: ["token"],
    4: ["apply", "apply_confirm"],
    5: ["support_password", "support_password_set", "support_password_done"],
    6: ["set_up", "business_group", "product"],
}


@pytest.mark.parametrize(("step", "names"), NUMBERED.items())
def test_every_page_of_a_step_says_where_one_stands(step: int, names: list[str]) -> None:
    for name in names:
        text = (TEMPLATES / "yayoi" / f"{name}.html").read_text(encoding="utf-8")
        assert f"{{{{ steps.nav({step}) }}}}" in text


@pytest.mark.parametrize("step", NUMBERED)
def test_the_step_where_one_stands_is_said_to_those_who_listen(step: int) -> None:
    templates = _templates(YayoiPages(), MyicsPages())
    nav = Outline(templates.env.from_string('{% import "yayoi/steps.html" as s %}{{ s.nav(step) }}').render(step=step))
    links = [facts for tag, facts in nav.elements if tag == "a"]
    assert [number for number, link in enumerate(links, start=1) if link.get("aria-current") == "step"] == [step]
    assert [word for word in nav.words if word.startswith("STEP")] == [f"STEP{number}" for number in range(1, 7)]
