"""Opening a case by its signed link: who holds which link sees what, and an expired one can be renewed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.calendar import day_in_japan
from models.tables import ApplicationOfficeRow, ApplicationRow
from models.yayoi.case_links import Opening, case_path, key_of, opening
from models.yayoi.identifiers import ApplicationNo
from web.common.problems import ProblemError

NO_SUCH_CASE = "アドレスが正しくないか、お申し込みがありません。受付メールのリンクをもう一度開いてください。"


class LinkExpiredError(Exception):
    """The link was genuine, and its last day has passed."""

    def __init__(self, link: "Link") -> None:
        super().__init__("the link has expired")
        self.link = link


@dataclass(frozen=True)
class Link:
    """What stands in the address of a case's page; `office_no` only where the link opens that office alone."""

    application_no: str
    until: str
    key: str
    office_no: int | None = None

    def opening(self, secret_key: str, today: date) -> Opening:
        return opening(secret_key, self.application_no, self.until, self.key, today=today, office_no=self.office_no)


@dataclass(frozen=True)
class OpenedCase:
    """An application, and those of its pairs that the link shows."""

    application: ApplicationRow
    pairs: Sequence[ApplicationOfficeRow]
    link: Link
    secret_key: str

    @property
    def application_no(self) -> ApplicationNo:
        return ApplicationNo(self.application.application_no)

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
        return case_path(self.secret_key, self.application_no, self._until, self.link.office_no)

    def action_path(self, office_no: int, action: str) -> str:
        """The address of a page on which the applicant does something about one office."""
        query = key_of(self.secret_key, self.application_no, self._until)
        return f"/applications/{self.application_no}/offices/{office_no}/{action}?{query}"

    def pair(self, office_no: int) -> ApplicationOfficeRow:
        """Raise `ProblemError` if the application has no such office."""
        for pair in self.pairs:
            if pair.office_no == office_no:
                return pair
        raise ProblemError(HTTPStatus.NOT_FOUND, NO_SUCH_CASE)


class CaseAccess:
    """Opens cases. Nobody learns from a refusal which numbers exist."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], secret_key: str) -> None:
        self._sessions = sessions
        self._secret_key = secret_key

    async def open(self, link: Link) -> OpenedCase:
        """Raise `ProblemError` for a link that was not made here, `LinkExpiredError` for one that was, long ago."""
        state = link.opening(self._secret_key, day_in_japan(datetime.now(UTC)))
        if state is Opening.EXPIRED:
            raise LinkExpiredError(link)
        if state is Opening.FORGED:
            raise ProblemError(HTTPStatus.NOT_FOUND, NO_SUCH_CASE)
        shown = select(ApplicationOfficeRow).where(ApplicationOfficeRow.application_no == link.application_no)
        if link.office_no is not None:
            shown = shown.where(ApplicationOfficeRow.office_no == link.office_no)
        async with self._sessions() as session:
            application = await session.get(ApplicationRow, link.application_no)
            pairs = (await session.scalars(shown.order_by(ApplicationOfficeRow.office_no))).all()
        if application is None or not pairs:
            raise ProblemError(HTTPStatus.NOT_FOUND, NO_SUCH_CASE)
        return OpenedCase(application, pairs, link, self._secret_key)
