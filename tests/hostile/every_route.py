"""Every path of the customers' web, as its routes say, and an address for each that somebody can open."""

import re
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from fastapi.routing import iter_route_contexts
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.calendar import JST
from models.myics.registrations import RegistrationKind, RegistrationStage
from models.tables import MyicsAccountRow, MyicsFirmRow, MyicsRegistrationRow
from models.yayoi.case_links import case_path
from tests.hostile.people import LONG_AGO, STILL_OPEN, THIEF
from tests.hostile.target import Attacker, Target
from tests.support.web import PASSWORD_HASH, SECRET
from web.common.problems import SYSTEMS

FIRM, OWNER, MYICS_PASSWORD = "1000200301", "owner@aoba.example", "The-tests'-1st"
IN_PATHS = {
    "application_no": THIEF.application_no,
    "office_no": "1",
    "check_id": str(uuid4()),
    "invitation_id": str(THIEF.invitation_id),
    "account_id": "2",
    "action": "stop",
    "batch_no": "MB-000001",
    "client_id": f"{FIRM}0001",
    "kind": "users",
    "loss": "stop",
}
"""What stands in a path for each of its parts: a new one needs a value here."""


async def add_firm(sessions: async_sessionmaker[AsyncSession]) -> None:
    """Have a firm whose representative is registered."""
    async with sessions.begin() as session:
        session.add(MyicsFirmRow(customer_no=FIRM, name="青葉会計事務所"))
        await session.flush()
        session.add(
            MyicsAccountRow(
                holder_no=FIRM,
                customer_no=FIRM,
                registration_no="MR-999999",
                address=OWNER,
                name="青葉 一郎",
                kind="管理者",
                state="登録済み",
                password_hash=PASSWORD_HASH,
            )
        )
        session.add(
            MyicsRegistrationRow(
                registration_no="MR-000001",
                kind=RegistrationKind.REPRESENTATIVE,
                customer_no=FIRM,
                name="青葉 一郎",
                requested_by="MYICS",
                requested_at=datetime(2024, 4, 1, tzinfo=JST),
                stage=RegistrationStage.REGISTERED,
                expires_on=date(2024, 4, 30),
                changed_at=datetime(2024, 4, 1, tzinfo=JST),
            )
        )


def routes_of(target: Target) -> list[Any]:
    """Return every route that is for people."""
    return [each for each in iter_route_contexts(target.app.routes) if not str(each.path).startswith(SYSTEMS)]


def paths_of(target: Target, method: str) -> list[str]:
    """Return every path of people's that this method is for."""
    return sorted({str(each.path) for each in routes_of(target) if method in (each.methods or ())})


def filled(path: str) -> str:
    """An address of this path: of the thief's own case, or made up; with the case's key."""
    parts = {name.partition(":")[0]: name for name in re.findall(r"{([^}]*)}", path)}
    for name, written in parts.items():
        path = path.replace(f"{{{written}}}", IN_PATHS[name])
    key = case_path(SECRET, THIEF.application_no, LONG_AGO if path.endswith("/link") else STILL_OPEN).partition("?")[2]
    return f"{path}?{key}" if path.startswith(("/applications/", "/calendars/")) else path


async def signed_in(target: Target, attacker: Attacker) -> None:
    """Sign in with a Yayoi ID and as the firm's representative."""
    await target.forget_tries()
    assert (await attacker.sign_in()).status_code == 303
    typed = {"customer_no": FIRM, "address": OWNER, "password": MYICS_PASSWORD}
    assert (await attacker.form("/myics/sign-in", typed)).status_code == 303
