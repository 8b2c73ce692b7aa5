"""The combination ledger, to look at and to keep: page, CSV and PDF (Y22).

Those who are signed in see what their Yayoi ID may see. The applicant's signed link shows the pairs of that
application, no more than the page of the case: applying with a contract's number does not prove to be its customer.
"""

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import URL

from models.yayoi.combination_ledger import HEADINGS, LedgerEntry, as_csv
from models.yayoi.store.combinations import entries_of, ledger_of
from web.yayoi.applicant.case_access import OpenedCase, WholeCase
from web.yayoi.customer.ledger_pdf import as_pdf
from web.yayoi.customer.parts import Parts

_NAME = "combination-ledger"


def ledger_pages(parts: Parts) -> APIRouter:
    """For those who are signed in."""
    router = parts.router()

    async def entries(request: Request) -> list[LedgerEntry]:
        visitor = await parts.auth.require(request)
        async with parts.sessions() as session:
            return await ledger_of(session, visitor.yayoi_id)

    @router.get("/ledger")
    async def page(request: Request) -> Response:
        visitor = await parts.auth.require(request)
        facts = {"visitor": visitor, "entries": await entries(request), "files": ("/ledger", "")}
        return parts.show(request, "yayoi/ledger.html", facts | {"headings": HEADINGS, "today": parts.today})

    @router.get("/ledger.csv")
    async def csv_file(request: Request) -> Response:
        return _csv(parts, await entries(request))

    @router.get("/ledger.pdf")
    async def pdf_file(request: Request) -> Response:
        return await _pdf(parts, await entries(request))

    return router


def case_ledger_pages(parts: Parts) -> APIRouter:
    """For whoever holds the link to a whole case."""
    router = parts.router()

    async def entries(case: OpenedCase) -> list[LedgerEntry]:
        pairs = {(pair.yayoi_id, pair.office_token) for pair in case.pairs if pair.office_token}
        async with parts.sessions() as session:
            found = await entries_of(session, {case.application.existing_contract_id})
        return [
            entry
            for entry in found
            if entry.application_no == case.application_no or (entry.yayoi_id, entry.office_token) in pairs
        ]

    @router.get("/applications/{application_no}/ledger")
    async def page(request: Request, case: WholeCase) -> Response:
        files = (request.url.path, f"?{URL(case.path).query}")
        facts = {"case": case, "entries": await entries(case), "files": files}
        return parts.show(request, "yayoi/case_ledger.html", facts | {"headings": HEADINGS, "today": parts.today})

    @router.get("/applications/{application_no}/ledger.csv")
    async def csv_file(case: WholeCase) -> Response:
        return _csv(parts, await entries(case))

    @router.get("/applications/{application_no}/ledger.pdf")
    async def pdf_file(case: WholeCase) -> Response:
        return await _pdf(parts, await entries(case))

    return router


def _csv(parts: Parts, entries: Sequence[LedgerEntry]) -> Response:
    return _file(as_csv(entries), f"{_NAME}-{parts.today}.csv", "text/csv; charset=utf-8")


async def _pdf(parts: Parts, entries: Sequence[LedgerEntry]) -> Response:
    content = await asyncio.to_thread(as_pdf, entries, parts.today)
    return _file(content, f"{_NAME}-{parts.today}.pdf", "application/pdf")


def _file(content: bytes, name: str, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
