"""Two customers who must never see each other's, each with everything that pages show."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.common.calendar import day_in_japan
from models.common.case_status import CaseStatus
from models.common.password_hashing import Hashing
from models.common.personal_links import PersonalLink
from models.common.store.case_status import begin_status
from models.tables import (
    ApplicationOfficeRow,
    ApplicationRow,
    BusinessGroupRow,
    CredentialRow,
    ExistingContractRow,
    GroupMemberRow,
    IssuedContractRow,
    MemberInvitationRow,
    NoticeRow,
    OfficeRow,
    RememberedLinkRow,
    SharingRow,
    YayoiIdRow,
)
from models.yayoi.case_links import case_path
from models.yayoi.identifiers import ApplicationNo, office_workflow_id
from models.yayoi.personal_links import YayoiLinkKind
from models.yayoi.procedures import OFFICE_WORKFLOW, Procedure, Stage
from tests.support.web import PASSWORD, SECRET

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
STILL_OPEN, LONG_AGO = date(2999, 1, 1), date(2020, 1, 1)
"""Last days of links."""


@dataclass(frozen=True)
class Person:
    """A customer; what is here is for nobody else's eyes."""

    name: str
    yayoi_id: str
    mail_address: str
    contract_id: str
    office_token: str
    office_name: str
    group_name: str
    service: str
    firm: str
    invited: str
    application_no: str
    new_contract_id: str
    invitation_id: UUID = field(default_factory=uuid4)
    group_id: int = 0

    @property
    def spare_token(self) -> str:
        """The token of an office that nobody has applied for."""
        return f"{self.office_token[:-1]}9"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (
            self.name,
            self.yayoi_id,
            self.mail_address,
            self.contract_id,
            self.office_token,
            self.office_name,
            self.group_name,
            self.service,
            self.firm,
            self.invited,
            self.application_no,
            self.new_contract_id,
            str(self.invitation_id),
        )

    def case_path(self, office_no: int | None = None, until: date = STILL_OPEN) -> str:
        """The path of the case page, or of that of one office, with its key."""
        return case_path(SECRET, self.application_no, until, office_no)

    def invitation(self, *, occurrence: int = 1, expires_at: datetime = NOW + DAY) -> str:
        """The token of the personal link in the invitation's mail."""
        kind = YayoiLinkKind.MEMBER_INVITATION
        return PersonalLink(kind, str(self.invitation_id), occurrence, expires_at).token(SECRET)


VICTIM = Person(
    name="守屋　秘子",
    yayoi_id="hiko@himitsu.example",
    mail_address="moriya@himitsu.example",
    contract_id="8111111",
    office_token="a1111111-1111-4111-8111-111111111111",
    office_name="ひみつ商店",
    group_name="ひみつグループ",
    service="ひみつ銀行 普通 1234567",
    firm="ひみつ会計事務所",
    invited="friend@himitsu.example",
    application_no="YS-811111",
    new_contract_id="7111111",
)
THIEF = Person(
    name="盗田　次郎",
    yayoi_id="jiro@nusumi.example",
    mail_address="nusuta@nusumi.example",
    contract_id="8222222",
    office_token="b2222222-2222-4222-8222-222222222222",
    office_name="ぬすみ商店",
    group_name="ぬすみグループ",
    service="ぬすみ銀行 普通 7654321",
    firm="ぬすみ会計事務所",
    invited="friend@nusumi.example",
    application_no="YS-822222",
    new_contract_id="7222222",
)


async def settle(sessions: async_sessionmaker[AsyncSession], person: Person) -> Person:
    """Put a customer after the notice into the database; what a procedure is notified of counts as notified."""
    applied, pair = NOW - 20 * DAY, {"application_no": person.application_no, "office_no": 1}
    family_name, given_name = person.name.split("　")
    async with sessions.begin() as session:
        group = BusinessGroupRow(name=person.group_name)
        login = YayoiIdRow(yayoi_id=person.yayoi_id, family_name=family_name, given_name=given_name)
        session.add_all(
            [
                group,
                ExistingContractRow(
                    contract_id=person.contract_id,
                    customer_name=person.name,
                    mail_address=person.mail_address,
                    product_name="弥生会計 24 ネットワーク",
                    network_product=True,
                    issued_count=1,
                ),
                login,
            ]
        )
        await session.flush()
        session.add_all(
            [
                CredentialRow(person_id=login.person_id, password_hash=await Hashing().hash(PASSWORD)),
                GroupMemberRow(person_id=login.person_id, group_id=group.group_id, administrator=True),
                OfficeRow(
                    office_token=person.office_token,
                    existing_contract_id=person.contract_id,
                    name=person.office_name,
                    contract_id=person.new_contract_id,
                    group_id=group.group_id,
                ),
                OfficeRow(
                    office_token=person.spare_token,
                    existing_contract_id=person.contract_id,
                    name=f"{person.office_name}二号店",
                ),
                ApplicationRow(
                    application_no=person.application_no,
                    submission_id=uuid4(),
                    digest=person.application_no,
                    family_name=family_name,
                    given_name=given_name,
                    existing_contract_id=person.contract_id,
                    accounting_link=True,
                    network_product=True,
                    procedure=Procedure.LINKED_NETWORK,
                    consents={},
                    applied_at=applied,
                    due_date=day_in_japan(NOW),
                    alert_on=day_in_japan(NOW),
                    expires_on=day_in_japan(NOW),
                    started_at=applied,
                ),
            ]
        )
        await session.flush()
        session.add(
            ApplicationOfficeRow(
                **pair,
                yayoi_id=person.yayoi_id,
                office_token=person.office_token,
                office_name=person.office_name,
                holds_id=True,
                holds_token=True,
            )
        )
        number, check = ApplicationNo(person.application_no), CaseStatus.first(Stage.CHECK, applied)
        begin_status(session, office_workflow_id(number, 1), number, 1, check, procedure=OFFICE_WORKFLOW)
        await session.flush()
        session.add_all(
            [
                IssuedContractRow(
                    **pair,
                    contract_id=person.new_contract_id,
                    existing_contract_id=person.contract_id,
                    number=1,
                    registered_name=f"{person.name} - 1 ({person.contract_id})",
                    yayoi_id=person.yayoi_id,
                    issued_at=applied,
                ),
                NoticeRow(
                    key=f"{person.application_no}:1:notice",
                    case_no=person.application_no,
                    part=1,
                    kind="completion_notice",
                    recipient=person.yayoi_id,
                    subject="-",
                    message_id=f"<{person.application_no}@web.test>",
                    sent_at=NOW - DAY,
                ),
                RememberedLinkRow(**pair, number=1, kind="bank_account", service=person.service),
                SharingRow(
                    office_token=person.office_token,
                    firm=person.firm,
                    ended_at=applied,
                    ended_for=f"{person.application_no}:1",
                ),
                MemberInvitationRow(
                    invitation_id=person.invitation_id,
                    group_id=group.group_id,
                    yayoi_id=person.invited,
                    inviter_id=login.person_id,
                    invited_at=NOW,
                    expires_at=NOW + DAY,
                    changed_at=NOW,
                    notified_at=NOW,
                ),
            ]
        )
    return replace(person, group_id=group.group_id)
