"""`tetsuzuki person …`: what is held of a person, and asking for their erasure."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from models.backoffice.store.erasures import ErasureRequests
from models.backoffice.store.persons import find_person, rows_of_person
from models.common.identifiers import MailAddress
from workers import database
from workers.commands.acting import command_actor
from workers.program import ClearError
from workers.settings import Settings


async def show(settings: Settings, addresses: Sequence[str], into: Path | None) -> None:
    """Write everything that is held of a person as one JSON file, or print it.

    Raises:
        ClearError: an address is none.

    """
    async with database.opened(settings) as sessions, sessions() as session:
        person = await find_person(session, _read(addresses))
        held = {
            "addresses": list(person.addresses),
            "occurs_as": [
                {"who": hit.who, "table": hit.table, "rows": hit.rows, "cases": list(hit.cases)} for hit in person.hits
            ],
            "cases": list(person.cases),
            "cannot_be_erased_yet": list(person.obstacles),
            "rows": await rows_of_person(session, person),
        }
    text = json.dumps(held, ensure_ascii=False, indent=1) + "\n"
    if into:
        await asyncio.to_thread(into.write_text, text, encoding="utf-8")
    else:
        sys.stdout.write(text)


async def ask_erasure(settings: Settings, addresses: Sequence[str], as_: str | None) -> None:
    """Ask that a person is erased: a supervisor who is somebody else approves it at the desk.

    Raises:
        ClearError: an address is none, or the person cannot be erased yet.

    """
    read = _read(addresses)
    async with database.opened(settings) as sessions:
        async with sessions() as session:
            person = await find_person(session, read)
        if person.obstacles:
            raise ClearError("まだ消去できません：\n" + "\n".join(f"  {each}" for each in person.obstacles))
        if not person.hits:
            raise ClearError("このメールアドレスの情報はありません。")
        request_id = uuid4()
        await ErasureRequests(sessions, lambda: None).ask(request_id, read, str(command_actor(as_)))
    for hit in person.hits:
        sys.stdout.write(f"{hit.who}\t{hit.table}\t{hit.rows}\t{' '.join(hit.cases)}\n")
    sys.stdout.write(f"依頼 {request_id} を受け付けました。責任者が /desk/persons で承認すると、消去します。\n")


def _read(addresses: Sequence[str]) -> list[str]:
    try:
        return [MailAddress(each) for each in addresses]
    except ValueError as error:
        raise ClearError(str(error)) from None
