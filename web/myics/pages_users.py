"""The users of a firm and of its clients: listed, added, and what administrators do with them (M4, M5, M7, M8)."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.refusals import RefusedError
from models.myics.accounts import AccountKind
from models.myics.forms import UserForm, read
from models.myics.identifiers import HolderNo
from models.myics.store.permissions import NotPossibleError
from models.myics.store.sign_in import Member
from web.common.auth import Limit
from web.common.page_form import PageForm, sent_values
from web.common.temporal_calls import UnreachableError
from web.myics.parts import MyicsContext, refused_form
from web.myics.users import Users

LABELS = {"address": "ユーザーアカウント", "name": "使用者", "kind": "ユーザー種別"}
NOT_NOW = "ただいま受け付けられません。しばらくしてから、もう一度お試しください。"
_MOST = 2**63 - 1
"""Larger numbers are no account's: Postgres would not even look."""
_PLACES = ("/myics/users", "/myics/clients/{client_id}/users")
_SAID = {
    "added": "ユーザーを追加しました。ご本人に、登録のご案内のメールを送ります。届くまで数分かかることがあります。",
    "client": "顧問先を登録しました。続けて、顧問先のユーザーを登録できます。",
    "resend": "メールをもう一度送ります。前のメールの URL は使えなくなります。",
    "withdraw": "招待を取り下げます。一覧に反映されるまで、数秒かかることがあります。",
    "general": "ユーザー種別を「一般」に変更しました。",
    "administrator": "ユーザー種別を「管理者」に変更しました。",
    "stop": "アカウントを停止しました。この方はログインできません。",
    "restart": "アカウントの停止を解きました。この方は、これまでのパスワードでログインできます。",
    "unlock": "ロックを解除しました。この方は、もう一度ログインできます。",
}


def users_place(holder: HolderNo) -> str:
    """Return where the users of a firm or of a client are listed."""
    return f"/myics/clients/{holder.client}/users" if holder.client else "/myics/users"


def user_pages(parts: MyicsContext) -> APIRouter:
    router = parts.router()

    async def listed(request: Request, client_id: str = "", done: Annotated[str, Query()] = "") -> Response:
        manager = await parts.manager(request)
        return await show_users(parts, request, manager, _holder(manager, client_id), said=_SAID.get(done))

    async def empty(request: Request, client_id: str = "") -> Response:
        manager = await parts.manager(request)
        page = PageForm(LABELS, {"kind": AccountKind.GENERAL})
        return await form(request, manager, _holder(manager, client_id), page)

    async def add(request: Request, client_id: str = "") -> Response:
        manager = await parts.manager(request)
        holder = _holder(manager, client_id)
        page = PageForm(LABELS, sent_values(await request.form(), *LABELS))
        try:
            typed = read(UserForm, page.values)
            await parts.auth.limit(Limit.INVITATION, f"myics {manager.account_id}")
            await parts.services.users.add(manager, holder, typed)
        except RefusedError as refused:
            return await form(request, manager, holder, refused_form(page, refused))
        return _to_list(holder, "added")

    async def form(request: Request, manager: Member, holder: HolderNo, page: PageForm) -> Response:
        facts = await _about(parts, manager, holder) | {"page": page, "kinds": [(kind, kind) for kind in AccountKind]}
        return parts.show(request, "user_new.html", facts)

    for place in _PLACES:
        router.get(place)(listed)
        router.get(f"{place}/new")(empty)
        router.post(f"{place}/new")(add)
    return router


def user_action_pages(parts: MyicsContext) -> APIRouter:
    """The buttons beside a user; which list it stands in comes with the form."""
    router, users = parts.router(), parts.services.users

    @router.post("/myics/users/{account_id}/{action}")
    async def act(request: Request, account_id: Annotated[int, Path(le=_MOST)], action: str) -> Response:
        manager = await parts.manager(request)
        holder = _holder(manager, sent_values(await request.form(), "client_id")["client_id"])
        if action == "resend":
            await parts.auth.limit(Limit.INVITATION, f"myics {manager.account_id}")
        try:
            await _action(users, action)(manager, account_id)
        except NotPossibleError as refused:
            return await show_users(parts, request, manager, holder, refusal=str(refused))
        except UnreachableError:
            return await show_users(parts, request, manager, holder, refusal=NOT_NOW)
        return _to_list(holder, action)

    return router


def _action(users: Users, action: str) -> Callable[[Member, int], Awaitable[None]]:
    async def change_kind(manager: Member, account_id: int) -> None:
        kind = AccountKind.GENERAL if action == "general" else AccountKind.ADMINISTRATOR
        await users.change_kind(manager, account_id, kind)

    actions: dict[str, Callable[[Member, int], Awaitable[None]]] = {
        "resend": users.resend,
        "withdraw": users.withdraw,
        "general": change_kind,
        "administrator": change_kind,
        "stop": users.stop,
        "restart": users.restart,
        "unlock": users.unlock,
    }
    if action not in actions:
        raise NotPossibleError("この操作はありません。一覧を開き直してください。")
    return actions[action]


async def show_users(
    parts: MyicsContext,
    request: Request,
    manager: Member,
    holder: HolderNo,
    *,
    said: str | None = None,
    refusal: str | None = None,
) -> Response:
    """Show the list, and on top of it why something was not done."""
    facts = await _about(parts, manager, holder) | {
        "users": await parts.services.users.listed(manager, holder),
        "page": PageForm({}, errors={"": refusal} if refusal else {}),
        "said": said,
    }
    return parts.show(request, "users.html", facts, HTTPStatus.CONFLICT if refusal else None)


async def _about(parts: MyicsContext, manager: Member, holder: HolderNo) -> dict[str, object]:
    name = await parts.services.clients.name(manager, holder.client) if holder.client else ""
    return {"member": manager, "holder": holder, "client_name": name, "place": users_place(holder)}


def _holder(manager: Member, client_id: str) -> HolderNo:
    """Return whose users are meant: a client's, or the firm's own. Raises `NotPossibleError` for what is no ID."""
    if not client_id:
        return manager.holder_no
    try:
        holder = HolderNo(client_id)
    except ValueError:
        holder = manager.holder_no
    if holder.client is None:
        raise NotPossibleError("その顧問先ID は正しくありません。顧問先の一覧を開き直してください。")
    return holder


def _to_list(holder: HolderNo, done: str) -> Response:
    return RedirectResponse(f"{users_place(holder)}?done={done}", HTTPStatus.SEE_OTHER)
