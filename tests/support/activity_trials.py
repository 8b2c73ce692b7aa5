"""For every activity: one call of it, and what it must leave behind however often it is called."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, delete, insert, select, update

from models.backoffice.digest import DigestDay, SendDigest
from models.backoffice.reconciliation import (
    Finding,
    FindingKind,
    LostInReset,
    Reconcile,
    ReconciliationReport,
)
from models.common.case_status import CaseStatus, StageEntered
from models.common.commitments import salted
from models.common.message import Message
from models.common.messages import (
    AssignCase,
    BusinessDays,
    CaseRef,
    CaseStep,
    LostOperation,
    ReadReturnedMails,
    RecordAction,
    RequestOperation,
    RequestsAfter,
    WorkflowRun,
)
from models.common.signatures import SignedPlace
from models.common.signed_acts import SignedAct
from models.common.waiting_for import WaitingFor
from models.tables import (
    AddressCheckRow,
    ApplicationOfficeRow,
    ApplicationRow,
    AuditRow,
    BusinessGroupRow,
    CaseRequestRow,
    CaseStatusRow,
    DraftRow,
    EnquiryRow,
    EventRow,
    ExistingContractRow,
    GroupMemberRow,
    HolderConfirmationRow,
    IssuedContractRow,
    LedgerRow,
    LostOperationRow,
    MemberInvitationRow,
    NoticeRow,
    OfficeRow,
    PublicKeyRow,
    RefusedFormRow,
    RememberedLinkRow,
    ServiceLinkRow,
    SetUpStepRow,
    SharingRow,
    WebhookMessageRow,
    WebhookSubscriberRow,
    YayoiIdRow,
)
from models.webhooks.messages import DeliverWebhook, WebhookMessageRef, WebhookStage
from models.yayoi.address_checks import CheckPurpose, CheckRef, CheckStep, SendCode, case_no
from models.yayoi.drafts import DraftRef
from models.yayoi.enquiries import EnquiryRef
from models.yayoi.holder_confirmation import AskHolder, RecordHolderAnswer
from models.yayoi.identifiers import ApplicationNo, office_workflow_id
from models.yayoi.mails import MailKind
from models.yayoi.member_invitations import CloseInvitation, Invitation, MailInvitation
from models.yayoi.messages import (
    CloseOffice,
    CorrectNamesStep,
    CorrectPairStep,
    CorrectRelinkStep,
    EndSharing,
    IssueStep,
    OfficeRef,
    OfficeStep,
    Outcome,
    RecordForEnded,
    RecordRelink,
    RecordSetUpStep,
    RenewLinkStep,
    ReopenOffice,
    RetractStep,
    SendMail,
)
from models.yayoi.operator_actions import Action, LinkHolder, ServiceRelinked, SetUpStepDone, SharingReleased
from models.yayoi.procedures import SetUpStep, Stage
from models.yayoi.provider_forms.refused import RefusedFormRef
from tests.support.activity_environment import FIRST_NO
from tests.support.environment import OFFICE_B, OFFICE_C, TARO
from tests.support.signing import PUBLIC, SATO, signed

AT = datetime(2026, 11, 5, 1, 0, tzinfo=UTC)
"""The case's own time in every step."""
NO = ApplicationNo(f"YS-{FIRST_NO}")
"""The first application of a new database: 弥生 太郎's, for office C."""
C = OfficeRef(case_no=NO, part=1)
PAIR = f"{NO}:1"
YAYOI_ID, TOKEN = OFFICE_C
BANK, AIR = "みずうみ銀行 普通 7654321", "Airレジ 本店"
LAST_BANK, LAST_AIR = date(2026, 10, 30), date(2026, 10, 31)

STEP = OfficeStep.of(C, AT)
RELEASED_FOR_THEM = EndSharing.of(C, AT, report=SharingReleased(reason="申込者の同意による"), delegated=True)
RECONCILE = Reconcile(at=AT)
RELINKED_ON = date(2026, 11, 20)
IMPORTED_AGAIN_FROM = date(2026, 10, 29)


_RELINKED = RecordRelink.of(
    C,
    AT,
    by="system:bank",
    report=ServiceRelinked(
        reason="お電話",
        link=1,
        relinked_on=RELINKED_ON,
        asked_from=IMPORTED_AGAIN_FROM,
    ),
)


CORRECTION, FIRST_RUN = "0b6f3c0e-2f3c-4f6e-9d3a-7f0f0c2b9a11", "the-first-run"
AFTER_RELINK = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


def _signed_correction() -> SignedAct:
    """What an operator asks of a case that has ended."""
    said = {"reason": "お電話", "link": 1, "relinked_on": str(RELINKED_ON)}
    message = salted(said, "A" * 43)
    place = SignedPlace(office_workflow_id(NO, 1), FIRST_RUN, str(Action.CORRECT_RELINK), CORRECTION)
    facts = {"workflow_id": place.case, "first_run": place.first_run, "operation": place.operation}
    entry = signed(SATO, place, message).decode()
    return SignedAct(by=str(SATO), entry=entry, update_id=CORRECTION, message=dict(message), **facts)


@dataclass(frozen=True)
class Trial:
    """`added`: the rows that one effect adds, by table. `found`: what `look` finds afterwards."""

    activity: str
    message: Message
    added: dict[str, int]
    look: Executable
    found: list[tuple[Any, ...]]
    given: tuple[Executable, ...] = ()
    """What else has to be in the database."""
    before: tuple[tuple[str, Message], ...] = ()
    """What was done before: activities and their messages."""
    actions: tuple[str, ...] = field(default=())
    """The audit trail's words for the effect."""
    reads_only: bool = False
    """Whether it leaves everything as it is."""
    then: int = 0
    """Transactions that follow those of a mail."""

    @property
    def commits(self) -> int:
        """In how many transactions it takes effect. A mail needs two: pending, sent."""
        if self.reads_only:
            return 0
        return 2 + self.then if "notices" in self.added else 1


AT_SHARING = CaseStatus(
    version=5,
    at=AT,
    stage=Stage.SHARING,
    since=AT,
    entered=(StageEntered(version=5, stage=Stage.SHARING, at=AT),),
    waiting_for=WaitingFor.APPLICANT,
    at_rest=True,
)


CHECK_ID = UUID("01234567-89ab-4cde-8f01-23456789abcd")
"""A mailed code that is waited for: that of a registration, which ends in 2099."""
EVENT = UUID("01234567-89ab-4cde-8f01-23456789abce")
HANAKO = "hanako@shouji.example.jp"


def _check(**changes: Any) -> Executable:
    row = {
        "check_id": CHECK_ID,
        "purpose": CheckPurpose.REGISTRATION,
        "yayoi_id": HANAKO,
        "family_name": "弥生",
        "given_name": "花子",
        "password_hash": "$argon2id$",
        "news_by_mail": True,
        "begun_at": AT,
        "changed_at": AT,
        "code_until": datetime(2099, 1, 1, tzinfo=UTC),
        "ends_at": datetime(2099, 1, 1, tzinfo=UTC),
    }
    return insert(AddressCheckRow).values(row | changes)


_WAITS_FOR_HOLDER = insert(HolderConfirmationRow).values(
    application_no=NO, office_no=1, existing_contract_id="8871304", changed_at=AT, notified_at=AT
)
_ONE_STEP = {"ledger": 1, "audit_trail": 1, "audit_contents": 1}
_OFFICE = select(OfficeRow.frozen_by, OfficeRow.frozen_at).where(OfficeRow.office_token == TOKEN)
_STRAY = update(OfficeRow).where(OfficeRow.office_token == TOKEN).values(frozen_by="YS-999999:1", frozen_at=AT)
_SHARING = select(SharingRow.firm, SharingRow.ended_at, SharingRow.ended_for, SharingRow.released_by_system).where(
    SharingRow.office_token == TOKEN
)
_LINKS = (
    select(ServiceLinkRow.service, ServiceLinkRow.lost_for, ServiceLinkRow.first_covered_on)
    .where(ServiceLinkRow.office_token == TOKEN)
    .order_by(ServiceLinkRow.link_id)
)
_REMEMBERED = (
    select(
        RememberedLinkRow.number,
        RememberedLinkRow.kind,
        RememberedLinkRow.service,
        RememberedLinkRow.last_imported_on,
        RememberedLinkRow.relinked_on,
        RememberedLinkRow.first_covered_on,
    )
    .where(RememberedLinkRow.application_no == NO)
    .order_by(RememberedLinkRow.service.desc())
)


_CLOSE = CloseOffice.of(C, AT, outcome=Outcome.INCOMPLETE, open_points=("STEP6 製品の登録",))


def _subscriber(**facts: Any) -> Executable:
    return insert(WebhookSubscriberRow).values(url="https://books.example/hook", secrets=[], kinds=[], **facts)


def _webhook(stage: WebhookStage) -> Executable:
    return insert(WebhookMessageRow).values(
        message_id="msg_1",
        subscriber_id=1,
        application_no=NO,
        kind="office.stage_changed",
        payload={},
        stage=stage,
        settled_at=AT,
    )


_WEBHOOK = select(WebhookMessageRow.stage, WebhookMessageRow.attempts, WebhookMessageRow.settled_at.is_not(None))
_TROUBLE_OF_A_DAY = "webhook-trouble:1:____-__-__"

INVITED = UUID("00000000-0000-4000-8000-00000000000a")
OFFICE_A = "office-a@yayoi-taro.example.jp"
_INVITE = insert(MemberInvitationRow).values(
    invitation_id=INVITED,
    group_id=select(GroupMemberRow.group_id)
    .where(GroupMemberRow.person_id == YayoiIdRow.id_of(OFFICE_A))
    .scalar_subquery(),
    yayoi_id=YAYOI_ID,
    inviter_id=YayoiIdRow.id_of(OFFICE_A),
    invited_at=AT,
    expires_at=AT,
    changed_at=AT,
)

TRIALS = [
    Trial(
        activity="check_pair",  # of an application that was accepted without holding or freezing anything
        message=STEP,
        given=(
            update(ApplicationOfficeRow).values(holds_token=False, holds_id=False),
            update(OfficeRow).values(frozen_by=None, frozen_at=None),
            delete(LedgerRow),
        ),
        added=_ONE_STEP,
        look=select(
            ApplicationOfficeRow.holds_token,
            ApplicationOfficeRow.holds_id,
            OfficeRow.frozen_by,
            OfficeRow.frozen_at,
        ).join(OfficeRow, OfficeRow.office_token == ApplicationOfficeRow.office_token),
        found=[(True, True, PAIR, AT)],
        actions=("スマート取引取込を凍結した",),
    ),
    Trial(
        activity="thaw_smart_import",
        message=STEP,
        added=_ONE_STEP,
        look=_OFFICE,
        found=[(None, None)],
        actions=("スマート取引取込の凍結を解除した",),
    ),
    Trial(
        activity="sharing_state",
        message=STEP,
        added={},
        reads_only=True,
        look=_SHARING,
        found=[("山田会計事務所", None, None, False)],
    ),
    Trial(
        activity="end_sharing",
        message=RELEASED_FOR_THEM,
        added=_ONE_STEP,
        look=_SHARING,
        found=[("山田会計事務所", AT, PAIR, True)],
        actions=("申込者に代わって共有を解除した",),
    ),
    Trial(
        activity="remember_links",
        message=STEP,
        added=_ONE_STEP | {"remembered_links": 2},
        look=_REMEMBERED,
        found=[(1, "bank_account", BANK, LAST_BANK, None, None), (2, "air_regi", AIR, LAST_AIR, None, None)],
        actions=("連携を記録した",),
    ),
    Trial(
        activity="issue_contract_id",
        message=IssueStep.of(C, AT),
        added=_ONE_STEP | {"issued_contracts": 1, "contract_id_pool": 1, "remembered_links": 2},
        look=select(
            IssuedContractRow.contract_id,
            IssuedContractRow.registered_name,
            IssuedContractRow.yayoi_id,
            OfficeRow.contract_id,
            ExistingContractRow.issued_count,
            ServiceLinkRow.service,
            ServiceLinkRow.lost_for,
        )
        .join(ExistingContractRow, ExistingContractRow.contract_id == IssuedContractRow.existing_contract_id)
        .join(OfficeRow, OfficeRow.contract_id == IssuedContractRow.contract_id)
        .join(ServiceLinkRow, ServiceLinkRow.office_token == OfficeRow.office_token)
        .order_by(ServiceLinkRow.link_id),
        found=[
            ("7500000", "弥生 太郎 - 1 (8871304)", YAYOI_ID, "7500000", 1, service, PAIR) for service in (BANK, AIR)
        ],
        actions=("サービス契約ID を発行した",),
    ),
    Trial(
        activity="record_relink",
        message=_RELINKED,
        before=(("remember_links", STEP), ("issue_contract_id", STEP)),
        added=_ONE_STEP | {"service_links": 1},
        look=_LINKS,
        found=[(BANK, PAIR, None), (AIR, PAIR, None), (BANK, None, IMPORTED_AGAIN_FROM)],
        actions=("再連携を記録した",),
    ),
    Trial(
        activity="correct_relink",
        message=CorrectRelinkStep.of(
            C,
            AT,
            link=1,
            relinked_on=RELINKED_ON,
            by="佐藤",
            reason="お電話",
        ),
        before=(("remember_links", STEP), ("issue_contract_id", STEP), ("record_relink", _RELINKED)),
        added=_ONE_STEP,
        look=_LINKS.add_columns(RememberedLinkRow.first_covered_on).join(
            RememberedLinkRow, RememberedLinkRow.service == ServiceLinkRow.service
        ),
        found=[(BANK, PAIR, None, RELINKED_ON), (AIR, PAIR, None, None), (BANK, None, RELINKED_ON, RELINKED_ON)],
        actions=("再連携の日を訂正した",),
    ),
    Trial(
        activity="record_for_ended_office",
        message=RecordForEnded.of(C, AFTER_RELINK, asked_as=CORRECTION, act=_signed_correction()),
        given=(
            *(
                insert(PublicKeyRow).values(key_id=key.key_id, purpose=key.purpose, value=key.value, state=key.state)
                for key in PUBLIC
            ),
            update(CaseStatusRow).where(CaseStatusRow.part == 1).values(first_run_id=FIRST_RUN),
        ),
        before=(
            *(("remember_links", STEP), ("issue_contract_id", STEP), ("record_relink", _RELINKED)),
            ("close_office", CloseOffice.of(C, AT, outcome=Outcome.COMPLETED, open_points=())),
        ),
        added=_ONE_STEP,
        look=_LINKS.add_columns(RememberedLinkRow.first_covered_on).join(
            RememberedLinkRow, RememberedLinkRow.service == ServiceLinkRow.service
        ),
        found=[(BANK, PAIR, None, RELINKED_ON), (AIR, PAIR, None, None), (BANK, None, RELINKED_ON, RELINKED_ON)],
        actions=("再連携の日を訂正した",),
    ),
    Trial(
        activity="retract_set_up_step",
        message=RetractStep.of(C, AT, step=SetUpStep.SUPPORT_PASSWORD, by="佐藤", reason="お電話"),
        before=(
            (
                "record_set_up_step",
                RecordSetUpStep.of(
                    C, AT, by="佐藤", report=SetUpStepDone(reason="お電話", step=SetUpStep.SUPPORT_PASSWORD)
                ),
            ),
        ),
        added=_ONE_STEP,
        look=select(SetUpStepRow.step),
        found=[],
        actions=(f"{SetUpStep.SUPPORT_PASSWORD.label}の記録を取り消した",),
    ),
    Trial(
        activity="record_set_up_step",
        message=RecordSetUpStep.of(
            C, AT, by="佐藤", report=SetUpStepDone(reason="お電話", step=SetUpStep.BUSINESS_GROUP)
        ),
        added=_ONE_STEP | {"set_up_steps": 1, "business_groups": 1, "business_group_members": 1},
        look=select(SetUpStepRow.step, SetUpStepRow.reported_by, BusinessGroupRow.name).where(
            SetUpStepRow.application_no == ApplicationOfficeRow.application_no,
            GroupMemberRow.person_id == YayoiIdRow.person_id,
            YayoiIdRow.yayoi_id == ApplicationOfficeRow.yayoi_id,
            OfficeRow.office_token == ApplicationOfficeRow.office_token,
            GroupMemberRow.group_id == OfficeRow.group_id,
            BusinessGroupRow.group_id == OfficeRow.group_id,
        ),
        found=[("business_group", "佐藤", "事業所C")],
        actions=("STEP6 事業グループの新規作成を記録した",),
    ),
    Trial(
        activity="send_mail",
        message=SendMail(case_no=NO, kind=MailKind.RECEIPT, at=AT),
        added={"notices": 1, "audit_trail": 1, "audit_contents": 1},  # the notice is its own ledger
        look=select(NoticeRow.kind, NoticeRow.recipient, NoticeRow.sent_at.is_not(None)),
        found=[("receipt", TARO, True)],
        actions=(f"メールを送信した：{MailKind.RECEIPT.subject}",),
    ),
    Trial(
        activity="close_office",
        message=_CLOSE,
        added=_ONE_STEP | {"case_stages": 1},
        look=select(
            ApplicationOfficeRow.closed_at,
            ApplicationOfficeRow.outcome,
            ApplicationOfficeRow.open_points,
            ApplicationOfficeRow.holds_token,
            ApplicationOfficeRow.holds_id,
        ),
        found=[(AT, "未完了の項目あり", ["STEP6 製品の登録"], False, False)],
        actions=("事業所データの手続きを終了した（未完了の項目あり）",),
    ),
    Trial(
        activity="reopen_office",
        message=ReopenOffice.of(C, AT, by="佐藤", reason="お電話", occurrence=1),
        before=(("close_office", _CLOSE),),
        added=_ONE_STEP,
        look=select(ApplicationOfficeRow.closed_at, ApplicationOfficeRow.outcome, ApplicationOfficeRow.closings),
        found=[(None, None, 1)],
        actions=("手続きを再開した",),
    ),
    Trial(
        activity="renew_link",
        message=RenewLinkStep.of(C, AT, whose=LinkHolder.PAIR, by="佐藤", reason="お電話", occurrence=1),
        added=_ONE_STEP,
        look=select(ApplicationOfficeRow.link_no, ApplicationRow.link_no).join(
            ApplicationRow, ApplicationRow.application_no == ApplicationOfficeRow.application_no
        ),
        found=[(2, 1)],
        actions=("お手続きの画面のリンクを無効にした",),
    ),
    Trial(
        activity="correct_names",
        message=CorrectNamesStep.of(
            C, AT, family_name="彌生", given_name=None, office_name=None, by="佐藤", reason="お電話", occurrence=1
        ),
        added=_ONE_STEP,
        look=select(ApplicationRow.family_name, ApplicationRow.given_name),
        found=[("彌生", "太郎")],
        actions=("申込者・事業所データの名前を訂正した",),
    ),
    Trial(
        activity="closed_offices",
        message=CaseStep(case_no=NO, at=AT),
        before=(("close_office", _CLOSE),),
        added={},
        look=select(ApplicationOfficeRow.closings),
        found=[(1,)],
        reads_only=True,
    ),
    Trial(
        activity="close_application",
        message=CaseStep(case_no=NO, at=AT),
        added=_ONE_STEP | {"case_stages": 1},
        look=select(ApplicationRow.closed_at),
        found=[(AT,)],
        actions=("申込の手続きを終了した",),
    ),
    Trial(
        activity="business_days",
        message=BusinessDays(day=date(2026, 11, 5), counts=(3, 7)),
        added={},
        reads_only=True,
        look=select(ApplicationRow.application_no),
        found=[(NO,)],
    ),
    Trial(
        activity="restore_sharing",
        message=STEP,
        before=(("end_sharing", RELEASED_FOR_THEM),),
        added=_ONE_STEP,
        look=_SHARING,
        found=[("山田会計事務所", None, None, False)],
        actions=("会計事務所との共有を元に戻した",),
    ),
    Trial(
        activity="attach_to_contract",
        message=STEP,
        given=(
            update(ApplicationOfficeRow).values(issued_contract_id="7123456"),
            insert(IssuedContractRow).values(
                contract_id="7123456",
                existing_contract_id="8871304",
                number=1,
                registered_name="弥生 太郎 - 1 (8871304)",
                application_no=NO,
                office_no=1,
                yayoi_id=YAYOI_ID,
                issued_at=AT,
            ),
        ),
        added=_ONE_STEP | {"remembered_links": 2},
        look=select(OfficeRow.contract_id, ServiceLinkRow.service, ServiceLinkRow.lost_for)
        .join(ServiceLinkRow, ServiceLinkRow.office_token == OfficeRow.office_token)
        .where(OfficeRow.office_token == TOKEN)
        .order_by(ServiceLinkRow.link_id),
        found=[("7123456", BANK, PAIR), ("7123456", AIR, PAIR)],
        actions=("サービス契約ID に会計連携を設定した",),
    ),
    Trial(
        activity="revoke_contract_id",
        message=STEP,
        before=(("issue_contract_id", STEP),),
        added=_ONE_STEP,
        look=select(
            IssuedContractRow.contract_id,
            IssuedContractRow.revoked_at,
            OfficeRow.contract_id,
            ServiceLinkRow.service,
            ServiceLinkRow.lost_for,
        )
        .join(OfficeRow, OfficeRow.existing_contract_id == IssuedContractRow.existing_contract_id)
        .join(ServiceLinkRow, ServiceLinkRow.office_token == OfficeRow.office_token)
        .where(OfficeRow.office_token == TOKEN)
        .order_by(ServiceLinkRow.link_id),
        found=[("7500000", AT, None, BANK, None), ("7500000", AT, None, AIR, None)],
        actions=("サービス契約ID を取り消した",),
    ),
    Trial(
        activity="record_action",
        message=RecordAction.of(C, AT, action="期限を延ばした", by="佐藤", reason="お電話", occurrence=1),
        added=_ONE_STEP,
        look=_OFFICE,
        found=[(PAIR, AT)],
        actions=("期限を延ばした",),
    ),
    Trial(
        activity="correct_pair",
        message=CorrectPairStep.of(
            C, AT, yayoi_id=OFFICE_B[0], office_token=OFFICE_B[1], by="佐藤", reason="お電話", occurrence=1
        ),
        added=_ONE_STEP,
        look=select(
            ApplicationOfficeRow.yayoi_id,
            ApplicationOfficeRow.office_name,
            ApplicationOfficeRow.holds_token,
            ApplicationOfficeRow.holds_id,
            OfficeRow.office_token,
        ).join(OfficeRow, OfficeRow.frozen_by == PAIR),
        found=[(OFFICE_B[0], "事業所B", True, True, OFFICE_B[1])],
        actions=("弥生ID・事業所トークンを訂正した",),
    ),
    Trial(
        activity="ask_holder",
        message=AskHolder(case_no=NO, part=1, at=AT),
        given=(_WAITS_FOR_HOLDER,),
        added={"holder_mails": 1, "notices": 1, "audit_trail": 1, "audit_contents": 1},
        then=1,  # the mail is planned in a transaction of its own, before the others
        look=select(
            NoticeRow.key, NoticeRow.recipient, NoticeRow.sent_at.is_not(None), HolderConfirmationRow.named_in
        ).join(HolderConfirmationRow, HolderConfirmationRow.application_no == NO),
        found=[("holder:8871304:1", TARO, True, 1)],
        actions=(f"メールを送信した：{MailKind.CONFIRM_APPLICATIONS.subject}",),
    ),
    Trial(
        activity="record_holder_answer",
        message=RecordHolderAnswer.of(C, AT, confirmed=True, by="佐藤", reason="お電話"),
        given=(_WAITS_FOR_HOLDER,),
        added=_ONE_STEP,
        look=select(HolderConfirmationRow.settled_as, HolderConfirmationRow.settled_at.is_not(None)),
        found=[("confirmed", True)],
        actions=("契約者が申し込みを確認した",),
    ),
    Trial(
        activity="assign_operator",
        message=AssignCase(case_no=NO, part=1, at=AT, occurrence=1),
        added=_ONE_STEP,
        look=select(CaseStatusRow.assignee).where(CaseStatusRow.part == 1),
        found=[("sk",)],
        actions=("担当者を決めた",),
    ),
    Trial(
        activity="look_at_check",
        message=CheckRef(case_no=case_no(CHECK_ID)),
        given=(_check(),),
        added={},
        look=select(AddressCheckRow.code_no, AddressCheckRow.finished_at),
        found=[(1, None)],
        reads_only=True,
    ),
    Trial(
        activity="send_code",
        message=SendCode(case_no=case_no(CHECK_ID), code_no=1),
        given=(_check(),),
        added={"notices": 1},  # about no case: the notice is all
        look=select(NoticeRow.key, NoticeRow.kind, NoticeRow.recipient, NoticeRow.sent_at.is_not(None)),
        found=[(f"address-check:{CHECK_ID}:1", "code_registration", HANAKO, True)],
    ),
    Trial(
        activity="notify_of_new_password",
        message=CheckStep(case_no=case_no(CHECK_ID), at=AT),
        given=(_check(purpose=CheckPurpose.NEW_PASSWORD, finished_at=AT),),
        added={"notices": 1},
        look=select(NoticeRow.kind, NoticeRow.recipient, NoticeRow.sent_at.is_not(None)),
        found=[("password_set", HANAKO, True)],
    ),
    Trial(
        activity="close_check",
        message=CheckStep(case_no=case_no(CHECK_ID), at=AT),
        given=(_check(finished_at=AT),),
        added={"ledger": 1},
        look=select(AddressCheckRow.closed_at, AddressCheckRow.family_name, AddressCheckRow.password_hash),
        found=[(AT, None, None)],
    ),
    Trial(
        activity="look_at_invitation",
        message=Invitation(case_no=INVITED.hex),
        given=(_INVITE,),
        added={},
        look=select(MemberInvitationRow.link_no, MemberInvitationRow.accepted_at),
        found=[(1, None)],
        reads_only=True,
    ),
    Trial(
        activity="mail_invitation",
        message=MailInvitation(case_no=INVITED.hex, link_no=1),
        given=(_INVITE,),
        added={"notices": 1},  # about no application
        look=select(NoticeRow.kind, NoticeRow.recipient, NoticeRow.sent_at.is_not(None)),
        found=[("member_invitation", YAYOI_ID, True)],
    ),
    Trial(
        activity="close_invitation",
        message=CloseInvitation(case_no=INVITED.hex, link_no=1, at=AT),
        given=(_INVITE,),
        added={},  # `closed_at` is its own ledger
        look=select(MemberInvitationRow.closed_at, MemberInvitationRow.outcome),
        found=[(AT, "期限切れ")],
    ),
    Trial(
        activity="mail_draft",
        message=DraftRef(draft_id=INVITED, mail_no=1),
        given=(
            insert(DraftRow).values(
                draft_id=INVITED,
                form={"applicant.family_name": "弥生"},
                mail_address=HANAKO,
                mail_no=1,
                changed_at=AT,
                expires_at=datetime(2099, 1, 1, tzinfo=UTC),
            ),
        ),
        added={"notices": 1},  # about no application
        look=select(NoticeRow.key, NoticeRow.recipient, NoticeRow.sent_at.is_not(None)),
        found=[(f"draft:{INVITED}:1", HANAKO, True)],
    ),
    Trial(
        activity="forward_enquiry",
        message=EnquiryRef(receipt_no="Q-000001"),
        given=(
            insert(EnquiryRow).values(
                receipt_no="Q-000001",
                submission_id=INVITED,
                contract_id="8871304",
                name="弥生 太郎",
                mail_address=TARO,
                text="手順を教えてください。",
                received_at=AT,
                changed_at=AT,
            ),
        ),
        added={"notices": 1},  # about no application
        look=select(NoticeRow.kind, NoticeRow.recipient, NoticeRow.sent_at.is_not(None)),
        found=[("enquiry", "back-office@yayoi.example", True)],
    ),
    Trial(
        activity="digest_recipients",
        message=DigestDay(day=date(2026, 11, 5)),
        added={},
        reads_only=True,
        look=select(NoticeRow.key),
        found=[],
    ),
    Trial(
        activity="send_digest",
        message=SendDigest(day=date(2026, 11, 5), operator="sk"),
        added={"notices": 1},  # about no case: the notice is all
        look=select(NoticeRow.key, NoticeRow.case_no, NoticeRow.recipient, NoticeRow.sent_at.is_not(None)),
        found=[("digest:2026-11-05:sk", None, "sato@back-office.example.jp", True)],
    ),
    Trial(
        activity="find_differences",
        message=RECONCILE,
        given=(_STRAY,),
        added={},
        reads_only=True,
        look=_OFFICE,
        found=[("YS-999999:1", AT)],
    ),
    Trial(
        activity="find_left_open",
        message=RECONCILE,
        added={},
        reads_only=True,
        look=select(ApplicationRow.closed_at),
        found=[(None,)],
    ),
    Trial(
        activity="give_up_start",
        message=CaseStep(case_no=NO, at=AT),
        added={},  # `closed_at` is its own ledger
        look=select(ApplicationRow.closed_at),
        found=[(AT,)],
    ),
    Trial(
        activity="look_again",
        message=C,
        added={},
        reads_only=True,
        look=select(ApplicationOfficeRow.closed_at),
        found=[(None,)],
    ),
    Trial(
        activity="thaw_left_frozen",
        message=OfficeStep(case_no=ApplicationNo("YS-999999"), part=1, at=AT),
        given=(_STRAY,),
        added=_ONE_STEP,
        look=_OFFICE,
        found=[(None, None)],
        actions=("残っていた凍結を解除した",),
    ),
    Trial(
        activity="freeze_again",
        message=OfficeStep.of(C, AT),
        given=(update(OfficeRow).values(frozen_by=None, frozen_at=None),),
        added=_ONE_STEP,
        look=_OFFICE,
        found=[(PAIR, AT)],
        actions=("外れていた凍結をやり直した",),
    ),
    Trial(
        activity="hand_over_lost",
        message=LostInReset(
            case_no=NO,
            part=1,
            workflow_id="application/YS-999999/office/1",  # one that has ended meanwhile
            operations=(LostOperation(update_id="lost", action="メモを残す", by="operator:sk"),),
        ),
        given=(
            insert(AuditRow).values(
                case_no=NO,
                part=1,
                sequence=99,
                update_id="lost",
                action="メモを残す",
                by="operator:sk",
                happened_at=AT,
                recorded_at=AT,
                rule="",
                commitment="",
                previous="",
                hash="",
            ),
        ),
        added={"lost_operations": 1},
        look=select(LostOperationRow.action, LostOperationRow.happened_at),
        found=[("メモを残す", AT)],
    ),
    Trial(
        activity="report_differences",
        message=ReconciliationReport(
            at=AT,
            findings=(
                Finding(kind=FindingKind.LOST_FREEZE, application_no=NO, office_no=1, detail="外れています。"),
                Finding(kind=FindingKind.REFUSED_LATE, application_no=NO, office_no=1, event_id=EVENT, detail="順序"),
            ),
        ),
        given=(
            insert(EventRow).values(
                event_id=EVENT,
                digest="",
                kind="withdrawn",
                payload={},
                sent_by="system:registry",
                salt="",
                refused_because="順序",
                unreported_since=AT,
            ),
        ),
        added={"notices": 1},  # about no single case
        then=1,  # the refusal has been mailed
        look=select(
            NoticeRow.case_no, NoticeRow.recipient, NoticeRow.sent_at.is_not(None), EventRow.unreported_since
        ).join(EventRow, EventRow.event_id == EVENT),
        found=[(None, "back-office@yayoi.example", True, None)],
    ),
    Trial(
        activity="write_status",
        message=CaseStep.of(C, AT, status=AT_SHARING),
        given=(_subscriber(), _subscriber(active=False), _subscriber()),
        added={"webhook_messages": 2, "case_keys": 2, "case_status": 2, "case_stages": 3},
        look=select(
            WebhookMessageRow.subscriber_id,
            WebhookMessageRow.kind,
            WebhookMessageRow.payload["data"]["sequence"].as_integer(),
        ).order_by(WebhookMessageRow.subscriber_id),
        found=[(1, "office.stage_changed", 2), (3, "office.stage_changed", 2)],
    ),
    Trial(
        activity="request_operation",
        message=RequestOperation(
            case_no=NO,
            at=AT,
            operation="cancel",
            label="申込全体を取り消す",
            by="佐藤",
            reason="お電話",
            message={"reason": "お電話"},
        ),
        added=_ONE_STEP | {"case_requests": 1},
        actions=("申込全体を取り消す",),
        look=select(CaseRequestRow.case_no, CaseRequestRow.number, CaseRequestRow.operation),
        found=[(NO, 1, "cancel")],
    ),
    Trial(
        activity="requests_after",
        message=RequestsAfter(case_no=NO, at=AT, number=0),
        added={},
        look=select(CaseRequestRow.case_no),
        found=[],
        reads_only=True,
    ),
    Trial(
        activity="read_returned_mails",  # without a mailbox; with one: tests/common/test_bounce_mailbox.py
        message=ReadReturnedMails(),
        added={},
        look=_OFFICE,
        found=[(PAIR, AT)],
        reads_only=True,
    ),
    Trial(
        activity="bounced_mails",
        message=CaseRef(case_no=NO),
        given=(
            insert(NoticeRow).values(
                key=f"{NO}:-:mail.receipt.1",
                case_no=NO,
                kind=MailKind.RECEIPT,
                recipient=TARO,
                subject=MailKind.RECEIPT.subject,
                message_id="<returned@yayoi.example>",
                sent_at=AT,
                bounced_at=AT,
            ),
        ),
        added={},
        look=select(NoticeRow.bounced_at, NoticeRow.bounce_notified_at),
        found=[(AT, None)],
        reads_only=True,
    ),
    Trial(
        activity="lost_operations",
        message=C,
        given=(
            insert(LostOperationRow).values(
                case_no=NO,
                part=1,
                update_id="lost",
                action="メモを残す",
                by="operator:sk",
                happened_at=AT,
            ),
        ),
        added={},
        look=select(LostOperationRow.update_id),
        found=[("lost",)],
        reads_only=True,
    ),
    Trial(
        activity="end_strangers_office",  # with a stranger: tests/workers/test_strangers_starts.py
        message=STEP,
        added={},
        look=_OFFICE,
        found=[(PAIR, AT)],
        reads_only=True,
    ),
    Trial(
        activity="failing_activities",
        message=WorkflowRun(workflow_id=f"application/{NO}", run_id="01234567-89ab-4cde-8f01-23456789abcf"),
        added={},
        look=_OFFICE,
        found=[(PAIR, AT)],
        reads_only=True,
    ),
    Trial(
        activity="deliver_webhook",  # with a subscriber that answers: tests/webhooks/test_webhook_post.py
        message=DeliverWebhook(case_no="msg_1", stored_at=AT),
        given=(_subscriber(active=False), _webhook(WebhookStage.SENDING)),
        added={},
        look=_WEBHOOK,
        found=[("送信先の停止", 0, True)],
    ),
    Trial(
        activity="report_webhook_trouble",
        message=WebhookMessageRef(case_no="msg_1"),
        given=(_subscriber(), _webhook(WebhookStage.DEAD)),
        added={"notices": 1},
        look=select(NoticeRow.key.like(_TROUBLE_OF_A_DAY), NoticeRow.recipient, NoticeRow.sent_at.is_not(None)),
        found=[(True, "back-office@yayoi.example", True)],
    ),
    Trial(
        activity="give_up_webhook",
        message=WebhookMessageRef(case_no="msg_1"),
        given=(_subscriber(), _webhook(WebhookStage.DEAD)),
        added={},
        look=_WEBHOOK,
        found=[("未送信で終了", 0, True)],
    ),
    Trial(
        activity="report_refused_form",
        message=RefusedFormRef(form_no=1),
        given=(insert(RefusedFormRow).values(webhook_id="w-1", body="{}", errors={"tel": "入力してください。"}),),
        added={"notices": 1},
        look=select(NoticeRow.key, NoticeRow.case_no, NoticeRow.recipient, NoticeRow.sent_at.is_not(None)),
        found=[("refused-form:1", None, "back-office@yayoi.example", True)],
    ),
]
