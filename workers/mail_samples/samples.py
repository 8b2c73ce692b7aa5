"""The mail samples in the order in which they are sent. A new one is an entry of `SAMPLES` with its values."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from activities.myics.registration_mail_texts import CONSTANTS as MYICS_CONSTANTS
from activities.yayoi.mail_texts import CONSTANTS
from models.backoffice.digest import DIGEST_SUBJECT, digest_lists
from models.backoffice.reconciliation import RECONCILIATION_SUBJECT, FindingKind
from models.common.calendar import JST, day_in_japan, day_in_words
from models.myics.identifiers import HolderNo
from models.myics.mails import MyicsMail
from models.myics.registrations import RegistrationKind
from models.webhooks.messages import ATTEMPTS, KEPT_DEAD, WEBHOOK_TROUBLE_SUBJECT, WebhookKind
from models.yayoi.address_checks import MOST_TRIES, PASSWORD_SET_SUBJECT, CheckPurpose
from models.yayoi.deadlines import (
    ADDRESS_CHECK_LASTS,
    APPLICANT_REMINDER_DAYS,
    CODE_VALID,
    FOLLOW_UP_REMINDER_DAYS,
    HOLDER_MAIL_HOURS,
    MEMBER_INVITATION_DAYS,
    SAVED_DRAFT_DAYS,
)
from models.yayoi.drafts import DRAFT_SUBJECT, RESUME_PATH
from models.yayoi.enquiries import DESK_SUBJECT
from models.yayoi.mails import REFUSED_FORM_SUBJECT, MailKind
from models.yayoi.member_invitations import REMINDER_SUBJECT, SUBJECT
from models.yayoi.messages import Outcome
from models.yayoi.procedures import Procedure
from models.yayoi.service_links import LinkKind

Facts = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A mail as it would be sent: when (in Japanese), to whom, and what its template is filled with."""

    name: str
    """Of its files, without their endings."""
    when: str
    subject: str
    to: str
    facts: Facts
    template: str = ""
    """The name of the template where it is not the sample's own."""


_AT = datetime(2026, 11, 4, 10, 0, tzinfo=JST)
_WEB, _UI = "https://tetsuzuki.example.jp", "https://temporal.example.jp/namespaces/default/workflows"
_DESK_URL = "https://temporal.example.jp"
_TARO, _PAIR = "taro@yayoi-taro.example.jp", "office-c@yayoi-taro.example.jp"
_OPERATOR, _SUPERVISOR, _DESK = (f"{name}@back-office.example.jp" for name in ("sato", "tanaka", "desk"))
_SHARED = "会計事務所との共有が解除されていません。"
_RELINK = "Airレジ「Airレジ 本店」の再連携"

_OFFICE: Facts = {
    "office_no": 1,
    "office_name": "事業所B",
    "yayoi_id": "office-b@yayoi-taro.example.jp",
    "issued_contract_id": None,
    "closed_at": None,
    "outcome": Outcome.COMPLETED,
    "open_points": (),
}
_OTHER: Facts = _OFFICE | {
    "office_no": 2,
    "office_name": "事業所C",
    "yayoi_id": _PAIR,
    "outcome": Outcome.INCOMPLETE,
    "open_points": (_RELINK,),
}
_ISSUED = {
    number: {"contract_id": f"700000{number}", "registered_name": f"弥生 太郎 - {number} (8871304)", "revoked_at": None}
    for number in (1, 2)
}
_CASE: Facts = CONSTANTS | {
    "assignee": "佐藤",
    "application": {
        "application_no": "YS-000001",
        "family_name": "弥生",
        "given_name": "太郎",
        "existing_contract_id": "8871304",
        "due_date": date(2026, 11, 20),
    },
    "procedure": Procedure.LINKED_NETWORK,
    "contract": {"product_name": "弥生会計 24 ネットワーク"},
    "office": _OTHER,
    "offices": (_OFFICE, _OTHER),
    "issued": _ISSUED,
    "links": (
        {"kind": LinkKind.AIR_REGI, "service": "Airレジ 本店", "last_imported_on": date(2026, 10, 31)},
        {"kind": LinkKind.BANK_ACCOUNT, "service": "みずうみ銀行 普通 7654321", "last_imported_on": None},
    ),
    "firms": ("山田会計事務所",),
    "to_the_pair": False,
    "others_go_on": False,
    "late_until": {},
    "stopped": frozenset({1, 2}),
    "case_url": f"{_WEB}/applications/YS-000001?until=2027-02-18&key=6kSywWf40nT0GOq3zqKqHt38vfkuza-eVpXvRBR6V4U",
    "set_up_url": f"{_WEB}/set-up",
    "calendar_url": f"{_WEB}/calendars/YS-000001?until=2027-02-18&key=6kSywWf40nT0GOq3zqKqHt38vfkuza-eVpXvRBR6V4U",
    "opens_until": date(2027, 2, 18),
    "desk_page": f"{_DESK_URL}/desk/cases/YS-000001/2",
    "forms": [("対応を記録する（メモ）", f"{_DESK_URL}/desk/cases/YS-000001/2/operations/add_note")],
    "others_handed_over": "",
}
_TURN: Facts = {
    "next_step": "申込者が会計事務所との共有を解除するのを待っています。お客様に連絡してください。",
    "since": _AT,
    "because": "担当者 田中：お客様のご希望",
}
_OF_THE_PAIR: Facts = {
    "case_url": f"{_WEB}/applications/YS-000001/offices/2?until=2027-02-18&key=U7yD9nHXq9xvDmzY-VNeat_uXZH",
    "calendar_url": f"{_WEB}/calendars/YS-000001/offices/2?until=2027-02-18&key=U7yD9nHXq9xvDmzY-VNeat_uXZH",
}
_NOT_YET: Facts = {"issued": {}, "links": ()}
_ADDED: Facts = {"office": _OTHER | {"issued_contract_id": "7000002"}, "firms": ()}


_LATE_OFFICE: Facts = {"office": _OTHER, "points": (_SHARED,), "until": date(2026, 11, 30)}
_LATE_UNTIL = date(2027, 3, 20)
_LATE_REQUEST: Facts = {"part": 2, "points": ("STEP6 保有製品の登録", _RELINK), "until": _LATE_UNTIL}


def _case(kind: MailKind, when: str, *points: str, to: str = _TARO, **facts: Any) -> Sample:
    turn = None if kind is MailKind.APPROVAL_ANSWERED else _TURN
    request = {"part": 2, "points": points, "until": date(2026, 11, 30), "ends_application": False, "turn": turn}
    return Sample(kind, when, kind.subject, to, _CASE | {"request": request, "ended": (_ended(*points),)} | facts)


def _ended(*points: str, shared_again: tuple[str, ...] = (), still_released: tuple[str, ...] = ()) -> Facts:
    """Return an office whose procedure ended early; in these samples, one with links."""
    return {
        "office": _OTHER,
        "points": points,
        "had_links": True,
        "shared_again": shared_again,
        "still_released": still_released,
    }


def _days(counts: Iterable[int]) -> str:
    return f"{'、'.join(map(str, counts))} 営業日後"


_CODE: Facts = {
    "row": {"family_name": "弥生", "given_name": "太郎"},
    "code": "123456",
    "until": _AT + CODE_VALID,
    "most_tries": MOST_TRIES,
    "kept_hours": ADDRESS_CHECK_LASTS // timedelta(hours=1),
    "receipt_no": "AC-00000001",
}
_INVITATION: Facts = {
    "inviter": {"family_name": "弥生", "given_name": "太郎"},
    "group": {"name": "弥生グループ"},
    "yayoi_id": "keiri@yayoi-taro.example.jp",
    "until": _AT + timedelta(days=MEMBER_INVITATION_DAYS),
    "link": f"{_WEB}/members/join?link=eyJsaW5rIjoxfQ.kuza-eVpXvRBR6V4U",
    "register_url": f"{_WEB}/register",
    "receipt_no": "MI-00000004",
}
_INVITED = _INVITATION["yayoi_id"]

_MYICS: Facts = MYICS_CONSTANTS | {
    "firm": {"name": "山田会計事務所", "customer_no": "1234567890"},
    "client": None,
    "holder_no": HolderNo("1234567890"),
    "account": {"address": "hanako@yamada-kaikei.example.jp"},
    "url": f"{_WEB}/myics/register?link=eyJsaW5rIjoxfQ.kuza-eVpXvRBR6V4U",
    "sign_in_url": f"{_WEB}/myics/sign-in",
    "assignee": "佐藤",
    "desk_page": f"{_DESK_URL}/desk/cases/MR-000001",
    "turn": _TURN | {"next_step": "メールの URL からの登録を待っています。お客様に連絡してください。"},
    "forms": [("URL を送り直す（前の URL は使えなくなります）", f"{_DESK_URL}/desk/cases/MR-000001/operations/resend")],
    "others_handed_over": "",
}


_BEFORE = "yamada@yamada-kaikei.example.jp"


def _myics(mail: MyicsMail, when: str, kind: RegistrationKind, *, to: str | None = None) -> Sample:
    name = "一郎" if kind is RegistrationKind.REPRESENTATIVE else "花子"
    registration: Facts = {
        "registration_no": "MR-000001",
        "name": f"山田 {name}",
        "address": f"{'ichiro' if name == '一郎' else 'hanako'}@yamada-kaikei.example.jp",
        "address_before": _BEFORE,
        "expires_on": date(2026, 11, 18),
        "text_for_customer": "ご担当の方からのご依頼により、取り下げました。",
    }
    facts = _MYICS | {"registration": registration, "kind": kind}
    return Sample(mail, f"MYICS：{when}", mail.subject, to or registration["address"], facts)


_FIRM, _USER, _NEW, _MOVE = (
    RegistrationKind.REPRESENTATIVE,
    RegistrationKind.USER,
    RegistrationKind.RENEWAL,
    RegistrationKind.ADDRESS,
)

SAMPLES = (
    _case(MailKind.RECEIPT, "お申し込みを受け付けたとき"),
    Sample(
        MailKind.CONFIRM_APPLICATIONS,
        f"正しい事業所トークンのないお申し込みがあるとき（ご契約者さまへ、{HOLDER_MAIL_HOURS} 時間に 1 通まで）",
        MailKind.CONFIRM_APPLICATIONS.subject,
        _TARO,
        {
            "contract": {"customer_name": "弥生 太郎"},
            "contract_id": "8871304",
            "mail_hours": HOLDER_MAIL_HOURS,
            "applications": (
                {
                    "application": _CASE["application"],
                    "applied_on": day_in_japan(_AT),
                    "procedure": Procedure.UNLINKED_NETWORK,
                    "pairs": ({"office": _OFFICE}, {"office": _OTHER}),
                    "asked_anew": False,
                    "until": date(2026, 11, 30),
                    "last": date(2026, 11, 30),
                    "confirm_url": f"{_WEB}/holder/confirm?link=WyJZUy0wMDAwMDEiLDEsMTgwMTU0ODAwMF0.Jp6sWfSdWn3",
                    "end_url": f"{_WEB}/holder/end?link=WyJZUy0wMDAwMDEiLDEsMTgwMTU0ODAwMF0.Yv0tQe0kq2x",
                },
            ),
            "apply_url": f"{_WEB}/apply?holder=Wyl4ODcxMzA0IiwxLDE4MDE1NDgwMDBd.Kd8fmqPpR5c",
        },
    ),
    _case(
        MailKind.CORRECTION_NEEDED,
        "お申し込みの内容に誤りがあったとき",
        "入力されたメールアドレスは、弥生ID として登録されていません。",
    ),
    _case(
        MailKind.CORRECTION_REMINDER,
        f"訂正を催促するとき（{_days(APPLICANT_REMINDER_DAYS)}）",
        "入力されたメールアドレスは、弥生ID として登録されていません。",
    ),
    _case(MailKind.RELEASE_SHARING, "会計事務所と共有されていたとき"),
    _case(MailKind.RELEASE_SHARING_REMINDER, f"共有の解除を催促するとき（{_days(APPLICANT_REMINDER_DAYS)}）"),
    _case(
        MailKind.DEADLINE_EXTENDED,
        "担当者が期限を変更したとき",
        "入力されたメールアドレスは、弥生ID として登録されていません。",
        moved=(),
    ),
    _case(MailKind.DELAY, "完了予定日までに完了できなかったとき", late=(_LATE_OFFICE,)),
    _case(MailKind.COMPLETION_NOTICE, "お手続きが完了したとき（弥生ID ごと）", to=_PAIR, **_OF_THE_PAIR),
    _case(MailKind.LINK_ADDED, "会計連携の追加が完了したとき（弥生ID ごと）", to=_PAIR, **_OF_THE_PAIR, **_ADDED),
    _case(
        MailKind.FOLLOW_UP_REMINDER,
        f"STEP5・6 や再連携が残っているとき（{_days(FOLLOW_UP_REMINDER_DAYS)}）",
        "STEP6 保有製品の登録",
        _RELINK,
        to=_PAIR,
        **_OF_THE_PAIR,
    ),
    _case(
        MailKind.FOLLOW_UP_ENDED,
        "設定が残ったままお手続きの期間が終わったとき（弥生ID ごと）",
        "STEP6 保有製品の登録",
        _RELINK,
        to=_PAIR,
        **_OF_THE_PAIR,
        request=_LATE_REQUEST,
    ),
    _case(MailKind.CASE_LINK, "状況の画面のリンクを、もう一度求められたとき"),
    _case(MailKind.FINISHED, "すべての事業所データのお手続きが終わったとき", late_until={2: _LATE_UNTIL}),
    _case(
        MailKind.WITHDRAWN,
        "申込者が取り下げたとき",
        others_go_on=True,
        **_NOT_YET,
        ended=(
            _ended(
                "お客様からのお申し出により、お申し込みを取り下げました。",
                shared_again=("税理士法人さくら",),
                still_released=("山田会計事務所",),
            ),
        ),
    ),
    _case(MailKind.REJECTED, "お手続きを進められないとき", "スマート取引取込の設定がありません。", **_NOT_YET),
    _case(
        MailKind.EXPIRED,
        "期限までに訂正や共有の解除がなかったとき",
        _SHARED,
        **_NOT_YET,
        request={"part": 2, "points": (_SHARED,), "until": None, "ends_application": True},
    ),
    _case(
        MailKind.CANCELLED, "取り消したとき（お知らせ済みの弥生ID にも送る）", "お客さまのご希望により取り消しました。"
    ),
    _case(MailKind.TERMINATED, "手続きが途中で強制終了されていたとき", **_NOT_YET),
    _case(MailKind.NOT_STARTED, "弊社の障害で、期限までに手続きを始められなかったとき", **_NOT_YET),
    Sample(
        "code_registration",
        "弥生ID の新規登録が申し込まれたとき",
        CheckPurpose.REGISTRATION.mail_subject,
        _PAIR,
        _CODE
        | {
            "registration": True,
            "link_url": f"{_WEB}/register/01234567-89ab-cdef-0123-456789abcdef/mail?link=WzEsMV0.p3Vxq0eVpXvRBR6V4U",
        },
        "code",
    ),
    Sample(
        "code_new_password",
        "弥生ID のパスワードの設定が申し込まれたとき",
        CheckPurpose.NEW_PASSWORD.mail_subject,
        _PAIR,
        _CODE
        | {
            "registration": False,
            "link_url": f"{_WEB}/password/01234567-89ab-cdef-0123-456789abcdef?link=WzEsMV0.kuza-eVpXvRBR6V4U",
            "link_until": _AT + ADDRESS_CHECK_LASTS,
        },
        "code",
    ),
    Sample(
        "password_set",
        "弥生ID のパスワードが設定されたとき",
        PASSWORD_SET_SUBJECT,
        _PAIR,
        {"at": _AT, "password_url": f"{_WEB}/password", "receipt_no": "AC-00000002"},
    ),
    Sample(
        "draft",
        "入力途中のお申し込みを保存したとき",
        DRAFT_SUBJECT,
        _TARO,
        {
            "link": f"{_WEB}{RESUME_PATH}?draft=eyJkcmFmdCI6MX0.kuza-eVpXvRBR6V4U",
            "until": _AT + timedelta(days=SAVED_DRAFT_DAYS),
            "receipt_no": "01234567",
        },
    ),
    Sample("member_invitation", "事業グループに招待されたとき", SUBJECT, _INVITED, _INVITATION | {"reminder": False}),
    Sample(
        "member_invitation_reminder",
        "招待に参加していないとき",
        REMINDER_SUBJECT,
        _INVITED,
        _INVITATION | {"reminder": True},
        "member_invitation",
    ),
    _case(MailKind.DUE_DATE_IN_DANGER, f"完了予定日の {CONSTANTS['days_of_alert']} 営業日前（担当者へ）", to=_OPERATOR),
    _case(MailKind.OPERATOR_REMINDER, "担当者の対応を待っているとき（担当者へ）", to=_OPERATOR),
    _case(MailKind.OPERATOR_ESCALATION, "担当者が対応していないとき（責任者へ）", to=_SUPERVISOR),
    _case(MailKind.HANDED_OVER, "ほかの人が担当者を替えたとき（新しい担当者へ）", to=_OPERATOR),
    _case(
        MailKind.APPROVAL_ANSWERED,
        "承認の依頼に、責任者が答えたとき、または失効したとき（依頼した担当者へ）",
        *("承認されませんでした", "取り消す（依頼：担当者 佐藤、理由：お客様のご希望）", "お客様が続けたいとのこと"),
        to=_OPERATOR,
    ),
    Sample(
        "morning_digest",
        "毎営業日の朝（担当者へ）",
        f"{DIGEST_SUBJECT}（11月4日）",
        _OPERATOR,
        {
            "operator": {"name": "佐藤", "supervisor": False},
            "day": day_in_japan(_AT),
            "lists": [
                {"name": name, "count": count, "link": f"{_DESK_URL}{asked.path}"}
                for (name, asked), count in zip(digest_lists("sk", supervisor=False), (1, *[0] * 7), strict=True)
            ],
            "cases": [
                {
                    "name": "YS-000001 の 2 件目",
                    "page": f"{_DESK_URL}/desk/cases/YS-000001/2",
                    "stage": "共有解除待ち",
                    "since": day_in_words(day_in_japan(_AT)),
                    "why": (_SHARED, "期限：2026年11月20日（金）"),
                }
            ],
            "most": 50,
        },
    ),
    Sample(
        "reconciliation",
        "日次の照合で食い違いが見つかったとき（窓口へ）",
        RECONCILIATION_SUBJECT,
        _DESK,
        {
            "at": _AT,
            "findings": [
                {
                    "found": {
                        "kind": FindingKind.STRAY_FREEZE,
                        "about": "YS-000001 の 2 件目",
                        "detail": "手続きが終わっているのに、スマート取引取込が凍結されています。",
                        "repaired": True,
                    },
                    "status": {"outcome": "取り消し", "stage": "終了", "since": _AT},
                    "links": [
                        ("案件の画面", f"{_DESK_URL}/desk/cases/YS-000001/2"),
                        ("Temporal Web UI", f"{_UI}/application%2FYS-000001%2Foffice%2F2"),
                    ],
                },
                {
                    "found": {
                        "kind": FindingKind.MORE,
                        "about": "",
                        "detail": "ほかに 3 件あります。",
                        "repaired": False,
                    },
                    "status": None,
                    "links": [],
                },
            ],
        },
    ),
    Sample(
        "enquiry",
        "お問い合わせを受け付けたとき（窓口へ）",
        DESK_SUBJECT,
        _DESK,
        {
            "enquiry": {
                "receipt_no": "EQ-000001",
                "contract_id": "8871304",
                "application_no": "YS-000001",
                "name": "弥生 太郎",
                "mail_address": "jiro@yayoi-taro.example.jp",
                "text": "スマート取引取込の設定画面が開きません。\n\nどのようにすればよいですか。",
            },
            "contract": {
                "customer_name": "弥生 太郎",
                "product_name": "弥生会計 24 ネットワーク",
                "mail_address": _TARO,
            },
            "received": _AT,
            "desk_page": f"{_DESK_URL}/desk/cases/YS-000001",
        },
    ),
    Sample(
        "webhook_trouble",
        "通知（Webhook）を届けられなかったとき（窓口へ）",
        WEBHOOK_TROUBLE_SUBJECT,
        _DESK,
        {
            "row": {
                "message_id": "msg_000001",
                "kind": WebhookKind.OFFICE_CLOSED,
                "application_no": "YS-000001",
                "attempts": ATTEMPTS,
                "last_error": "HTTP 503",
                "settled_at": _AT,
            },
            "subscriber": {"subscriber_id": 1, "active": True},
            "host": "hooks.example.co.jp",
            "kept_days": KEPT_DEAD.days,
            "form": f"{_DESK_URL}/desk/cases/msg_000001/operations/resend",
            "desk_page": f"{_DESK_URL}/desk/cases/msg_000001",
        },
    ),
    Sample(
        "refused_form",
        "外部のフォームを受け付けられなかったとき（窓口へ）",
        REFUSED_FORM_SUBJECT,
        _DESK,
        {
            "row": {
                "form_no": 1,
                "webhook_id": "msg_form_000001",
                "received_at": _AT,
            },
            "wrong": [("お客様番号", "このサービス契約ID（お客様番号）は登録されていません。")],
            "page": f"{_DESK_URL}/desk/refused-forms/1",
        },
    ),
    _myics(MyicsMail.INVITATION, "会計事務所の代表者に登録をお願いするとき", _FIRM),
    _myics(MyicsMail.INVITATION_REMINDER, "代表者の登録がまだのとき", _FIRM),
    _myics(MyicsMail.CONFIRMATION, "代表者が仮登録したとき", _FIRM),
    _myics(MyicsMail.CONFIRMATION_REMINDER, "仮登録のままのとき", _FIRM),
    _myics(MyicsMail.USER_INVITATION, "管理者がユーザーを追加したとき", _USER),
    _myics(MyicsMail.USER_REMINDER, "追加されたユーザーの登録がまだのとき", _USER),
    _myics(MyicsMail.REGISTERED, "登録が完了したとき", _USER),
    _myics(MyicsMail.EXPIRED, "期限までに登録されなかったとき", _FIRM),
    _myics(MyicsMail.WITHDRAWN, "登録が取り下げられたとき", _USER),
    _myics(MyicsMail.LOCKED, "誤りが続いてロックしたとき", _FIRM),
    _myics(MyicsMail.RENEWAL, "パスワードを忘れた方が再設定を申し込んだとき", _NEW),
    _myics(MyicsMail.RENEWED, "新しいパスワードが設定されたとき", _NEW),
    _myics(MyicsMail.ADDRESS_CHANGE, "登録済みの方のアドレスの変更を受け付けたとき（新しいアドレスへ）", _MOVE),
    _myics(MyicsMail.ADDRESS_CHANGE_REMINDER, "新しいアドレスがまだ確認されていないとき", _MOVE),
    _myics(MyicsMail.ADDRESS_CHANGED, "アドレスが変更されたとき（新しいアドレスへ）", _MOVE),
    _myics(MyicsMail.ADDRESS_LEFT, "アドレスが変更されたとき（これまでのアドレスへ）", _MOVE, to=_BEFORE),
    _myics(MyicsMail.OPERATOR_REMINDER, "担当者の対応を待っているとき（担当者へ）", _FIRM, to=_OPERATOR),
    _myics(MyicsMail.OPERATOR_ESCALATION, "担当者が対応していないとき（責任者へ）", _FIRM, to=_SUPERVISOR),
    _myics(MyicsMail.HANDED_OVER, "ほかの人が担当者を替えたとき（新しい担当者へ）", _FIRM, to=_OPERATOR),
)
