"""The users of a firm and of its clients: listed, added, and what administrators do with them (M4, M5, M7, M8)."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.myics.accounts import AccountKind
from models.myics.deadlines import USER_DAYS
from models.myics.forms import CorrectionForm, NameForm, UserForm, read
from models.myics.identifiers import HolderNo
from models.myics.store.clients import Clients
from models.myics.store.permissions import NO_CLIENT, NotPossibleError
from models.myics.store.sign_in import Member
from models.myics.store.users import UserLoss, Users
from web.common.auth import SharedLimit, page_router
from web.common.context import Context, given
from web.common.page_form import PageForm, sent_values
from web.common.sent_forms import FormRefusedError, Kept, form_on
from web.common.temporal_calls import UnreachableError
from web.myics.procedure_calls import InvitationUpdates
from web.myics.signed_in import SignedInManager

LABELS = {"address": "ユーザーアカウント", "name": "使用者", "kind": "ユーザー種別"}
NAME_LABELS = {"name": "使用者"}
ADDRESS_LABELS = {"address": "正しいメールアドレス"}
NOT_NOW = "ただいま受け付けられません。しばらくしてから、もう一度お試しください。"
_LARGEST_ID = 2**63 - 1
"""Postgres raises an error for a larger number."""
_OF_FIRM, _OF_CLIENT = "/myics/users", "/myics/clients/{client_id}/users"
_DONE = {
    "added": "ユーザーを追加しました。ご本人に、登録のご案内のメールを送ります。届くまで数分かかることがあります。",
    "resend": "メールをもう一度送ります。前のメールの URL は使えなくなります。",
    "corrected": "メールアドレスを訂正しました。登録のご案内を送り直します。前のメールの URL は使えません。",
    "changing": "新しいアドレスに、確認のメールを送ります。ご本人が確認すると、変更されます。",
    "name": "使用者の名前を訂正しました。",
    "withdraw": "招待を取り下げます。一覧に反映されるまで、数秒かかることがあります。",
    "general": "ユーザー種別を「一般」に変更しました。",
    "administrator": "ユーザー種別を「管理者」に変更しました。",
    "stop": "アカウントを停止しました。この方はログインできません。",
    "restart": "アカウントの停止を解きました。この方は、これまでのパスワードでログインできます。",
}


@dataclass(frozen=True)
class UserPages:
    """What the handlers have in common."""

    request: Request
    context: Context
    manager: SignedInManager
    users: Annotated[Users, Depends(given(Users))]
    clients: Annotated[Clients, Depends(given(Clients))]

    async def show_list(self, holder: HolderNo, page: PageForm, *, done: str = "") -> Response:
        """Show the list, and on top of it what was done, or why it was not."""
        facts = {"users": await self.users.listed(self.manager, holder), "page": page, "said": _DONE.get(done)}
        return await self._show("users.html", holder, facts)

    async def ask(self, holder: HolderNo, account_id: int, loss: UserLoss) -> Response:
        """Say what stops, and ask whether it is to."""
        user = await self.users.check_loss(self.manager, account_id, loss)
        facts = {"user": user, "loss": loss, "own": account_id == self.manager.account_id}
        return await self._show("user_question.html", holder, facts)

    async def ask_address(self, holder: HolderNo, account_id: int, page: PageForm) -> Response:
        """Show the form for a user's right address."""
        user = await self.users.one(self.manager, account_id)
        facts = {"user": user, "page": page, "days": USER_DAYS}
        return await self._show("user_address.html", holder, facts)

    async def ask_name(self, holder: HolderNo, account_id: int, page: PageForm) -> Response:
        """Show the form for how a user is called."""
        user = await self.users.one(self.manager, account_id)
        place = f"/myics/users/{account_id}/name"
        return await self._show("name.html", holder, {"page": page, "before": user.name, "to": place})

    async def show_form(self, holder: HolderNo, page: PageForm) -> Response:
        return await self._show(
            "user_new.html", holder, {"page": page, "kinds": [(kind, kind) for kind in AccountKind]}
        )

    async def limit_mails(self) -> None:
        await self.context.auth.limit(SharedLimit.INVITATION, f"myics {self.manager.account_id}")

    async def _show(self, template: str, holder: HolderNo, facts: dict[str, object]) -> Response:
        name = await self.clients.name(self.manager, holder.client) if holder.client else ""
        about = {"member": self.manager, "holder": holder, "client_name": name, "place": users_path(holder)}
        return self.context.show(self.request, f"myics/{template}", about | facts)


Pages = Annotated[UserPages, Depends()]


async def _holder_in_path(manager: SignedInManager, client_id: str = "") -> HolderNo:
    return _holder(manager, client_id)


AccountId = Annotated[int, Path(le=_LARGEST_ID)]
Holder = Annotated[HolderNo, Depends(_holder_in_path)]

router = page_router()


@router.get(_OF_FIRM)
@router.get(_OF_CLIENT)
async def list_users(pages: Pages, holder: Holder, kept: Kept, done: Annotated[str, Query()] = "") -> Response:
    return await pages.show_list(holder, kept.page({}), done=done)


@router.get(f"{_OF_FIRM}/new")
@router.get(f"{_OF_CLIENT}/new")
async def show_form(pages: Pages, holder: Holder, kept: Kept) -> Response:
    return await pages.show_form(holder, kept.page(LABELS, kind=AccountKind.GENERAL))


@router.post(f"{_OF_FIRM}/new")
@router.post(f"{_OF_CLIENT}/new")
async def add(pages: Pages, holder: Holder) -> Response:
    typed = read(UserForm, sent_values(await pages.request.form(), *LABELS))
    await pages.limit_mails()
    await pages.users.add(pages.manager, holder, typed)
    return _to_list(holder, "added")


@router.get("/myics/users/{account_id}/address")
async def show_address(
    pages: Pages, account_id: AccountId, kept: Kept, client_id: Annotated[str, Query()] = ""
) -> Response:
    holder = _holder(pages.manager, client_id)
    try:
        return await pages.ask_address(holder, account_id, kept.page(ADDRESS_LABELS))
    except NotPossibleError as refused:
        return await pages.show_list(holder, _not_possible(refused))


@router.post("/myics/users/{account_id}/address")
@form_on(".", "client_id")
async def correct_address(pages: Pages, account_id: AccountId) -> Response:
    sent = sent_values(await pages.request.form(), "client_id", *ADDRESS_LABELS)
    holder = _holder(pages.manager, sent["client_id"])
    typed = read(CorrectionForm, {"address": sent["address"]})
    await pages.limit_mails()
    try:
        user = await pages.users.correct_address(pages.manager, account_id, typed)
    except NotPossibleError as refused:
        raise FormRefusedError({"": str(refused)}, HTTPStatus.CONFLICT, page=users_path(holder)) from None
    return _to_list(holder, "corrected" if user.invited else "changing")


@router.get("/myics/users/{account_id}/name")
async def show_name(
    pages: Pages, account_id: AccountId, kept: Kept, client_id: Annotated[str, Query()] = ""
) -> Response:
    holder = _holder(pages.manager, client_id)
    try:
        return await pages.ask_name(holder, account_id, kept.page(NAME_LABELS))
    except NotPossibleError as refused:
        return await pages.show_list(holder, _not_possible(refused))


@router.post("/myics/users/{account_id}/name")
@form_on(".", "client_id")
async def correct_name(pages: Pages, account_id: AccountId) -> Response:
    sent = sent_values(await pages.request.form(), "client_id", *NAME_LABELS)
    holder = _holder(pages.manager, sent["client_id"])
    typed = read(NameForm, {"name": sent["name"]})
    try:
        await pages.users.correct_name(pages.manager, account_id, typed)
    except NotPossibleError as refused:
        raise FormRefusedError({"": str(refused)}, HTTPStatus.CONFLICT, page=users_path(holder)) from None
    return _to_list(holder, "name")


@router.get("/myics/users/{account_id}/{loss}")
async def ask(pages: Pages, account_id: AccountId, loss: UserLoss, client_id: Annotated[str, Query()] = "") -> Response:
    """Ask before somebody loses what they can do now."""
    holder = _holder(pages.manager, client_id)
    try:
        return await pages.ask(holder, account_id, loss)
    except NotPossibleError as refused:
        return await pages.show_list(holder, _not_possible(refused))


@router.post("/myics/users/{account_id}/{action}")
@form_on(_OF_FIRM)
async def act(
    pages: Pages,
    invitations: Annotated[InvitationUpdates, Depends(given(InvitationUpdates))],
    account_id: AccountId,
    action: str,
) -> Response:
    """Do what a button beside a user says; the form holds which list it is in."""
    holder = _holder(pages.manager, sent_values(await pages.request.form(), "client_id")["client_id"])
    if action == "resend":
        await pages.limit_mails()
    try:
        await _act(pages.users, invitations, pages.manager, account_id, action)
    except NotPossibleError as refused:
        raise FormRefusedError({"": str(refused)}, HTTPStatus.CONFLICT, page=users_path(holder)) from None
    except UnreachableError:
        raise FormRefusedError({"": NOT_NOW}, HTTPStatus.CONFLICT, page=users_path(holder)) from None
    return _to_list(holder, action)


async def _act(users: Users, invitations: InvitationUpdates, manager: Member, account_id: int, action: str) -> None:
    match action:
        case "resend":
            await invitations.resend(manager, account_id)
        case "withdraw":
            await invitations.withdraw(manager, account_id)
        case "general":
            await users.change_kind(manager, account_id, AccountKind.GENERAL)
        case "administrator":
            await users.change_kind(manager, account_id, AccountKind.ADMINISTRATOR)
        case "stop":
            await users.stop(manager, account_id)
        case "restart":
            await users.restart(manager, account_id)
        case _:
            raise NotPossibleError("この操作はありません。一覧を開き直してください。")


def _not_possible(refused: NotPossibleError) -> PageForm:
    return PageForm({}, errors={"": str(refused)}, status=HTTPStatus.CONFLICT)


def _holder(manager: Member, client_id: str) -> HolderNo:
    """Return whose users are meant: a client's, or the firm's own. Raises `NotPossibleError` for what is no ID."""
    if not client_id:
        return manager.holder_no
    try:
        holder = HolderNo(client_id)
    except ValueError:
        holder = manager.holder_no
    if holder.client is None:
        raise NotPossibleError(NO_CLIENT)
    return holder


def users_path(holder: HolderNo) -> str:
    """Return where the users of a firm or of a client are listed."""
    return _OF_CLIENT.format(client_id=holder.client) if holder.client else _OF_FIRM


def _to_list(holder: HolderNo, done: str) -> Response:
    return RedirectResponse(f"{users_path(holder)}?done={done}", HTTPStatus.SEE_OTHER)
