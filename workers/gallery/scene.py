"""What the gallery's mails are written with: the real wiring, at a moment of its own, and a transport that keeps."""

import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from temporalio.client import Client

from models.application_form import Applicant, ApplicationForm, Consents, OfficePair
from models.calendar import BusinessCalendar
from models.identifiers import ApplicationNo, ContractId, OfficeToken, YayoiId
from models.mails import MailKind
from models.messages import CloseOffice, OfficeStep, Outcome, SendMail
from models.tables import Base, NoticeRow
from web.intake import Intake
from workers.settings import Settings
from workers.wiring import build_activities

AT = datetime(2026, 11, 4, 1, 0, tzinfo=UTC)
"""A Wednesday, ten o'clock in Japan: then everything happens."""
UNTIL = date(2026, 11, 30)
"""By when the applicant is asked to mend something."""


@dataclass(frozen=True)
class Shown:
    """A mail as it would have been sent; `kind` as its row in `notices` has it."""

    kind: str
    mail: EmailMessage


class Scene:
    """The registry, every activity by its name, and what they have mailed."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], settings: Settings) -> None:
        """Take the settings of the installation that is played."""
        self.sessions = sessions
        self.settings = settings
        self.transport = Kept()
        built = build_activities(settings, sessions, cast("Client", _Lists()), transport=self.transport)
        self._activities: dict[str, Callable[..., Any]] = {activity.__name__: activity for activity in built}
        self._intake = Intake(sessions, BusinessCalendar(), now=lambda: AT)
        self._submissions = itertools.count(1)
        self._cases: dict[str, Case] = {}

    async def run(self, activity: str, message: Any) -> Any:
        return await self._activities[activity](message)

    async def store(self, row: Base) -> None:
        async with self.sessions.begin() as session:
            session.add(row)

    async def apply(
        self,
        family_name: str,
        given_name: str,
        contract: str,
        *pairs: tuple[str, str | None],
        issued: ContractId | None = None,
    ) -> "Case":
        """Store an application for a network product; `issued`: the ID that the link is added to (Y9)."""
        form = ApplicationForm(
            submission_id=UUID(int=next(self._submissions)),
            applicant=Applicant(family_name=family_name, given_name=given_name),
            existing_contract_id=ContractId(contract),
            accounting_link=all(token for _, token in pairs),
            network_product=True,
            link_addition=issued is not None,
            offices=tuple(
                OfficePair(
                    yayoi_id=YayoiId(yayoi_id),
                    yayoi_id_confirmation=YayoiId(yayoi_id),
                    office_token=OfficeToken(token) if token else None,
                    issued_contract_id=issued,
                )
                for yayoi_id, token in pairs
            ),
            consents=Consents(stop_smart_import=True, relink_required=True),
        )
        case = Case(self, (await self._intake.receive(form)).application_no)
        self._cases[family_name] = case
        return case

    def case(self, family_name: str) -> "Case":
        """Return the newest application of somebody who has applied before."""
        return self._cases[family_name]

    async def shown(self) -> Sequence[Shown]:
        """Return what was mailed since this was last asked for."""
        mails, self.transport.mails = self.transport.mails, []
        async with self.sessions() as session:
            return [Shown(await _kind_of(session, mail), mail) for mail in mails]


@dataclass(frozen=True)
class Case:
    """One application, taken through its procedure by the real activities."""

    scene: Scene
    application_no: ApplicationNo

    def step(self, office: int = 1) -> OfficeStep:
        return OfficeStep(application_no=self.application_no, office_no=office, at=AT)

    async def problems(self) -> Sequence[str]:
        found = await self.scene.run("check_pair", self.step())
        return [problem.message for problem in found.problems]

    async def frozen(self, office: int = 1) -> None:
        await self._do("freeze_smart_import", "remember_links", office=office)

    async def issued(self, office: int = 1) -> None:
        await self._do("issue_contract_id", "thaw_smart_import", office=office)

    async def attached(self) -> None:
        await self._do("attach_to_contract", "thaw_smart_import")

    async def undone(self) -> None:
        """Y27: as every way out does it."""
        await self._do("revoke_contract_id", "restore_sharing", "thaw_smart_import")

    async def close(self, outcome: Outcome, *points: str, office: int = 1) -> None:
        closed = CloseOffice.of(self.step(office), AT, outcome=outcome, open_points=points)
        await self.scene.run("close_office", closed)

    async def mail(self, kind: MailKind, *points: str, office: int | None = 1) -> None:
        asked = SendMail(
            application_no=self.application_no, office_no=office, kind=kind, at=AT, points=points, until=UNTIL
        )
        await self.scene.run("send_mail", asked)

    async def _do(self, *activities: str, office: int = 1) -> None:
        for activity in activities:
            await self.scene.run(activity, self.step(office))


class Kept:
    """A transport that sends nothing."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def send(self, mail: EmailMessage) -> None:
        self.mails.append(mail)


class _Lists:
    """Temporal's lists, as a morning digest finds them on a made-up morning."""

    async def count_workflows(self, query: str) -> SimpleNamespace:
        return SimpleNamespace(count=len(_WAITING) if "担当者" in query else 0)

    async def list_workflows(self, _query: str, limit: int) -> AsyncIterator[SimpleNamespace]:
        for workflow_id in _WAITING[:limit]:
            yield SimpleNamespace(id=workflow_id)


_WAITING = ("application/YS-000001/office/2", "application/YS-000002/office/1")


async def _kind_of(session: AsyncSession, mail: EmailMessage) -> str:
    return (await session.scalars(select(NoticeRow.kind).where(NoticeRow.message_id == mail["Message-ID"]))).one()


def made_up_settings() -> Settings:
    """Return the settings of an installation that does not exist: the gallery is the same wherever it is made."""
    return Settings(
        secret_key=SecretStr("the gallery's own"),
        public_url="https://tetsuzuki.example.jp",
        temporal_ui_url="https://temporal.example.jp",
        temporal_namespace="default",
        mail_from="弥生株式会社 カスタマーセンター <customer-center@yayoi.example>",
        operators_mail="desk@back-office.example.jp",
        contract_id_first=7_000_001,
    )
