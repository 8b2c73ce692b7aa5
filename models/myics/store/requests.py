"""New registrations: each function is part of the caller's transaction and refuses in Japanese (M1, M4, M7, M8).

Pages, the command line and files call the same functions, so that the same rules hold for one row and for 10,000.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from models.common.calendar import day_in_japan
from models.common.case_status import CaseStatus
from models.common.encryption import key_owner
from models.common.identifiers import MailAddress
from models.common.refusals import FieldError, RefusedError
from models.common.store.audit import audit
from models.common.store.case_keys import make_case_key
from models.common.store.case_status import begin_status
from models.common.store.sessions import DatabaseSession
from models.myics.accounts import AccountKind, AccountState
from models.myics.deadlines import INVITATION_DAYS, RENEWAL_DAYS, USER_DAYS
from models.myics.forms import ClientForm, FirmForm, UserForm
from models.myics.identifiers import (
    BatchNo,
    ClientId,
    CustomerNo,
    HolderNo,
    RegistrationNo,
    registration_workflow_id,
)
from models.myics.registrations import RegistrationKind, RegistrationStage, registrant
from models.tables import (
    MyicsAccountRow,
    MyicsBatchRow,
    MyicsClientRow,
    MyicsFirmRow,
    MyicsRegistrationRow,
    MyicsSessionRow,
    registration_count,
)


def address_taken(holder: HolderNo) -> str:
    """Return why an address cannot be used for one more account of this firm or client (M8)."""
    return (
        f"このメールアドレスは、すでにこの{holder.label}で登録（または招待）されています。"
        "別のメールアドレスを入力してください。"
    )


@dataclass(frozen=True)
class Requester:
    """Who requests a registration, when, and in which file."""

    by: str
    """As people read it; perhaps a name."""
    at: datetime
    batch_no: BatchNo | None = None
    reason: str = ""
    actor: str = ""
    """What the audit trail names them by, where `by` is a name."""


async def invite_firm(session: DatabaseSession, form: FirmForm, requester: Requester) -> RegistrationNo:
    """Invite a firm's representative (M1). Raises `RefusedError` if it has one, or is invited already."""
    await session.execute(
        insert(MyicsFirmRow).values(customer_no=form.customer_no, name=form.name).on_conflict_do_nothing()
    )
    # Two invitations of one firm at once: the second waits here, then finds the first.
    firm = await session.get_one(MyicsFirmRow, form.customer_no, with_for_update=True, populate_existing=True)
    firm.name = form.name
    invited = await session.scalar(
        select(MyicsRegistrationRow.registration_no).where(
            MyicsRegistrationRow.customer_no == form.customer_no,
            MyicsRegistrationRow.kind == RegistrationKind.REPRESENTATIVE,
            MyicsRegistrationRow.closed_at.is_(None),
        )
    )
    if invited:
        reason = f"このお客様番号には、すでに招待メールを送っています（受付番号 {invited}）。"
        raise RefusedError([FieldError(field="customer_no", message=reason)])
    if await session.scalar(administrators(form.customer_no).limit(1)):
        reason = "このお客様番号の代表者は、すでに登録されています。ユーザーは、事務所の管理者が追加してください。"
        raise RefusedError([FieldError(field="customer_no", message=reason)])
    row = await _registration(
        session,
        RegistrationKind.REPRESENTATIVE,
        HolderNo(form.customer_no),
        requester,
        address=form.address,
        name=form.representative,
    )
    _audit(session, row, "代表者を招待した", requester)
    await session.flush()
    return RegistrationNo(row.registration_no)


async def invite_user(
    session: DatabaseSession,
    holder: HolderNo,
    form: UserForm,
    requester: Requester,
    *,
    part_of: RegistrationNo | None = None,
    field: str = "address",
) -> RegistrationNo:
    """Invite a user of the firm or of a client: listed at once (M4). Raises `RefusedError` for a taken address."""
    row = await _registration(
        session, RegistrationKind.USER, holder, requester, address=form.address, name=form.name, part_of=part_of
    )
    row.account_id = await claim_address(session, row, form.kind, AccountState.INVITED, field=field)
    _audit(session, row, f"ユーザーを追加した（{form.kind}）", requester)
    await session.flush()
    return RegistrationNo(row.registration_no)


async def add_client(
    session: DatabaseSession, firm: CustomerNo, form: ClientForm, requester: Requester
) -> RegistrationNo:
    """Add a client and invite its first users: listed at once (M7). Raises `RefusedError` if the ID is taken."""
    client = await list_client(session, firm, form, requester)
    row = await _registration(session, RegistrationKind.CLIENT, HolderNo(client), requester, name=form.name)
    _audit(session, row, "顧問先を追加した", requester)
    number = RegistrationNo(row.registration_no)
    for index, user in enumerate(form.users):
        await invite_user(session, HolderNo(client), user, requester, part_of=number, field=f"users.{index}.address")
    return number


async def list_client(session: DatabaseSession, firm: CustomerNo, form: ClientForm, requester: Requester) -> ClientId:
    """Put a client on the firm's list. Raises `RefusedError` if the ID is taken."""
    client = ClientId.of(firm, form.suffix)
    listed = insert(MyicsClientRow).values(client_id=client, customer_no=firm, name=form.name, created_at=requester.at)
    if await session.scalar(listed.on_conflict_do_nothing().returning(MyicsClientRow.client_id)) is None:
        reason = f"顧問先ID {client} は、すでに登録されています。下 4 桁を確認してください。"
        raise RefusedError([FieldError(field="suffix", message=reason)])
    if requester.batch_no:  # the registration of a single client has its own entry
        audit(session, requester.batch_no, "顧問先を追加した", **_who(requester), client_id=client)
    return client


async def claim_address(
    session: DatabaseSession,
    row: MyicsRegistrationRow,
    kind: AccountKind,
    state: AccountState,
    *,
    field: str = "address",
) -> int:
    """Give the registration's address an account with the firm or client, and return its id.

    Of two who claim one address at once the second waits for the first, and is then refused with `RefusedError` (M8).
    """
    claim = (
        insert(MyicsAccountRow)
        .values(
            holder_no=row.client_id or row.customer_no,
            customer_no=row.customer_no,
            client_id=row.client_id,
            registration_no=row.registration_no,
            address=row.address,
            name=row.name,
            kind=kind,
            state=state,
        )
        .on_conflict_do_nothing(
            index_elements=[MyicsAccountRow.holder_no, MyicsAccountRow.address],
            index_where=MyicsAccountRow.ended_at.is_(None),
        )
        .returning(MyicsAccountRow.account_id)
    )
    account_id = await session.scalar(claim)
    if account_id is None:
        raise RefusedError([FieldError(field=field, message=address_taken(HolderNo(row.client_id or row.customer_no)))])
    return account_id


async def change_address(
    session: DatabaseSession,
    row: MyicsRegistrationRow,
    account: MyicsAccountRow | None,
    address: MailAddress,
    at: datetime,
) -> None:
    """Give a registration and its account, both held by the caller, another address.

    A user begins anew: whoever reads at the address before may have set a password already. Raises `RefusedError` if
    the address has an account with the firm or client already; the transaction is to end then (M8).
    """
    taken = address_taken(HolderNo(row.client_id or row.customer_no))
    row.address = address
    if account:
        account.address = address
    if account and row.kind == RegistrationKind.USER:
        account.state, account.password_hash = AccountState.INVITED, None
        change_stage(row, RegistrationStage.INVITED, at)
    try:
        await session.flush()
    except IntegrityError:
        raise RefusedError([FieldError(field="address", message=taken)]) from None


async def request_new_password(session: DatabaseSession, account: MyicsAccountRow, at: datetime) -> None:
    """Have a link to a new password mailed to the account, which the caller holds; the links before it end (M8)."""
    await _supersede(session, account, RegistrationKind.RENEWAL, at)
    requester = Requester(registrant(account.registration_no), at)
    row = await _for_account(session, RegistrationKind.RENEWAL, account, requester)
    _audit(session, row, "パスワードの再設定を受け付けた", requester)
    await session.flush()


async def request_new_address(
    session: DatabaseSession, account: MyicsAccountRow, address: MailAddress, requester: Requester
) -> None:
    """Have a link mailed to another address, with which its reader makes it that of the account; the links before end.

    The caller holds the account, which is registered. Raises `RefusedError` for an address that is its own already, or
    has another account with the firm or client (M8).
    """
    if address == account.address:
        raise RefusedError([FieldError(field="address", message="いまのユーザーアカウントと同じです。")])
    other = select(MyicsAccountRow.account_id).where(
        MyicsAccountRow.holder_no == account.holder_no,
        MyicsAccountRow.address == address,
        MyicsAccountRow.ended_at.is_(None),
    )
    if await session.scalar(other) is not None:
        raise RefusedError([FieldError(field="address", message=address_taken(HolderNo(account.holder_no)))])
    await _supersede(session, account, RegistrationKind.ADDRESS, requester.at)
    row = await _for_account(session, RegistrationKind.ADDRESS, account, requester, address=address)
    _audit(session, row, "ユーザーアカウントの変更を受け付けた", requester)
    _audit(session, row, "ユーザーアカウントの変更を受け付けた", requester, of=account.registration_no)
    await session.flush()


async def take_new_address(
    session: DatabaseSession, account: MyicsAccountRow, row: MyicsRegistrationRow, at: datetime
) -> None:
    """Make the address that was confirmed that of the account; the caller holds both.

    What waits for the account's owner goes to it from now on, but links that were mailed to the address before end.
    Raises `RefusedError` if somebody else has got an account with it meanwhile (M8).
    """
    row.address_before = account.address
    await change_address(session, row, account, MailAddress(row.address or ""), at)
    change_stage(row, RegistrationStage.CHANGED, at)
    await _supersede(session, account, RegistrationKind.RENEWAL, at)


async def end_sessions(session: DatabaseSession, account: MyicsAccountRow) -> None:
    """Log the account out wherever it is logged in."""
    await session.execute(delete(MyicsSessionRow).where(MyicsSessionRow.account_id == account.account_id))


def change_stage(row: MyicsRegistrationRow, stage: RegistrationStage, at: datetime) -> None:
    """Bring a registration to a stage, of which its procedure is notified."""
    row.stage, row.changed_at = stage, next_change(row, at)


def next_change(row: MyicsRegistrationRow | MyicsBatchRow, at: datetime) -> datetime:
    """Return the time of a row's next change.

    Later than any change before, also one by a machine whose clock is ahead: else its procedure would ignore it.
    """
    return max(at, row.changed_at + timedelta(microseconds=1))


def registered_account(holder: HolderNo, address: MailAddress) -> Select[MyicsAccountRow]:
    """Select the account of a firm or client with this address, if it is registered and not stopped."""
    return select(MyicsAccountRow).where(
        MyicsAccountRow.holder_no == holder,
        MyicsAccountRow.address == address,
        MyicsAccountRow.state == AccountState.REGISTERED,
    )


def administrators(firm: str) -> Select[int]:
    """Select the accounts that may manage the firm's users and clients."""
    return select(MyicsAccountRow.account_id).where(
        MyicsAccountRow.holder_no == firm,
        MyicsAccountRow.kind == AccountKind.ADMINISTRATOR,
        MyicsAccountRow.state == AccountState.REGISTERED,
    )


async def _open(
    session: DatabaseSession, account: MyicsAccountRow, kind: RegistrationKind
) -> Sequence[MyicsRegistrationRow]:
    """Return what has not ended for the account, held."""
    row = MyicsRegistrationRow
    found = await session.scalars(
        select(row)
        .where(row.account_id == account.account_id, row.kind == kind, row.closed_at.is_(None))
        .order_by(row.registration_no)
        .with_for_update()
    )
    return found.all()


async def _supersede(session: DatabaseSession, account: MyicsAccountRow, kind: RegistrationKind, at: datetime) -> None:
    """End the links of this kind that were mailed for the account and not used yet."""
    for before in await _open(session, account, kind):
        if before.stage == kind.first_stage:
            change_stage(before, RegistrationStage.SUPERSEDED, at)


async def _for_account(
    session: DatabaseSession,
    kind: RegistrationKind,
    account: MyicsAccountRow,
    requester: Requester,
    *,
    address: str | None = None,
) -> MyicsRegistrationRow:
    facts = {"account_id": account.account_id, "address": address or account.address, "name": account.name}
    return await _registration(session, kind, HolderNo(account.holder_no), requester, **facts)


async def _registration(
    session: DatabaseSession, kind: RegistrationKind, holder: HolderNo, requester: Requester, **facts: Any
) -> MyicsRegistrationRow:
    """Store a registration, with the first status of its procedure."""
    number = RegistrationNo.from_count(await session.scalar(select(registration_count.next_value())) or 0)
    days = {RegistrationKind.REPRESENTATIVE: INVITATION_DAYS, RegistrationKind.RENEWAL: RENEWAL_DAYS}
    row = MyicsRegistrationRow(
        registration_no=number,
        kind=kind,
        customer_no=holder.firm,
        client_id=holder.client,
        requested_by=requester.by,
        requested_at=requester.at,
        batch_no=requester.batch_no,
        stage=kind.first_stage,
        expires_on=day_in_japan(requester.at) + timedelta(days=days.get(kind, USER_DAYS)),
        changed_at=requester.at,
        **facts,
    )
    session.add(row)
    workflow_id = registration_workflow_id(number)
    await make_case_key(session, key_owner(workflow_id))
    first = CaseStatus.first(kind.first_stage, requester.at)
    begin_status(session, workflow_id, number, None, first, procedure=kind.workflow_type)
    return row


def _audit(
    session: DatabaseSession, row: MyicsRegistrationRow, action: str, requester: Requester, *, of: str = ""
) -> None:
    """Put it into the audit trail of the registration, or `of` another one."""
    facts: dict[str, Any] = {"batch_no": requester.batch_no} if requester.batch_no else {}
    audit(session, of or row.registration_no, action, reason=requester.reason, **_who(requester), **facts)


def _who(requester: Requester) -> dict[str, Any]:
    """Return who is recorded, and when; a name is a fact, which can be erased."""
    named = {"by_name": requester.by} if requester.actor else {}
    return {"by": requester.actor or requester.by, "at": requester.at, **named}
