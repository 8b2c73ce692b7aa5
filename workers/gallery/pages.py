"""`tetsuzuki mails`: every mail as a file of text and one of HTML, and a page that shows them all."""

from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from workers import database, examples
from workers.gallery.entries import ENTRIES
from workers.gallery.scene import Scene, made_up_settings
from workers.registry_file import load
from workers.stack.inbox import html_of, text_of
from workers.stack.places import postgres_url
from workers.stack.scratch import scratch_server

_DATABASE = "mails"
_INDEX = Path("README.md")
_HEAD = """\
# メールの一覧 / Every mail

Written by `tetsuzuki mails` from the templates in `activities/mails`: change those, not this. People and addresses are
made up; each mail is what the program sends for them, as text and as HTML that is made from the text.
"""


@dataclass(frozen=True)
class Exhibit:
    """One mail of the gallery."""

    name: str
    """Of its files, without their endings."""
    kind: str
    when: str
    mail: EmailMessage


async def write_gallery(into: Path) -> int:
    """Write the gallery anew, from a database of its own that is thrown away."""
    async with scratch_server(_DATABASE) as socket_dir:
        settings = made_up_settings().model_copy(update={"database_url": postgres_url(socket_dir, _DATABASE)})
        async with database.opened(settings) as sessions:
            await load(sessions, examples.registry())
            files = pages(await exhibits(sessions))
    into.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 nothing else runs in this program
    for left in set(into.iterdir()) - {into / path for path in files}:  # noqa: ASYNC240
        left.unlink()
    for path, text in files.items():
        (into / path).write_text(text, encoding="utf-8")
    return 0


async def exhibits(sessions: async_sessionmaker[AsyncSession]) -> list[Exhibit]:
    """Have every mail sent, in the order of the entries, in a database that holds the example registry and no more."""
    scene = Scene(sessions, made_up_settings())
    found = []
    for entry in ENTRIES:
        await entry.send(scene)
        sent = await scene.shown()
        same = [each.mail for each in sent if each.kind == sent[-1].kind]
        for number, mail in enumerate(same, start=1):
            name = sent[-1].kind + (f"-{number}" if number > 1 else "")
            found.append(Exhibit(name, sent[-1].kind, entry.when, mail))
    return found


def pages(shown: Iterable[Exhibit]) -> dict[Path, str]:
    """Return the files and what they hold."""
    shown = list(shown)
    contents = [f"| [{each.mail['Subject']}](#{each.name}) | {each.when} |" for each in shown]
    index = "\n".join([_HEAD, "| 件名 | いつ送るか |", "|---|---|", *contents, "", *map(_section, shown)])
    texts = {Path(f"{each.name}.txt"): _lines(text_of(each.mail)) for each in shown}
    htmls = {Path(f"{each.name}.html"): _lines(html_of(each.mail)) for each in shown}
    return {_INDEX: index, **texts, **htmls}


def _section(each: Exhibit) -> str:
    return f"""\
<a id="{each.name}"></a>

## {each.mail["Subject"]}

{each.when}。宛先：`{each.mail["To"]}`。[HTML]({each.name}.html)、[テキスト]({each.name}.txt)

```text
{_lines(text_of(each.mail)).strip()}
```
"""


def _lines(text: str) -> str:
    """Without the line ends that mail travels with."""
    return "\n".join(text.splitlines()) + "\n"
