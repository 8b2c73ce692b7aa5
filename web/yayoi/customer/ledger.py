"""The combination ledger, to look at and to keep: page, CSV and PDF (Y22).

Whoever is signed in sees what that Yayoi ID may see. The applicant's signed link shows the pairs of that application.
"""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response
from starlette.datastructures import URL

from models.yayoi.combination_ledger import HEADINGS, LedgerEntry, as_csv
from models.yayoi.store.combinations import ledger_of, ledger_of_application
from web.common.auth import page_router
from web.common.context import Context
from web.yayoi.accounts.signed_in import SignedIn
from web.yayoi.applicant.case_access import WholeCase
from web.yayoi.customer.ledger_pdf import as_pdf

router = page_router()


async def _own_entries(who: SignedIn, context: Context) -> list[LedgerEntry]:
    return await ledger_of(context.sessions, who)


async def _case_entries(case: WholeCase, context: Context) -> list[LedgerEntry]:
    return await ledger_of_application(context.sessions, case.application, case.pairs)


OwnEntries = Annotated[list[LedgerEntry], Depends(_own_entries)]
CaseEntries = Annotated[list[LedgerEntry], Depends(_case_entries)]


@router.get("/ledger")
async def own_ledger(request: Request, context: Context, who: SignedIn, entries: OwnEntries) -> Response:
    facts = {"visitor": who, "entries": entries, "files": ("/ledger", ""), "headings": HEADINGS}
    return context.show(request, "yayoi/ledger.html", facts | {"today": context.today})


@router.get("/ledger.csv")
async def own_csv(context: Context, entries: OwnEntries) -> Response:
    return _csv(entries, context.today)


@router.get("/ledger.pdf")
async def own_pdf(context: Context, entries: OwnEntries) -> Response:
    return await _pdf(entries, context.today)


@router.get("/applications/{application_no}/ledger")
async def case_ledger(request: Request, context: Context, case: WholeCase, entries: CaseEntries) -> Response:
    files = (request.url.path, f"?{URL(case.path).query}")
    facts = {"case": case, "entries": entries, "files": files, "headings": HEADINGS, "part_of": case.application_no}
    return context.show(request, "yayoi/case_ledger.html", facts | {"today": context.today})


@router.get("/applications/{application_no}/ledger.csv")
async def case_csv(context: Context, case: WholeCase, entries: CaseEntries) -> Response:
    return _csv(entries, context.today, case.application_no)


@router.get("/applications/{application_no}/ledger.pdf")
async def case_pdf(context: Context, case: WholeCase, entries: CaseEntries) -> Response:
    return await _pdf(entries, context.today, case.application_no)


def _csv(entries: Sequence[LedgerEntry], today: date, part_of: str = "") -> Response:
    return _file(as_csv(entries), _name(today, part_of, "csv"), "text/csv; charset=utf-8")


async def _pdf(entries: Sequence[LedgerEntry], today: date, part_of: str = "") -> Response:
    content = await asyncio.to_thread(as_pdf, entries, today, part_of)
    return _file(content, _name(today, part_of, "pdf"), "application/pdf")


def _name(today: date, part_of: str, kind: str) -> str:
    """Name a file that holds one application only after it: whoever finds it later takes it for no more."""
    return f"{part_of}-{today}.{kind}" if part_of else f"{today}.{kind}"


def _file(content: bytes, name: str, media_type: str) -> Response:
    disposition = f'attachment; filename="combination-ledger-{name}"'
    return Response(content, media_type=media_type, headers={"Content-Disposition": disposition})
