"""The cases: applications and their offices, and the ledger of what took effect."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Sequence,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from models.common.waiting_for import WaitingFor
from models.tables.base import Base, MailAddressText, NotifiedRow
from models.tables.text_search import pieces_index, prefix_index

application_count = Sequence("application_count", metadata=Base.metadata)


class ApplicationRow(Base):
    """One submitted form, as stored before anything is started."""

    __tablename__ = "applications"
    __table_args__ = (
        pieces_index("search_applicants", "family_name", "given_name"),
        prefix_index("search_applied_contracts", "existing_contract_id"),
    )

    application_no: Mapped[str] = mapped_column(primary_key=True)
    submission_id: Mapped[UUID] = mapped_column(unique=True)
    digest: Mapped[str]
    family_name: Mapped[str]
    given_name: Mapped[str]
    existing_contract_id: Mapped[str] = mapped_column(ForeignKey("existing_contracts.contract_id"), index=True)
    accounting_link: Mapped[bool]
    network_product: Mapped[bool]
    procedure: Mapped[str]
    consents: Mapped[dict[str, Any]]
    applied_at: Mapped[datetime]
    due_date: Mapped[date]
    alert_on: Mapped[date]
    expires_on: Mapped[date]
    started_at: Mapped[datetime | None]
    """When the workflow was started; None: the reconciler will."""
    closed_at: Mapped[datetime | None]
    link_no: Mapped[int] = mapped_column(server_default=text("1"))
    """The number of the applicant's link that opens the case now; every earlier one is ended."""


class ApplicationOfficeRow(Base):
    """One pair of an application. What is found right of it, it holds until it is closed: no other pair can (Y1).

    会計連携の追加 names the Yayoi ID of an earlier application, whose contract ID it holds beside that one.
    """

    __tablename__ = "application_offices"
    __table_args__ = (
        Index(
            "one_holds_id",
            "yayoi_id",
            unique=True,
            postgresql_where="holds_id and issued_contract_id is null",
        ),
        Index(
            "one_holds_issued_contract_id",
            "issued_contract_id",
            unique=True,
            postgresql_where="holds_id and issued_contract_id is not null",
        ),
        Index("one_holds_token", "office_token", unique=True, postgresql_where="holds_token"),
        pieces_index("search_applied_offices", "office_name"),
        prefix_index("search_applied_yayoi_ids", "yayoi_id"),
        prefix_index("search_linked_contracts", "issued_contract_id"),
        prefix_index("search_applied_tokens", "office_token"),
    )

    application_no: Mapped[str] = mapped_column(ForeignKey("applications.application_no"), primary_key=True)
    office_no: Mapped[int] = mapped_column(primary_key=True)
    yayoi_id: Mapped[MailAddressText]
    office_token: Mapped[str | None]
    office_name: Mapped[str]
    issued_contract_id: Mapped[str | None]
    """会計連携の追加: the contract ID that was issued before (Y9)."""
    holds_token: Mapped[bool] = mapped_column(server_default=text("false"))
    """The token is that of the contract's own office (Y5), which is not managed yet (Y1)."""
    holds_id: Mapped[bool] = mapped_column(server_default=text("false"))
    """The Yayoi ID can be used (Y2, Y3), and whoever applies may have an ID issued on the contract (Y5a)."""
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    open_points: Mapped[list[str] | None]
    closings: Mapped[int] = mapped_column(server_default=text("0"))
    """How often its case was closed: one that was reopened is open again (Y25)."""
    end_mailed_as: Mapped[str | None]
    """The key of the mail to the applicant about its end, with all that have ended the same way (Y27)."""
    deadline_mailed: Mapped[date | None]
    """The deadline that an operator has set and a mail to the applicant has said; None: the first one (Y27)."""
    deadline_mailed_as: Mapped[str | None]
    """The key of that mail, with all that were moved at the same time."""
    link_no: Mapped[int] = mapped_column(server_default=text("1"))
    """The number of the pair's own link that opens its page now; every earlier one is ended."""


class HolderConfirmationRow(NotifiedRow):
    """A pair of an application without a right token: the contract's holder confirms it before an ID is issued (Y5a).

    All pairs of the application are asked about together. One whose Yayoi ID is corrected afterwards waits anew; the
    others go on.
    """

    __tablename__ = "holder_confirmations"
    __table_args__ = (
        UniqueConstraint("application_no", "office_no"),
        ForeignKeyConstraint(
            ("application_no", "office_no"), ["application_offices.application_no", "application_offices.office_no"]
        ),
        Index("waiting_for_the_holder", "existing_contract_id", postgresql_where=text("settled_at is null")),
        Index(
            "confirmations_to_notify",
            "changed_at",
            postgresql_where=text("notified_at is null or notified_at < changed_at"),
        ),
    )

    confirmation_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    application_no: Mapped[str]
    office_no: Mapped[int]
    existing_contract_id: Mapped[str] = mapped_column(ForeignKey("existing_contracts.contract_id"))
    named_in: Mapped[int | None]
    """The number of the last mail to the holder that names it as it is."""
    settled_at: Mapped[datetime | None]
    settled_as: Mapped[str | None]
    asked_anew: Mapped[bool] = mapped_column(server_default=text("false"))
    """It was confirmed before, and its Yayoi ID was corrected since."""


class HolderMailRow(Base):
    """A mail that asks a contract's holder to confirm applications; the next one waits an hour (Y5a)."""

    __tablename__ = "holder_mails"

    existing_contract_id: Mapped[str] = mapped_column(ForeignKey("existing_contracts.contract_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    """Counts the mails about this contract from 1."""
    planned_at: Mapped[datetime]
    """The asking workflow's own time."""
    asked_as: Mapped[str | None]
    """The ID of the operation that asked for it, if one did."""
    ended_at: Mapped[datetime | None]
    """Since when its links open nothing any more: somebody has ended them."""


class PerOfficeRow(Base):
    """A row of which each pair of an application has several."""

    __abstract__ = True

    # First in the primary key, which is then also an index of what a pair has.
    application_no: Mapped[str] = mapped_column(primary_key=True, sort_order=-2)
    office_no: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[ForeignKeyConstraint | UniqueConstraint, ...]:
        pair = ("application_no", "office_no")
        return (ForeignKeyConstraint(pair, [f"application_offices.{column}" for column in pair]),)


class RememberedLinkRow(PerOfficeRow):
    """A link as it was before it was lost, and what its re-link covers (Y14, Y21)."""

    __tablename__ = "remembered_links"

    number: Mapped[int] = mapped_column(primary_key=True)
    """Counts the links of the pair from 1: messages and records of what was done name a link by it alone."""
    kind: Mapped[str]
    service: Mapped[str]
    """As its customer knows it, often with the number of an account."""
    last_imported_on: Mapped[date | None]
    relinked_on: Mapped[date | None]
    first_covered_on: Mapped[date | None]

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[ForeignKeyConstraint | UniqueConstraint, ...]:
        return (*super().__table_args__, UniqueConstraint("application_no", "office_no", "kind", "service"))


class SetUpStepRow(PerOfficeRow):
    """A step of STEP5 or STEP6 that the customer has done (Y19, Y20)."""

    __tablename__ = "set_up_steps"

    step: Mapped[str] = mapped_column(primary_key=True)
    done_at: Mapped[datetime]
    reported_by: Mapped[str]


class NoticeRow(Base):
    """A mail: pending until the SMTP server has taken it, then sent; or refused for good (Y18)."""

    __tablename__ = "notices"
    __table_args__ = (
        Index("notices_by_named_case", "cases", postgresql_using="gin"),
        Index(
            "bounces_to_notify",
            "bounced_at",
            postgresql_where=text("bounced_at is not null and bounce_notified_at is null"),
        ),
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    case_no: Mapped[str | None] = mapped_column(index=True)
    """The case that it is about, of whatever procedure; None: a mail that is about no single case."""
    cases: Mapped[list[str]] = mapped_column(server_default="[]")
    """The cases that it names, if it is about several."""
    part: Mapped[int | None]
    """Of its case; None: it is about the whole."""
    kind: Mapped[str]
    recipient: Mapped[MailAddressText]
    subject: Mapped[str]
    message_id: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]
    refused_because: Mapped[str | None]
    """The recipient was refused for good when it was last tried; without the address. Set: nobody is trying."""
    bounced_at: Mapped[datetime | None]
    """When it was known to have come back: it was sent, and did not arrive."""
    bounce_status: Mapped[str | None]
    """Why, by RFC 3463, such as `5.1.1`; None where nothing said it."""
    bounced_because: Mapped[str | None]
    """Why, as operators read it; without the address."""
    bounce_notified_at: Mapped[datetime | None]
    """When the procedure of its case was asked to look; None: it will be."""

    @property
    def all_cases(self) -> list[str]:
        """Every case that it is about."""
        return [self.case_no] if self.case_no else self.cases


class EventRow(Base):
    """An event another system reported, and what became of it."""

    __tablename__ = "events"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[str]
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    sent_by: Mapped[str]
    """Who acts: another system by its API key's name, or on our own pages an applicant or a Yayoi ID."""
    salt: Mapped[str]
    """With which it is signed, however often it is delivered."""
    application_no: Mapped[str | None] = mapped_column(index=True)
    office_no: Mapped[int | None]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    delivered_at: Mapped[datetime | None]
    refused_because: Mapped[str | None]
    refusals: Mapped[int] = mapped_column(server_default="0")
    """How often it was refused. The next try needs another update id: else Temporal repeats its result."""
    unreported_since: Mapped[datetime | None]
    """When it was refused after it had been accepted; emptied once the operators' desk was mailed."""


class LedgerRow(Base):
    """A step that has taken effect, with its result: the same key never takes effect again."""

    __tablename__ = "ledger"

    key: Mapped[str] = mapped_column(primary_key=True)
    result: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


_URGENCY = (
    "CASE WHEN outcome IS NOT NULL THEN NULL::integer "
    f"WHEN waiting_for::text = '{WaitingFor.OPERATOR}'::text AND NOT held THEN 0 "
    # These operators follow from beginning to end. Of others, which customers and systems lead by themselves, perhaps
    # 10,000 at once, they see what needs them.
    "WHEN procedure::text = 'OfficeDataProcedure'::text OR procedure::text = 'RepresentativeRegistration'::text "
    "OR held OR undelivered OR awaits_approval THEN 1 ELSE NULL::integer END"
)
"""Spelled as Postgres prints it: else the schema would seem to differ from its description."""


class CaseStatusRow(Base):
    """Where a case, or a part of it, is: written by its own steps, read by pages, lists and other systems."""

    __tablename__ = "case_status"
    __table_args__ = (
        Index("open_cases_of_an_operator", "assignee", postgresql_where=text("outcome is null")),
        # The worklist reads nothing but this index to count, and to find the page that is looked at.
        Index(
            "worklist_in_order",
            *("urgency", "urgent_on", "since", "case_no", "part"),
            postgresql_where=text("urgency is not null"),
            postgresql_include=[
                *("assignee", "procedure", "stage", "waiting_for", "due_on"),
                *("overdue", "held", "failing", "undelivered", "awaits_approval"),
            ],
        ),
        Index("cases_that_ended", "changed_at", postgresql_where=text("outcome is not null")),
        Index("requests_for_approval", "case_no", "part", postgresql_where=text("awaits_approval")),
        prefix_index("search_case_numbers", "case_no"),
    )

    case_no: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    """0: the case as a whole."""
    procedure: Mapped[str]
    """The type of the workflow that leads it."""
    workflow_id: Mapped[str] = mapped_column(unique=True)
    """The workflow that leads it, and no other."""
    first_run_id: Mapped[str | None]
    """The run that the workflow began with: operations are signed for it. None: its first step was not taken yet."""
    version: Mapped[int] = mapped_column(BigInteger)
    """A step writes only over a lower one."""
    changed_at: Mapped[datetime]
    """The workflow's own time."""
    stage: Mapped[str]
    since: Mapped[datetime]
    waiting_for: Mapped[str]
    until: Mapped[date | None]
    due_on: Mapped[date | None]
    """The day by which what the customer was promised is due (Y11); None: nothing is."""
    assignee: Mapped[str | None]
    overdue: Mapped[bool] = mapped_column(server_default=text("false"))
    held: Mapped[bool] = mapped_column(server_default=text("false"))
    failing: Mapped[bool] = mapped_column(server_default=text("false"))
    undelivered: Mapped[bool] = mapped_column(server_default=text("false"))
    awaits_approval: Mapped[bool] = mapped_column(server_default=text("false"))
    ending: Mapped[str | None]
    """How it is ending early while it is being undone (Y27)."""
    outcome: Mapped[str | None]
    points: Mapped[list[str]] = mapped_column(server_default="[]")
    """What is wrong or still open, in the applicant's words."""
    sequence: Mapped[int] = mapped_column(server_default="0")
    """How many changes were published to other systems."""
    published_stage: Mapped[str | None]
    published_outcome: Mapped[str | None]
    """What the last published change said."""
    urgency: Mapped[int | None] = mapped_column(Computed(_URGENCY, persisted=True))
    """Its place in the worklist: 0 is an operator's turn, 1 is to be kept an eye on, None is not in it."""
    urgent_on: Mapped[date | None] = mapped_column(Computed("LEAST(due_on, until)", persisted=True))
    """The first day on which something of it is due."""


class CaseStageRow(Base):
    """A stage that a case, or a part of it, has entered; it was left when the next one was entered."""

    __tablename__ = "case_stages"
    __table_args__ = (Index("stages_by_day", "entered_at"),)

    case_no: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    entered: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    """The version of the status with which it was entered."""
    stage: Mapped[str]
    entered_at: Mapped[datetime]
    undoing: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether it belongs to an early exit, which leaves things as they were before (Y27)."""


class CaseRequestRow(Base):
    """An operation that somebody has requested for every part of a case; each part takes it once."""

    __tablename__ = "case_requests"

    case_no: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    """Counts the requests of the case from 1."""
    key: Mapped[str] = mapped_column(unique=True)
    """The ledger key of the step that has stored it, made of the update that requests it."""
    operation: Mapped[str]
    by: Mapped[str]
    """Who has requested it."""
    asked_as: Mapped[str | None]
    """The id of the update that has requested it."""
    commitment: Mapped[str | None]
    """What that update has committed to."""
    message: Mapped[dict[str, Any]]
    requested_at: Mapped[datetime]


class LostOperationRow(Base):
    """An operation that had taken effect and that a Reset of its workflow has not taken again; found afterwards."""

    __tablename__ = "lost_operations"

    case_no: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    update_id: Mapped[str] = mapped_column(primary_key=True)
    action: Mapped[str]
    by: Mapped[str]
    happened_at: Mapped[datetime]
    """When it was done, by the case's own time."""
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())
