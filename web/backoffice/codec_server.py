"""`/codec`: the Temporal Web UI has the payloads that it shows decrypted here, for whoever may see it.

The page and this are one origin, so that no other site is let in. Current Details come here, too, and are shown with
what operators are called; what lies in histories is shown as it is.
"""

import asyncio
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from google.protobuf.json_format import MessageToDict, MessageToJson, Parse, ParseError
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.sdk.v1 import WorkflowMetadata

from models.backoffice.case_names import CaseNames
from models.backoffice.store.case_facts import operators_in_texts
from models.common.store.sessions import DatabaseSessions
from web.backoffice.desk import Desk
from web.backoffice.web_ui import reader_of_cases
from web.backoffice.web_ui_routes import CODEC
from web.common.auth.operator_access import SignedInOperator
from web.common.context import given
from web.common.problems import ProblemError
from web.common.temporal_calls import PATIENCE
from workflows.common.details import cell

DECODE, ENCODE = f"{CODEC}/decode", f"{CODEC}/encode"
CODEC_LIMITS = dict.fromkeys((DECODE, ENCODE), 16 * 1024 * 1024)
"""Bytes: the Web UI asks for a whole page of a history at once."""
ERASED = "消去済み"
NO_PAYLOADS = "送信された内容を読み取れません。画面を読み込み直してください。"
KEYS_AWAY = "案件の鍵を読み取れないため、内容を表示できません。しばらくしてから、画面を読み込み直してください。"
_log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)


class ReadPayload(Protocol):
    """A payload as it is shown: decrypted if it could be."""

    @property
    def payload(self) -> Payload: ...

    @property
    def key_id(self) -> str | None:
        """What it is encrypted with; None: with no key of ours."""

    @property
    def erased(self) -> bool:
        """Whether that key was forgotten."""


class ReadsPayloads(Protocol):
    """`workers.codec.PayloadReader`."""

    async def read(self, payload: Payload) -> ReadPayload: ...


@dataclass(frozen=True)
class CodecServer:
    """What decrypts."""

    payloads: ReadsPayloads
    sessions: DatabaseSessions

    async def decode(self, sent: Payloads, handle: str) -> Payloads:
        """Return each as it is shown, in their order; what cannot be decrypted as it was sent.

        Raises:
            ProblemError: keys cannot be had now.

        """
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                read = [await self.payloads.read(payload) for payload in sent.payloads]
        except TimeoutError:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, KEYS_AWAY) from None
        if key_ids := sorted({each.key_id for each in read if each.key_id}):
            _log.info("codec: %s read what is encrypted with %s", handle, ", ".join(key_ids))
        shown = [_erased() if each.erased else each.payload for each in read]
        return Payloads(payloads=[await self._named(each) if _is_details(each) else each for each in shown])

    async def _named(self, details: Payload) -> Payload:
        try:
            read = Parse(details.data, WorkflowMetadata(), ignore_unknown_fields=True)
        except (ParseError, UnicodeDecodeError):  # whoever is at Temporal's port can write what they like
            return details
        names = await operators_in_texts(self.sessions)
        escaped = CaseNames(operators={handle: cell(name) for handle, name in names.operators.items()})
        read.current_details = escaped.named(read.current_details)
        return Payload(metadata=details.metadata, data=MessageToJson(read).encode())


async def _reader(request: Request, desk: Desk) -> SignedInOperator:
    return await reader_of_cases(request, desk, calls=True)


Reader = Annotated[SignedInOperator, Depends(_reader)]


@router.post(DECODE)
async def decode(
    request: Request, who: Reader, server: Annotated[CodecServer, Depends(given(CodecServer))]
) -> JSONResponse:
    return JSONResponse(MessageToDict(await server.decode(await _sent(request), who.handle)))


@router.post(ENCODE, dependencies=[Depends(_reader)])
async def encode(request: Request) -> JSONResponse:
    """Give back what it got: the desk reads *Send an Update*, and encrypts it for the case that it is for."""
    return JSONResponse(MessageToDict(await _sent(request)))


async def _sent(request: Request) -> Payloads:
    try:
        return Parse(await request.body(), Payloads(), ignore_unknown_fields=True)
    except (ParseError, UnicodeDecodeError):
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, NO_PAYLOADS) from None


def _is_details(payload: Payload) -> bool:
    """Whether it is what a workflow says of itself when it is asked for its details."""
    return payload.metadata.get("messageType") == WorkflowMetadata.DESCRIPTOR.full_name.encode()


def _erased() -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=f'"{ERASED}"'.encode())
