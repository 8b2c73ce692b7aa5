"""A firm's clients: listed and added (M7)."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from models.myics.forms import ClientForm, NameForm, read
from models.myics.identifiers import ClientId
from models.myics.store.clients import PAGE_LENGTH, Clients
from models.myics.store.permissions import NO_CLIENT, NotPossibleError
from web.common.auth import page_router
from web.common.context import Context, given
from web.common.page_form import sent_values
from web.common.sent_forms import Forms, Kept, form_on
from web.myics.signed_in import SignedInManager

CLIENTS = "/myics/clients"
_LONGEST_SEARCH = 100
LABELS = {"suffix": "顧問先ID の下 4 桁", "name": "顧問先名称"}
ClientsOfFirm = Annotated[Clients, Depends(given(Clients))]

router = page_router()


@router.get(CLIENTS)
async def list_clients(
    request: Request,
    context: Context,
    manager: SignedInManager,
    clients: ClientsOfFirm,
    kept: Kept,
    *,
    after: Annotated[str, Query(max_length=20)] = "",
    added: Annotated[str, Query(max_length=20)] = "",
    corrected: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    find = kept.value("find")[:_LONGEST_SEARCH]
    listed = await clients.listed(manager, after=_client_id(after), find=find)
    facts = {
        "member": manager,
        "clients": listed,
        "find": find,
        "after": after,
        "more": len(listed) == PAGE_LENGTH,
        "added": _client_id(added),
        "corrected": _client_id(corrected),
    }
    return context.show(request, "myics/clients.html", facts)


@router.post(CLIENTS)
@form_on(".", "after")
async def search(request: Request, manager: SignedInManager, forms: Forms) -> Response:  # noqa: ARG001 only who is signed in
    """Lead to what is found. What was typed, such as a client's name, is kept: no address of a page holds it."""
    return await forms.keep(request)


@router.get(f"{CLIENTS}/new")
async def show_form(request: Request, context: Context, manager: SignedInManager, kept: Kept) -> Response:
    return context.show(request, "myics/client_new.html", {"member": manager, "page": kept.page(LABELS)})


@router.post(f"{CLIENTS}/new")
async def add(request: Request, manager: SignedInManager, clients: ClientsOfFirm) -> Response:
    typed = read(ClientForm, sent_values(await request.form(), *LABELS))
    await clients.add(manager, typed)
    client_id = ClientId.of(manager.holder_no.firm, typed.suffix)
    return RedirectResponse(f"{CLIENTS}?added={client_id}", HTTPStatus.SEE_OTHER)


@router.get(f"{CLIENTS}/{{client_id}}/name")
async def show_name(
    request: Request, context: Context, manager: SignedInManager, clients: ClientsOfFirm, *, kept: Kept, client_id: str
) -> Response:
    client = _known(client_id)
    facts = {"before": await clients.name(manager, client), "to": f"{CLIENTS}/{client}/name", "place": CLIENTS}
    page = kept.page({"name": LABELS["name"]})
    return context.show(request, "myics/name.html", {"member": manager, "page": page, "client": client} | facts)


@router.post(f"{CLIENTS}/{{client_id}}/name")
@form_on(".")
async def correct_name(request: Request, manager: SignedInManager, clients: ClientsOfFirm, client_id: str) -> Response:
    typed = read(NameForm, sent_values(await request.form(), "name"))
    await clients.correct_name(manager, client := _known(client_id), typed)
    return RedirectResponse(f"{CLIENTS}?corrected={client}", HTTPStatus.SEE_OTHER)


def _known(text: str) -> ClientId:
    """Read the ID in an address. Raises `NotPossibleError` for what is none."""
    if client := _client_id(text):
        return client
    raise NotPossibleError(NO_CLIENT)


def _client_id(text: str) -> ClientId | None:
    try:
        return ClientId(text)
    except ValueError:
        return None
