"""The mails of MYICS (M1 to M8), to a firm's representative and to one of its users."""

from datetime import date

from models.myics.accounts import AccountKind, AccountState
from models.myics.identifiers import RegistrationNo
from models.myics.mails import MyicsMail
from models.myics.registrations import RegistrationKind, RegistrationRef, RegistrationStage, SendMyicsMail
from models.tables import MyicsAccountRow, MyicsFirmRow, MyicsRegistrationRow
from workers.gallery.entry import Entry, Send
from workers.gallery.scene import AT, Scene

_FIRM = "1234567890"
_PEOPLE = {
    RegistrationKind.REPRESENTATIVE: ("MR-000001", "山田 一郎", "ichiro@yamada-kaikei.example.jp"),
    RegistrationKind.USER: ("MR-000002", "山田 花子", "hanako@yamada-kaikei.example.jp"),
    RegistrationKind.UNLOCKING: ("MR-000003", "山田 花子", "hanako@yamada-kaikei.example.jp"),
    RegistrationKind.RENEWAL: ("MR-000004", "山田 花子", "hanako@yamada-kaikei.example.jp"),
}


def _mail(kind: MyicsMail, of: RegistrationKind) -> Send:
    async def send(scene: Scene) -> None:
        ref = RegistrationRef(registration_no=RegistrationNo(_PEOPLE[of][0]))
        await scene.run("send_myics_mail", SendMyicsMail.of(ref, AT, kind=kind, occurrence=1))

    return send


async def _first(scene: Scene) -> None:
    """The firm, the registrations of its people, and the first mail."""
    await scene.store(MyicsFirmRow(customer_no=_FIRM, name="山田会計事務所", created_at=AT))
    await scene.store(
        MyicsAccountRow(
            account_id=1,
            holder_no=_FIRM,
            customer_no=_FIRM,
            registration_no=_PEOPLE[RegistrationKind.USER][0],
            address=_PEOPLE[RegistrationKind.USER][2],
            name=_PEOPLE[RegistrationKind.USER][1],
            kind=AccountKind.GENERAL,
            state=AccountState.REGISTERED,
        )
    )
    for kind, (number, name, address) in _PEOPLE.items():
        await scene.store(
            MyicsRegistrationRow(
                registration_no=number,
                kind=kind,
                customer_no=_FIRM,
                account_id=None if kind is RegistrationKind.REPRESENTATIVE else 1,
                address=address,
                name=name,
                requested_by="佐藤",
                requested_at=AT,
                changed_at=AT,
                stage=RegistrationStage.INVITED,
                link_no=1 if kind.has_link else 0,
                expires_on=date(2026, 11, 18),
                assignee="佐藤",
            )
        )
    await _mail(MyicsMail.INVITATION, RegistrationKind.REPRESENTATIVE)(scene)


_OF_THE_FIRM, _OF_A_USER, _LOCK = RegistrationKind.REPRESENTATIVE, RegistrationKind.USER, RegistrationKind.UNLOCKING

MYICS_ENTRIES = (
    Entry("MYICS：会計事務所の代表者に登録をお願いするとき", _first),
    Entry("MYICS：代表者の登録がまだのとき", _mail(MyicsMail.INVITATION_REMINDER, _OF_THE_FIRM)),
    Entry("MYICS：代表者が仮登録したとき", _mail(MyicsMail.CONFIRMATION, _OF_THE_FIRM)),
    Entry("MYICS：仮登録のままのとき", _mail(MyicsMail.CONFIRMATION_REMINDER, _OF_THE_FIRM)),
    Entry("MYICS：管理者がユーザーを追加したとき", _mail(MyicsMail.USER_INVITATION, _OF_A_USER)),
    Entry("MYICS：追加されたユーザーの登録がまだのとき", _mail(MyicsMail.USER_REMINDER, _OF_A_USER)),
    Entry("MYICS：登録が完了したとき", _mail(MyicsMail.REGISTERED, _OF_A_USER)),
    Entry("MYICS：期限までに登録されなかったとき", _mail(MyicsMail.EXPIRED, _OF_THE_FIRM)),
    Entry("MYICS：登録が取り下げられたとき", _mail(MyicsMail.WITHDRAWN, _OF_A_USER)),
    Entry("MYICS：誤りが続いてロックしたとき", _mail(MyicsMail.LOCKED, _LOCK)),
    Entry("MYICS：ロックを解除したとき", _mail(MyicsMail.UNLOCKED, _LOCK)),
    Entry("MYICS：パスワードを忘れた方が再設定を申し込んだとき", _mail(MyicsMail.RENEWAL, RegistrationKind.RENEWAL)),
    Entry("MYICS：新しいパスワードが設定されたとき", _mail(MyicsMail.RENEWED, RegistrationKind.RENEWAL)),
    Entry("MYICS：担当者の対応を待っているとき（担当者へ）", _mail(MyicsMail.OPERATOR_REMINDER, _OF_THE_FIRM)),
    Entry("MYICS：担当者が対応していないとき（責任者へ）", _mail(MyicsMail.OPERATOR_ESCALATION, _OF_THE_FIRM)),
)
