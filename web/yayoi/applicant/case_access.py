"""Opening a case by its signed link: who holds which link sees what, and an expired one can be renewed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from fastapi.responses import Response

from models.common.actors import Actor
from models.common.secret_keys import SecretKeys
from models.tables import ApplicationOfficeRow, ApplicationRow
from models.yayoi.case_links import Opening, calendar_address, key_of, number_of, opening
from models.yayoi.customers import applicant
from models.yayoi.identifiers import ApplicationNo
from models.yayoi.procedures import Procedure
from models.yayoi.store.case_records import recorded_case
from models.yayoi.store.confirmations import is_unconfirmed, unconfirmed_parts
from models.yayoi.store.own_applications import own_office
from web.common.context import Context, WebContext, given
from web.common.problems import ProblemError
from web.common.sent_forms import SignInNeededError
from web.yayoi.accounts.signed_in import Visitor

NOT_CONFIRMED_YET = (
    "このお申し込みは、ご契約者さまの確認が済んでいないため、画面のリンクをメールでお送りできません。"
    "改めてお申し込みいただくか、お問い合わせ画面からお問い合わせください。"
)
NO_SUCH_CASE = "リンク（URL）が正しくないか、お申し込みがありません。受付メールのリンクをもう一度開いてください。"

Text = Annotated[str, Query()]


class LinkOverError(Exception):
    """The link was genuine, and its last day has passed, or it was ended."""

    def __init__(self, link: "Link", opening: Opening) -> None:
        super().__init__(f"the link is {opening.value}")
        self.link = link
        self.opening = opening


@dataclass(frozen=True)
class Link:
    """The address of a case's page holds this; `office_no` only where the link opens that office alone."""

    application_no: str
    until: str
    key: str
    office_no: int | None = None

    @property
    def path(self) -> str:
        """The address that it is."""
        place = f"/applications/{self.application_no}" + (f"/offices/{self.office_no}" if self.office_no else "")
        return f"{place}?{urlencode({'until': self.until, 'key': self.key})}"

    def opening(self, context: WebContext) -> Opening:
        return opening(
            context.secret_keys,
            self.application_no,
            self.until,
            self.key,
            today=context.today,
            office_no=self.office_no,
        )

    def opens(self, application: ApplicationRow, pairs: Sequence[ApplicationOfficeRow]) -> bool:
        """Whether a genuine one opens the case now: a newer one ends it."""
        return number_of(self.key) == self.current_no(application, pairs)

    def current_no(self, application: ApplicationRow, pairs: Sequence[ApplicationOfficeRow]) -> int:
        """Return the number of the link that opens now what this one is for; `pairs`: those that it shows."""
        return (application if self.office_no is None else pairs[0]).link_no


@dataclass(frozen=True)
class OpenedCase:
    """An application, and those of its pairs that the link shows."""

    application: ApplicationRow
    pairs: Sequence[ApplicationOfficeRow]
    link: Link
    secret_keys: SecretKeys
    unconfirmed_parts: Mapping[int, bool]
    """The pairs that the contract's holder has not confirmed, and whether they are asked anew (Y5a)."""
    signed_in: bool = False
    """It was opened without a link, by an ID whose ledger shows it: to look at, not to act."""

    @property
    def application_no(self) -> ApplicationNo:
        return ApplicationNo(self.application.application_no)

    @property
    def procedure(self) -> Procedure:
        return Procedure(self.application.procedure)

    @property
    def unconfirmed(self) -> bool:
        """Whether the contract's holder has confirmed nothing that the link shows: nobody else is mailed about it."""
        return all(pair.office_no in self.unconfirmed_parts for pair in self.pairs)

    @property
    def never_confirmed(self) -> bool:
        return self.unconfirmed and not any(self.unconfirmed_parts.values())

    @property
    def whole(self) -> bool:
        """Whether the link is the applicant's own; only that one lets act."""
        return self.link.office_no is None

    @property
    def _until(self) -> date:
        return date.fromisoformat(self.link.until)

    @property
    def path(self) -> str:
        """The address by which the case was opened."""
        if self.signed_in:
            return f"/applications/{self.application_no}/offices/{self.link.office_no}"
        return self.link.path

    @property
    def calendar_path(self) -> str:
        """The address of the case's days as a file for calendars."""
        return calendar_address(self.path)

    def action_path(self, office_no: int, action: str) -> str:
        """The address of a page on which the applicant does something about one office."""
        query = key_of(self.secret_keys, self.application_no, self._until, link_no=self.application.link_no)
        return f"/applications/{self.application_no}/offices/{office_no}/{action}?{query}"


@dataclass(frozen=True)
class OpenedOffice:
    """One office of a case that the applicant's own link has opened."""

    case: OpenedCase
    pair: ApplicationOfficeRow

    @property
    def unconfirmed(self) -> bool:
        """Whether the contract's holder has not confirmed this pair: nobody else is mailed about it (Y5a)."""
        return self.pair.office_no in self.case.unconfirmed_parts

    @property
    def numbers(self) -> dict[str, Any]:
        """Which office an event is about."""
        return {"application_no": self.case.application_no, "office_no": self.pair.office_no}

    @property
    def actor(self) -> Actor:
        """Who acts on it: whoever has the link."""
        return applicant(self.case.application_no, self.pair.office_no)

    def path(self, action: str) -> str:
        return self.case.action_path(self.pair.office_no, action)


def whole_link(application_no: str, until: Text = "", key: Text = "") -> Link:
    """Return the applicant's own link, as the address holds it."""
    return Link(application_no, until, key)


def office_link(application_no: str, office_no: int, until: Text = "", key: Text = "") -> Link:
    """Return the link to one office alone, as the address holds it."""
    return Link(application_no, until, key, office_no)


WholeLink = Annotated[Link, Depends(whole_link)]
OfficeLink = Annotated[Link, Depends(office_link)]


async def whole_case(link: WholeLink, context: Context) -> OpenedCase:
    return await open_case(link, context)


async def one_office(link: OfficeLink, context: Context, who: Visitor) -> OpenedCase:
    """Open the office by its link, or, without one, for whoever is signed in and sees it in their ledger (Y22)."""
    if link.key or link.until:
        return await open_case(link, context)
    if who is None:
        raise SignInNeededError
    found = await own_office(context.sessions, who, link.application_no, link.office_no or 0)
    if found is None:
        raise no_such_case()
    application, pair = found
    return OpenedCase(application, [pair], link, context.secret_keys, {}, signed_in=True)


async def opened_office(link: WholeLink, office_no: int, context: Context) -> OpenedOffice:
    """Open the office by the applicant's own link: that of the office alone does not let act."""
    case = await open_case(link, context)
    for pair in case.pairs:
        if pair.office_no == office_no:
            return OpenedOffice(case, pair)
    raise no_such_case()


async def open_case(link: Link, context: WebContext) -> OpenedCase:
    """Raise `ProblemError` for a link that was not made here, `LinkOverError` for one that was, and opens no more.

    Nobody learns from a refusal which numbers exist.
    """
    state = link.opening(context)
    if state is Opening.EXPIRED:
        raise LinkOverError(link, state)
    if state is Opening.FORGED:
        raise no_such_case()
    async with context.sessions() as session:
        case = await recorded_case(session, link.application_no, link.office_no)
        if case is None:
            raise no_such_case()
        if not link.opens(*case):
            raise LinkOverError(link, Opening.ENDED)
        unconfirmed = await unconfirmed_parts(session, link.application_no)
    return OpenedCase(*case, link, context.secret_keys, unconfirmed)


def no_such_case() -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, NO_SUCH_CASE)


async def answer_link_over(request: Request, error: Exception) -> Response:
    """Say why a link opens no more, and offer to mail a fresh one to the registered address, once that may be."""
    if not isinstance(error, LinkOverError):
        raise error
    context, link = given(WebContext)(request), error.link
    async with context.sessions() as session:
        unconfirmed = await is_unconfirmed(session, link.application_no, link.office_no)
    refusal = NOT_CONFIRMED_YET if unconfirmed else ""
    facts = {"link": link, "ended": error.opening is Opening.ENDED, "refusal": refusal}
    return context.show(request, "yayoi/link_over.html", facts, HTTPStatus.GONE)


WholeCase = Annotated[OpenedCase, Depends(whole_case)]
OneOffice = Annotated[OpenedCase, Depends(one_office)]
Office = Annotated[OpenedOffice, Depends(opened_office)]
