"""A firm's clients: listed and added (M7)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.common.refusals import RefusedError
from models.myics.forms import ClientForm, read
from models.myics.identifiers import ClientId
from models.myics.store.clients import PAGE_LENGTH
from models.myics.store.sign_in import Member
from web.common.page_form import PageForm, sent_values
from web.myics.parts import MyicsContext, refused_form

CLIENTS = "/myics/clients"
LABELS = {"suffix": "顧問先ID の下 4 桁", "name": "顧問先名称"}


def client_pages(parts: MyicsContext) -> APIRouter:
    router = parts.router()

    @router.get(CLIENTS)
    async def listed(
        request: Request,
        after: Annotated[str, Query(max_length=20)] = "",
        find: Annotated[str, Query(max_length=100)] = "",
        added: Annotated[str, Query(max_length=20)] = "",
    ) -> Response:
        manager = await parts.manager(request)
        find = find.replace("\0", "")  # Postgres keeps none, and nobody types one
        clients = await parts.services.clients.listed(manager, after=_client_id(after), find=find)
        facts = {
            "member": manager,
            "clients": clients,
            "find": find,
            "after": after,
            "more": len(clients) == PAGE_LENGTH,
            "added": _client_id(added),
        }
        return parts.show(request, "clients.html", facts)

    @router.get(f"{CLIENTS}/new")
    async def empty(request: Request) -> Response:
        return form(request, await parts.manager(request), PageForm(LABELS))

    @router.post(f"{CLIENTS}/new")
    async def add(request: Request) -> Response:
        manager = await parts.manager(request)
        page = PageForm(LABELS, sent_values(await request.form(), *LABELS))
        try:
            typed = read(ClientForm, page.values)
            await parts.services.clients.add(manager, typed)
        except RefusedError as refused:
            return form(request, manager, refused_form(page, refused))
        client_id = ClientId.of(manager.holder_no.firm, typed.suffix)
        return RedirectResponse(f"{CLIENTS}?added={client_id}", HTTPStatus.SEE_OTHER)

    def form(request: Request, manager: Member, page: PageForm) -> Response:
        return parts.show(request, "client_new.html", {"member": manager, "page": page})

    return router


def _client_id(text: str) -> ClientId | None:
    try:
        return ClientId(text)
    except ValueError:
        return None
