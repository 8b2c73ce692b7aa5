"""`tetsuzuki mails`: every mail sample as a file of text and one of HTML, and a page that shows them all."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment

from activities.common.mail_html import html_of
from activities.common.mail_templates import mail_templates
from activities.common.outbox import WrittenMail
from models.common.contact import Contact
from models.myics.vendor_pages import MYICS_SUPPORT, SITE, MyicsPages
from models.yayoi.vendor_pages import YayoiPages
from workers.mail_samples.samples import SAMPLES, Sample

_HOURS = "平日 9:30～17:30"
_HEAD = """\
# メールの一覧 / Every mail

Written by `tetsuzuki mails` from the templates in `activities/*/mails`: change those, not this. People and
addresses are made up; each mail is what the program sends for them, as text and as HTML, both from the same Markdown.

| 件名 | いつ送るか |
|---|---|"""


def write_samples(into: Path) -> None:
    """Write the samples anew, and remove what is none any more."""
    files = pages()
    into.mkdir(parents=True, exist_ok=True)
    for left in set(into.iterdir()) - {into / name for name in files}:
        left.unlink()
    for name, text in files.items():
        (into / name).write_text(text, encoding="utf-8")


def written(sample: Sample, facts: Mapping[str, Any] | None = None) -> WrittenMail:
    """Return the mail of a sample, with its own facts or with others."""
    template = _templates().get_template(f"{sample.template or sample.name}.md")
    return WrittenMail(sample.to, sample.subject, template.render(sample.facts if facts is None else facts))


@cache
def _templates() -> Environment:
    """Return the templates, with phones: mails show them where the settings name one."""
    yayoi = Contact(name="弥生株式会社 カスタマーセンター", phone="050-0000-0000", hours=_HOURS)
    return mail_templates(
        yayoi_pages=YayoiPages(contact=yayoi),
        myics_pages=MyicsPages(contact=Contact(name=MYICS_SUPPORT, phone="050-0000-0001", hours=_HOURS, url=SITE)),
        enquiry_url="https://tetsuzuki.example.jp/enquiry",
    )


def pages() -> dict[str, str]:
    """Return the files and what they hold."""
    mails = {sample.name: written(sample) for sample in SAMPLES}
    contents = [f"| [{sample.subject}](#{sample.name}) | {sample.when} |" for sample in SAMPLES]
    sections = [_section(sample, mails[sample.name].body) for sample in SAMPLES]
    return {
        "README.md": "\n".join([_HEAD, *contents, "", *sections]),
        **{f"{name}.txt": mail.body for name, mail in mails.items()},
        **{f"{name}.html": html_of(mail.subject, mail.markdown) for name, mail in mails.items()},
    }


def _section(sample: Sample, text: str) -> str:
    return f"""\
<a id="{sample.name}"></a>

## {sample.subject}

{sample.when}。宛先：`{sample.to}`。[HTML]({sample.name}.html)、[テキスト]({sample.name}.txt)

```text
{text.strip()}
```
"""
