"""Who may manage: administrators of the firm itself, and only what is the firm's (M4, M7)."""

from models.common.store.sessions import DatabaseSession
from models.myics.accounts import AccountKind, AccountState
from models.myics.identifiers import HolderNo
from models.myics.store.sign_in import Member
from models.tables import MyicsAccountRow, MyicsClientRow

NO_CLIENT = "その顧問先ID は正しくありません。顧問先の一覧を開き直してください。"


class NotPossibleError(Exception):
    """Something cannot be done; the text says in Japanese why, and what to do instead."""


async def may_manage(session: DatabaseSession, manager: Member, holder: HolderNo) -> None:
    """Check, as the records are now, that the member may manage the users of this firm or client.

    Raises `NotPossibleError`.
    """
    account = await session.get(MyicsAccountRow, manager.account_id, populate_existing=True)
    if (
        account is None
        or account.client_id
        or account.kind != AccountKind.ADMINISTRATOR
        or account.state != AccountState.REGISTERED
    ):
        raise NotPossibleError("この操作ができるのは、事務所の管理者の方だけです。")
    if account.customer_no != holder.firm:
        raise NotPossibleError(f"ほかの事務所のことはできません。{holder.label}を確認してください。")
    if holder.client and await session.get(MyicsClientRow, holder.client) is None:
        raise NotPossibleError(f"顧問先ID {holder.client} は登録されていません。一覧を開き直してください。")
