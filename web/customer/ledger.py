"""The combination ledger, to look at and to keep: page, CSV and PDF (Y22)."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from models.combination_ledger import HEADINGS, as_csv
from web.customer.combinations import ledger_of
from web.customer.ledger_pdf import as_pdf
from web.customer.parts import Parts

_NAME = "combination-ledger"


def ledger_pages(parts: Parts) -> APIRouter:
    router = parts.router()

    @router.get("/ledger")
    async def ledger(request: Request) -> Response:
        visitor = await parts.doors.require(request)
        async with parts.sessions() as session:
            entries = await ledger_of(session, visitor.yayoi_id)
        facts = {"visitor": visitor, "entries": entries, "headings": HEADINGS, "today": parts.today}
        return parts.show(request, "ledger.html", facts)

    @router.get("/ledger.csv")
    async def ledger_csv(request: Request) -> Response:
        visitor = await parts.doors.require(request)
        async with parts.sessions() as session:
            entries = await ledger_of(session, visitor.yayoi_id)
        return _file(as_csv(entries), f"{_NAME}-{parts.today}.csv", "text/csv; charset=utf-8")

    @router.get("/ledger.pdf")
    async def ledger_pdf(request: Request) -> Response:
        visitor = await parts.doors.require(request)
        async with parts.sessions() as session:
            entries = await ledger_of(session, visitor.yayoi_id)
        content = await asyncio.to_thread(as_pdf, entries, parts.today)
        return _file(content, f"{_NAME}-{parts.today}.pdf", "application/pdf")

    return router


def _file(content: bytes, name: str, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
