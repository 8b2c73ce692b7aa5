"""What the firm's administrators do with clients (M7)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from models.common.calendar import utc_now
from models.common.identifiers import fold
from models.common.store.audit import audit
from models.common.store.sessions import DatabaseSessions
from models.myics.accounts import AccountState
from models.myics.forms import ClientForm, NameForm
from models.myics.identifiers import ClientId, HolderNo, RegistrationNo
from models.myics.registrations import RegistrationKind
from models.myics.store.permissions import may_manage
from models.myics.store.requests import Requester, add_client
from models.myics.store.sign_in import Member
from models.tables import MyicsAccountRow, MyicsClientRow, MyicsRegistrationRow, to_find

PAGE_LENGTH = 100


@dataclass(frozen=True)
class ListedClient:
    """One line of the list of clients."""

    client_id: ClientId
    name: str
    users: int
    """Registered ones."""


@dataclass(frozen=True)
class Clients:
    """Lists and adds a firm's clients."""

    sessions: DatabaseSessions
    wake: Callable[[], None]
    """Called after each change: wakes the job that notifies the procedures."""
    now: Callable[[], datetime] = utc_now

    async def listed(self, manager: Member, *, after: ClientId | None = None, find: str = "") -> list[ListedClient]:
        """Return the next clients by their IDs, at most `PAGE_LENGTH`; all, or those that are looked for.

        `find` is a part of the name, or the last digits of the ID. Raises `NotPossibleError`.
        """
        sought, digits = fold(find).lower(), ClientId.normalise(find) or find
        users = func.count(MyicsAccountRow.account_id)
        async with self.sessions() as session:
            await may_manage(session, manager, manager.holder_no)
            rows = await session.execute(
                select(MyicsClientRow.client_id, MyicsClientRow.name, users)
                .outerjoin(
                    MyicsAccountRow,
                    (MyicsAccountRow.client_id == MyicsClientRow.client_id)
                    & (MyicsAccountRow.state == AccountState.REGISTERED),
                )
                .where(MyicsClientRow.customer_no == manager.holder_no.firm, MyicsClientRow.client_id > (after or ""))
                .where(
                    MyicsClientRow.name_to_find.contains(sought, autoescape=True)
                    | MyicsClientRow.client_id.endswith(digits, autoescape=True)
                )
                .group_by(MyicsClientRow.client_id)
                .order_by(MyicsClientRow.client_id)
                .limit(PAGE_LENGTH)
            )
            return [ListedClient(ClientId(client_id), name, count) for client_id, name, count in rows]

    async def name(self, manager: Member, client: ClientId) -> str:
        """Return a client's name. Raises `NotPossibleError`, also for a client of another firm."""
        async with self.sessions() as session:
            await may_manage(session, manager, HolderNo(client))
            return (await session.get_one(MyicsClientRow, client)).name

    async def correct_name(self, manager: Member, client: ClientId, form: NameForm) -> None:
        """Correct how a client is called. Raises `NotPossibleError`, also for a client of another firm.

        The entry is in the audit trail of the client's registration; a client that came by a file has none, and its
        entry is in that of who corrects.
        """
        registration, account = MyicsRegistrationRow, MyicsAccountRow
        async with self.sessions.begin() as session:
            await may_manage(session, manager, HolderNo(client))
            row = await session.get_one(MyicsClientRow, client, with_for_update=True)
            row.name, row.name_to_find = form.name, to_find(form.name)
            its_own = update(registration).filter_by(kind=RegistrationKind.CLIENT, client_id=client)
            of_manager = select(account.registration_no).filter_by(account_id=manager.account_id)
            corrected = its_own.values(name=form.name).returning(registration.registration_no)
            number = await session.scalar(corrected) or await session.scalar(of_manager)
            facts: dict[str, Any] = {"by_account": manager.account_id, "client_id": client}
            action = "顧問先の名称を訂正した"
            audit(session, str(number), action, by=str(manager.actor), at=self.now(), rule="M7", **facts)

    async def add(self, manager: Member, form: ClientForm) -> RegistrationNo:
        """Add a client, listed at once, and invite its first users. Raises `NotPossibleError` and `RefusedError`."""
        firm = manager.holder_no.firm
        async with self.sessions.begin() as session:
            await may_manage(session, manager, HolderNo(firm))
            number = await add_client(session, firm, form, Requester(str(manager.actor), self.now()))
        self.wake()
        return number
