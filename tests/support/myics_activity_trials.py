"""For every activity of MYICS: one call of it, and what it must leave behind however often it is called."""

from datetime import date
from typing import Any

from sqlalchemy import Executable, insert, select

from models.common.messages import CaseRef, CaseStep
from models.common.waiting_for import WaitingFor
from models.myics.accounts import AccountKind, AccountState
from models.myics.batches import BatchKind, BatchPage, StopBatch
from models.myics.identifiers import BatchNo, CustomerNo, RegistrationNo
from models.myics.mails import INVITATION_SUBJECT, MyicsMail
from models.myics.registrations import (
    CloseRegistration,
    CorrectAddress,
    NewLink,
    RegistrationKind,
    RegistrationOutcome,
    RegistrationStage,
    SendMyicsMail,
    Unlock,
)
from models.tables import (
    AuditRow,
    CaseStatusRow,
    MyicsAccountRow,
    MyicsBatchLineRow,
    MyicsBatchRow,
    MyicsClientRow,
    MyicsFirmRow,
    MyicsRegistrationRow,
    NoticeRow,
)
from tests.support.activity_trials import AT, Trial

FIRM = CustomerNo("1000200301")
MR = CaseRef(case_no=RegistrationNo("MR-000001"))
MB = CaseRef(case_no=BatchNo("MB-000001"))
OWNER = "ichiro@aoba-kaikei.example.jp"
EXPIRES_ON = date(2026, 12, 5)
_BY: dict[str, Any] = {"by": "佐藤", "reason": "お電話"}
_ONE_STEP = {"ledger": 1, "audit_trail": 1, "audit_contents": 1}
_FIRM = insert(MyicsFirmRow).values(customer_no=FIRM, name="青葉会計事務所")


def _registration(number: str = MR.case_no, kind: str = RegistrationKind.USER, **changes: Any) -> Executable:
    row = {
        "registration_no": number,
        "kind": kind,
        "customer_no": FIRM,
        "account_id": 1,
        "address": OWNER,
        "name": "青葉 一郎",
        "requested_by": "担当者",
        "requested_at": AT,
        "stage": RegistrationStage.INVITED,
        "link_no": 1,
        "expires_on": EXPIRES_ON,
        "changed_at": AT,
    }
    return insert(MyicsRegistrationRow).values(**row | changes)


def _account(**changes: Any) -> Executable:
    row = {
        "holder_no": FIRM,
        "customer_no": FIRM,
        "registration_no": MR.case_no,
        "address": OWNER,
        "name": "青葉 一郎",
        "kind": AccountKind.GENERAL,
        "state": AccountState.INVITED,
    }
    return insert(MyicsAccountRow).values(**row | changes)


_INVITED = (_FIRM, _account(), _registration())
_STATUS = insert(CaseStatusRow).values(
    workflow_id=f"myics/{MR.case_no}",
    procedure="RepresentativeRegistration",
    case_no=MR.case_no,
    part=0,
    version=0,
    changed_at=AT,
    stage=RegistrationStage.INVITED,
    since=AT,
    waiting_for=WaitingFor.SYSTEM,
)
_BATCH = (
    _FIRM,
    insert(MyicsBatchRow).values(
        batch_no=MB.case_no,
        submission_id="01234567-89ab-4cde-8f01-23456789abcd",
        kind=BatchKind.CLIENTS,
        customer_no=FIRM,
        rows=1,
        requested_by="青葉 一郎",
        requested_at=AT,
        changed_at=AT,
    ),
    insert(MyicsBatchLineRow).values(
        batch_no=MB.case_no, position=1, line=2, values={"suffix": "0012", "name": "みなと商店"}
    ),
)
_LINK = select(MyicsRegistrationRow.link_no, MyicsRegistrationRow.expires_on)
_OWN = MyicsAccountRow.account_id == MyicsRegistrationRow.account_id
_LONGER = date(2026, 12, 20)

MYICS_TRIALS = [
    Trial(
        activity="make_link",
        message=NewLink.of(MR, AT, occurrence=2, expires_on=_LONGER),
        given=_INVITED,
        added=_ONE_STEP,
        look=_LINK,
        found=[(2, _LONGER)],
        actions=("URL を用意した",),
    ),
    Trial(
        activity="correct_address",
        message=CorrectAddress.of(MR, AT, occurrence=1, address="new@aoba-kaikei.example.jp", **_BY),
        given=_INVITED,
        added=_ONE_STEP,
        look=select(MyicsRegistrationRow.address, MyicsAccountRow.address).join(MyicsAccountRow, _OWN),
        found=[("new@aoba-kaikei.example.jp", "new@aoba-kaikei.example.jp")],
        actions=("メールアドレスを訂正した",),
    ),
    Trial(
        activity="unlock",
        message=Unlock.of(MR, AT, occurrence=1, **_BY),
        given=(_FIRM, _account(), _registration(locked_at=AT, wrong_keywords=5)),
        added=_ONE_STEP,
        look=select(MyicsRegistrationRow.locked_at, MyicsRegistrationRow.wrong_keywords),
        found=[(None, 0)],
        actions=("ロックを解除した",),
    ),
    Trial(
        activity="close_registration",
        message=CloseRegistration.of(MR, AT, outcome=RegistrationOutcome.EXPIRED, by="system", reason=""),
        given=(*_INVITED, _STATUS),
        added=_ONE_STEP,
        look=select(
            MyicsRegistrationRow.outcome,
            MyicsRegistrationRow.closed_at,
            MyicsAccountRow.state,
            CaseStatusRow.outcome,
            CaseStatusRow.version,
        )
        .join(MyicsAccountRow, _OWN)
        .join(CaseStatusRow, CaseStatusRow.case_no == MyicsRegistrationRow.registration_no),
        found=[("期限切れ", AT, "期限切れ", "期限切れ", 1)],
        actions=("登録の手続きを終了した（期限切れ）",),
    ),
    Trial(
        activity="look_at_registration",
        message=MR,
        given=_INVITED,
        added={},
        reads_only=True,
        look=_LINK,
        found=[(1, EXPIRES_ON)],
    ),
    Trial(
        activity="users_of_client",
        message=MR,
        given=_INVITED,
        added={},
        reads_only=True,
        look=_LINK,
        found=[(1, EXPIRES_ON)],
    ),
    Trial(
        activity="send_myics_mail",
        message=SendMyicsMail.of(MR, AT, kind=MyicsMail.INVITATION, occurrence=1),
        given=(_FIRM, _registration(kind=RegistrationKind.REPRESENTATIVE, account_id=None)),
        added={"notices": 1, "audit_trail": 1, "audit_contents": 1},  # the notice is its own ledger
        look=select(NoticeRow.kind, NoticeRow.recipient, NoticeRow.subject, NoticeRow.sent_at.is_not(None)),
        found=[("myics_invitation", OWNER, INVITATION_SUBJECT, True)],
        actions=(f"メールを送信した：{INVITATION_SUBJECT}",),
    ),
    Trial(
        activity="process_page",
        message=BatchPage.of(MB, AT, kind=BatchKind.CLIENTS, customer_no=FIRM, first=1, last=1),
        given=_BATCH,
        added={"myics_clients": 1, "audit_trail": 1, "audit_contents": 1},  # the row's `done_at` is its ledger
        look=select(
            MyicsClientRow.client_id, MyicsClientRow.name, MyicsBatchLineRow.done_at, MyicsBatchLineRow.refused_because
        ).join(MyicsBatchLineRow, MyicsBatchLineRow.values["name"].astext == MyicsClientRow.name),
        found=[("10002003010012", "みなと商店", AT, None)],
        actions=("顧問先を追加した",),
    ),
    Trial(
        activity="count_waiting",
        message=MB,
        given=_BATCH,
        added={},
        reads_only=True,
        look=select(MyicsBatchRow.closed_at),
        found=[(None,)],
    ),
    Trial(
        activity="close_batch",
        message=CaseStep.of(MB, AT),
        given=_BATCH,
        added=_ONE_STEP,
        look=select(MyicsBatchRow.closed_at),
        found=[(AT,)],
        actions=("一括登録を終了した",),
    ),
    Trial(
        activity="look_at_batch",
        message=MB,
        given=_BATCH,
        added={},
        reads_only=True,
        look=select(MyicsBatchRow.stopped),
        found=[(False,)],
    ),
    Trial(
        activity="stop_batch",
        message=StopBatch.of(MB, AT, occurrence=1, stopped=True, action="一括登録を止める", **_BY),
        given=_BATCH,
        added=_ONE_STEP,
        look=select(MyicsBatchRow.stopped, MyicsBatchRow.changed_at > AT, AuditRow.by).join(
            AuditRow, AuditRow.case_no == MyicsBatchRow.batch_no
        ),
        found=[(True, True, "佐藤")],
        actions=("一括登録を止める",),
    ),
]
