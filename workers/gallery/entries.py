"""The gallery's mails in the order of the story. To add one: a function that has it sent, and its line in `ENTRIES`."""

from datetime import timedelta
from uuid import UUID

from activities.address_checks import AddressCheckActivities
from activities.outbox import Outbox
from models.actions import SharingReleased
from models.address_checks import CheckPurpose, CheckStep, SendCode
from models.calendar import day_in_japan
from models.digest import SendDigest
from models.enquiries import EnquiryRef
from models.invitations import MailInvitation
from models.mails import MailKind
from models.messages import Assign, EndSharing, OfficeStep, Outcome
from models.reconciliation import Finding, FindingKind, ReconciliationReport, Repair
from models.refused_forms import RefusedFormRef
from models.tables import (
    AddressCheckRow,
    EnquiryRow,
    GroupMemberRow,
    MemberInvitationRow,
    RefusedFormRow,
    WebhookMessageRow,
    WebhookSubscriberRow,
)
from models.webhooks import ATTEMPTS, WebhookKind, WebhookMessageRef, WebhookStage
from workers.derived import public_url, secret_key
from workers.gallery.entry import Entry, Send
from workers.gallery.myics import MYICS_ENTRIES
from workers.gallery.scene import AT, Scene

B = ("office-b@yayoi-taro.example.jp", "b0000002-0000-4000-8000-000000000002")
C = ("office-c@yayoi-taro.example.jp", "c0000003-0000-4000-8000-000000000003")
_ADMINISTRATOR = "office-a@yayoi-taro.example.jp"
_INVITATION = UUID(int=4)
_NINOMIYA = "office-2@ninomiya.example.co.jp"
_RELINK = "Airレジ「Airレジ 本店」の再連携"
_SHARED = "会計事務所との共有が解除されていません。"


def _again(family_name: str, kind: MailKind, *points: str, office: int | None = 1) -> Send:
    """One more mail of somebody's case, as it stands."""

    async def send(scene: Scene) -> None:
        await scene.case(family_name).mail(kind, *points, office=office)

    return send


# --- until the notice -------------------------------------------------------------------------------------------------


async def _receipt(scene: Scene) -> None:
    case = await scene.apply("弥生", "太郎", "8871304", B, C)
    await scene.run("assign_operator", Assign(application_no=case.application_no, at=AT, occurrence=1))
    await case.frozen(1)
    await case.frozen(2)
    await case.mail(MailKind.RECEIPT, office=None)


async def _correction_needed(scene: Scene) -> None:
    pair = ("office-2@kaneko.example.co.jp", "b6000009-0000-4000-8000-000000000002")
    case = await scene.apply("金子", "翔", "6000009", pair)
    await case.mail(MailKind.CORRECTION_NEEDED, *await case.problems())


async def _correction_reminder(scene: Scene) -> None:
    case = scene.case("金子")
    await case.mail(MailKind.CORRECTION_REMINDER, *await case.problems())


async def _completion_notice(scene: Scene) -> None:
    case = scene.case("弥生")
    await case.issued(1)
    await scene.run("end_sharing", _released(case.step(2), delegated=False))
    await case.issued(2)
    await case.mail(MailKind.COMPLETION_NOTICE, office=2)


async def _link_added(scene: Scene) -> None:
    before = await scene.apply("二宮", "香", "6000025", (_NINOMIYA, None))
    issued = await scene.run("issue_contract_id", before.step())
    await before.close(Outcome.COMPLETED)
    pair = (_NINOMIYA, "b6000025-0000-4000-8000-000000000002")
    case = await scene.apply("二宮", "香", "6000025", pair, issued=issued.contract_id)
    await case.frozen()
    await case.attached()
    await case.mail(MailKind.LINK_ADDED)


# --- the end ----------------------------------------------------------------------------------------------------------


async def _finished(scene: Scene) -> None:
    case = scene.case("弥生")
    await case.close(Outcome.COMPLETED, office=1)
    await case.close(Outcome.INCOMPLETE, _RELINK, office=2)
    await case.mail(MailKind.FINISHED, office=None)


async def _withdrawn(scene: Scene) -> None:
    pair = ("office-2@touda.example.co.jp", "b6000021-0000-4000-8000-000000000002")
    case = await scene.apply("任田", "由紀", "6000021", pair)
    await case.frozen()
    await scene.run("end_sharing", _released(case.step(), delegated=True))
    await case.undone()
    await case.mail(MailKind.WITHDRAWN)


async def _rejected(scene: Scene) -> None:
    pair = ("office-2@chatani.example.co.jp", "b6000007-0000-4000-8000-000000000002")
    case = await scene.apply("茶谷", "優子", "6000007", pair)
    await case.mail(MailKind.REJECTED, *await case.problems())


async def _expired(scene: Scene) -> None:
    pair = ("office-2@kuroda.example.co.jp", "b6000004-0000-4000-8000-000000000002")
    case = await scene.apply("黒田", "直樹", "6000004", pair)
    await case.frozen()
    await case.undone()
    await case.mail(MailKind.EXPIRED, _SHARED)


async def _cancelled(scene: Scene) -> None:
    pair = ("office-2@akai.example.co.jp", "b6000005-0000-4000-8000-000000000002")
    case = await scene.apply("赤井", "美咲", "6000005", pair)
    await case.frozen()
    await case.issued()
    await case.mail(MailKind.COMPLETION_NOTICE)
    await case.undone()
    await case.mail(MailKind.CANCELLED, "お客さまのご希望により取り消しました。")


async def _terminated(scene: Scene) -> None:
    pair = ("office-2@yukawa.example.co.jp", "b6000023-0000-4000-8000-000000000002")
    case = await scene.apply("湯川", "さやか", "6000023", pair)
    await case.frozen()
    await case.undone()
    await case.mail(MailKind.TERMINATED)


# --- Yayoi IDs --------------------------------------------------------------------------------------------------------


async def _code_of_registration(scene: Scene) -> None:
    await scene.store(_check(1, CheckPurpose.REGISTRATION, "office-d@yayoi-taro.example.jp"))
    await _checks(scene).send_code(SendCode(check_id=UUID(int=1), code_no=1))


async def _code_of_new_password(scene: Scene) -> None:
    await scene.store(_check(2, CheckPurpose.NEW_PASSWORD, B[0]))
    await _checks(scene).send_code(SendCode(check_id=UUID(int=2), code_no=1))


async def _password_set(scene: Scene) -> None:
    await _checks(scene).tell_of_new_password(CheckStep(check_id=UUID(int=2), at=AT))


async def _member_invitation(scene: Scene) -> None:
    async with scene.sessions() as session:
        group_id = (await session.get_one(GroupMemberRow, _ADMINISTRATOR)).group_id
    await scene.store(
        MemberInvitationRow(
            invitation_id=_INVITATION,
            group_id=group_id,
            yayoi_id="keiri@yayoi-taro.example.jp",
            invited_by=_ADMINISTRATOR,
            invited_at=AT,
            changed_at=AT,
            link_no=1,
            expires_at=AT + timedelta(days=14),
        )
    )
    await scene.run("mail_invitation", MailInvitation(invitation_id=_INVITATION, link_no=1))


async def _member_invitation_reminder(scene: Scene) -> None:
    await scene.run("mail_invitation", MailInvitation(invitation_id=_INVITATION, link_no=1, reminder=True))


# --- the back office --------------------------------------------------------------------------------------------------


async def _morning_digest(scene: Scene) -> None:
    await scene.run("send_digest", SendDigest(day=day_in_japan(AT), operator="佐藤"))


async def _reconciliation(scene: Scene) -> None:
    ref = scene.case("弥生").step(2)
    left_frozen = Finding(
        kind=FindingKind.STRAY_FREEZE,
        detail="手続きが終わっているのに、スマート取引取込が凍結されています。",
        application_no=ref.application_no,
        office_no=ref.office_no,
        repair=Repair.THAW,
        repaired=True,
    )
    pending = Finding(
        kind=FindingKind.PENDING_MAIL,
        detail=f"「{MailKind.RECEIPT.subject}」を 2026-11-02 18:05 から送信できていません。",
        application_no=scene.case("金子").application_no,
    )
    await scene.run("report_differences", ReconciliationReport(at=AT, findings=(left_frozen, pending)))


async def _enquiry(scene: Scene) -> None:
    await scene.store(
        EnquiryRow(
            receipt_no="EQ-000001",
            submission_id=UUID(int=3),
            contract_id="8871304",
            name="弥生 太郎",
            mail_address="taro@yayoi-taro.example.jp",
            text="スマート取引取込の設定画面が開きません。\n\nどのようにすればよいですか。",
            received_at=AT,
            changed_at=AT,
        )
    )
    await scene.run("forward_enquiry", EnquiryRef(receipt_no="EQ-000001"))


async def _webhook_trouble(scene: Scene) -> None:
    await scene.store(
        WebhookSubscriberRow(
            subscriber_id=1, url="https://hooks.example.co.jp/tetsuzuki", secrets=[], kinds=[], active=True, added_at=AT
        )
    )
    await scene.store(
        WebhookMessageRow(
            message_id="msg_000001",
            subscriber_id=1,
            application_no=scene.case("弥生").application_no,
            kind=WebhookKind.OFFICE_CLOSED,
            payload={},
            stage=WebhookStage.DEAD,
            attempts=ATTEMPTS,
            last_error="503 Service Unavailable",
            settled_at=AT,
        )
    )
    await scene.run("report_webhook_trouble", WebhookMessageRef(message_id="msg_000001"))


async def _refused_form(scene: Scene) -> None:
    errors = {"お客様番号": "このサービス契約ID（お客様番号）は登録されていません。"}
    await scene.store(RefusedFormRow(form_no=1, webhook_id="msg_form_000001", body="{}", errors=errors))
    await scene.run("report_refused_form", RefusedFormRef(form_no=1))


ENTRIES = (
    Entry("お申し込みを受け付けたとき", _receipt),
    Entry("お申し込みの内容に誤りがあったとき", _correction_needed),
    Entry("訂正を 3 営業日ごとに催促するとき", _correction_reminder),
    Entry("会計事務所と共有されていたとき", _again("弥生", MailKind.RELEASE_SHARING, office=2)),
    Entry("共有の解除を 3 営業日ごとに催促するとき", _again("弥生", MailKind.RELEASE_SHARING_REMINDER, office=2)),
    Entry("完了予定日までに完了できなかったとき", _again("弥生", MailKind.DELAY, _SHARED, office=2)),
    Entry("お手続きが完了したとき（弥生ID ごと）", _completion_notice),
    Entry("会計連携の追加が完了したとき（弥生ID ごと）", _link_added),
    Entry(
        "STEP5・6 や再連携が残っているとき（3 営業日後と 7 営業日後）",
        _again(
            "弥生", MailKind.FOLLOW_UP_REMINDER, "STEP6 保有製品の登録", "Airレジ「Airレジ 本店」の再連携", office=2
        ),
    ),
    Entry("状況の画面のアドレスを、もう一度求められたとき", _again("弥生", MailKind.CASE_LINK, office=None)),
    Entry("すべての事業所データのお手続きが終わったとき", _finished),
    Entry("申込者が取り下げたとき", _withdrawn),
    Entry("お手続きを進められないとき", _rejected),
    Entry("期限までに訂正や共有の解除がなかったとき", _expired),
    Entry("取り消したとき（お知らせ済みの弥生ID にも送る）", _cancelled),
    Entry("手続きが途中で強制終了されていたとき", _terminated),
    Entry("弥生ID の新規登録が申し込まれたとき", _code_of_registration),
    Entry("弥生ID のパスワードの設定が申し込まれたとき", _code_of_new_password),
    Entry("弥生ID のパスワードが設定されたとき", _password_set),
    Entry("事業グループに招待されたとき", _member_invitation),
    Entry("招待に参加していないとき", _member_invitation_reminder),
    Entry("完了予定日の 3 営業日前（担当者へ）", _again("弥生", MailKind.DUE_DATE_IN_DANGER, office=2)),
    Entry("担当者の対応を待っているとき（担当者へ）", _again("弥生", MailKind.OPERATOR_REMINDER, office=2)),
    Entry("担当者が対応していないとき（責任者へ）", _again("弥生", MailKind.OPERATOR_ESCALATION, office=2)),
    Entry("毎営業日の朝（担当者へ）", _morning_digest),
    Entry("日次の照合で食い違いが見つかったとき（窓口へ）", _reconciliation),
    Entry("お問い合わせを受け付けたとき（窓口へ）", _enquiry),
    Entry("通知（Webhook）を届けられなかったとき（窓口へ）", _webhook_trouble),
    Entry("外部のフォームを受け付けられなかったとき（窓口へ）", _refused_form),
    *MYICS_ENTRIES,
)


# --- helpers ----------------------------------------------------------------------------------------------------------


def _released(step: OfficeStep, *, delegated: bool) -> EndSharing:
    report = SharingReleased(by="申込者", reason="申込者の同意による" if delegated else "ご自身で解除")
    return EndSharing.of(step, AT, report=report, delegated=delegated)


def _checks(scene: Scene) -> AddressCheckActivities:
    """On the gallery's clock, since a code that is too old is not mailed."""
    return AddressCheckActivities(
        scene.sessions,
        Outbox(scene.sessions, scene.transport, scene.settings.mail_from),
        secret_key=secret_key(scene.settings),
        public_url=public_url(scene.settings),
        now=lambda: AT,
    )


def _check(number: int, purpose: CheckPurpose, address: str) -> AddressCheckRow:
    named = purpose is CheckPurpose.REGISTRATION
    return AddressCheckRow(
        check_id=UUID(int=number),
        purpose=purpose,
        yayoi_id=address,
        family_name="弥生" if named else None,
        given_name="太郎" if named else None,
        begun_at=AT,
        changed_at=AT,
        ends_at=AT + timedelta(days=1),
        code_no=1,
        code_until=AT + timedelta(minutes=30),
    )
