"""Every mail of every procedure says what it must, and nothing of its template shows (Y9 to Y18)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from functools import partial

import pytest
import pytest_asyncio
from sqlalchemy import update

from activities.common.mail_templates import mail_templates
from activities.common.outbox import WrittenMail
from activities.yayoi.mail_texts import MailTexts
from models.common.messages import OperatorsTask
from models.tables import ApplicationOfficeRow, ApplicationRow
from models.yayoi.application_form import ApplicationForm
from models.yayoi.case_links import case_link
from models.yayoi.identifiers import ApplicationNo, ContractId, OfficeToken, YayoiId
from models.yayoi.mails import AUTOMATIC_MAIL_SUBJECT, NOTICE_SUBJECT, MailKind
from models.yayoi.messages import CloseOffice, OfficeStep, Outcome, SendMail
from models.yayoi.procedures import Procedure, Stage
from tests.support.activity_environment import ActivityEnvironment, activity_environment
from tests.support.activity_trials import AIR, AT, BANK, RELEASED_FOR_THEM, STEP, C
from tests.support.environment import OFFICE_C, TARO, YAYOI, form
from tests.support.matrices import mostly_long
from tests.support.secret_key import SECRET_KEYS
from tests.support.smtp_inbox import SmtpInbox
from workers.stack.inbox import text_of
from workers.wiring.derived import named_in_mails
from workers.wiring.root import build_registry

UNTIL = date(2026, 11, 27)
POINT = "会計事務所との共有が解除されていません。"
FIRM = "山田会計事務所"
DESK = "desk@example.co.jp"
SUPERVISOR = "fujii@back-office.example.jp"
TO_THE_PAIR = {
    *(MailKind.COMPLETION_NOTICE, MailKind.LINK_ADDED, MailKind.FOLLOW_UP_REMINDER),
    *(MailKind.FOLLOW_UP_ENDED, MailKind.CASE_LINK),
}

LINKED = (Procedure.LINKED_NETWORK, Procedure.LINKED_STANDALONE, Procedure.LINK_ADDITION)
NETWORK = (Procedure.LINKED_NETWORK, Procedure.UNLINKED_NETWORK)


@dataclass(frozen=True)
class Customer:
    """A customer of the example registry, in the situation of one procedure."""

    contract: ContractId
    mail_address: str
    product: str
    yayoi_id: YayoiId
    token: OfficeToken | None


CUSTOMERS = {
    Procedure.LINKED_NETWORK: Customer(YAYOI, TARO, "弥生会計 24 ネットワーク", *OFFICE_C),
    Procedure.LINKED_STANDALONE: Customer(
        ContractId("6000003"),
        "info@midorikawa.example.co.jp",
        "やよいの青色申告 24",
        YayoiId("office-2@midorikawa.example.co.jp"),
        OfficeToken("b6000003-0000-4000-8000-000000000002"),
    ),
    Procedure.LINK_ADDITION: Customer(YAYOI, TARO, "弥生会計 24 ネットワーク", *OFFICE_C),
    Procedure.UNLINKED_NETWORK: Customer(
        ContractId("6000001"),
        "info@aoba.example.co.jp",
        "弥生会計 24 ネットワーク",
        YayoiId("office-2@aoba.example.co.jp"),
        None,
    ),
    Procedure.UNLINKED_STANDALONE: Customer(
        ContractId("6000002"),
        "info@shiraishi.example.co.jp",
        "弥生会計 24 プロフェッショナル",
        YayoiId("office-2@shiraishi.example.co.jp"),
        None,
    ),
}


@dataclass(frozen=True)
class Post:
    """Writes the mails of one application for one office, whose contract ID 7500000 has been issued."""

    environment: ActivityEnvironment
    application_no: ApplicationNo
    customer: Customer
    procedure: Procedure

    @property
    def notice(self) -> MailKind:
        """How the two weeks' end is announced: with a new ID, or with the one that was issued before."""
        return MailKind.COMPLETION_NOTICE if self.procedure.has(Stage.ISSUE) else MailKind.LINK_ADDED

    @property
    def kinds(self) -> set[MailKind]:
        return set(MailKind) - {MailKind.COMPLETION_NOTICE, MailKind.LINK_ADDED, MailKind.CONFIRM_APPLICATIONS} | {
            self.notice
        }

    async def write(self, kind: MailKind) -> WrittenMail:
        points = (POINT,) * (3 if kind is MailKind.APPROVAL_ANSWERED else 1)
        turn = OperatorsTask(next_step="確認してください", because="佐藤：休暇のため") if kind.for_operators else None
        said = {"points": points, "until": UNTIL, "turn": turn}
        request = SendMail(case_no=self.application_no, part=1, kind=kind, at=AT, **said)
        texts = MailTexts(
            build_registry(self.environment.settings),
            mail_templates(**named_in_mails(self.environment.settings)),
            partial(case_link, "http://web.test", SECRET_KEYS),
            "http://desk.test",
            DESK,
        )
        async with self.environment.sessions() as session:
            return await texts.write(session, request)

    async def body(self, kind: MailKind) -> str:
        return (await self.write(kind)).body


@pytest_asyncio.fixture
async def environment(registry_url: str, smtp_inbox: SmtpInbox) -> AsyncIterator[ActivityEnvironment]:
    async with activity_environment(registry_url, smtp_inbox) as environment:
        yield environment


async def post(environment: ActivityEnvironment, procedure: Procedure = Procedure.LINKED_NETWORK) -> Post:
    customer = CUSTOMERS[procedure]
    activities = environment.activities()
    if procedure is Procedure.LINK_ADDITION:
        before = await environment.apply(form([(customer.yayoi_id, None)], contract=customer.contract, linked=False))
        await activities["issue_contract_id"](OfficeStep(case_no=before, part=1, at=AT))
        await close(environment, before)
    no = await environment.apply(application(customer, procedure))
    step = OfficeStep(case_no=no, part=1, at=AT)
    if procedure in LINKED:
        await activities["remember_links"](step)
    await activities["attach_to_contract" if procedure is Procedure.LINK_ADDITION else "issue_contract_id"](step)
    return Post(environment, no, customer, procedure)


def application(customer: Customer, procedure: Procedure) -> ApplicationForm:
    filled = form(
        [(customer.yayoi_id, customer.token)],
        contract=customer.contract,
        linked=procedure in LINKED,
        network=procedure in NETWORK or procedure is Procedure.LINK_ADDITION,
    )
    if procedure is not Procedure.LINK_ADDITION:
        return filled
    pair = filled.offices[0].model_copy(update={"issued_contract_id": ContractId("7500000")})
    return filled.model_copy(update={"link_addition": True, "offices": (pair,)})


async def close(environment: ActivityEnvironment, no: ApplicationNo) -> None:
    step = CloseOffice(case_no=no, part=1, at=AT, outcome=Outcome.INCOMPLETE, open_points=(POINT,))
    await environment.activities()["close_office"](step)


each_procedure = pytest.mark.parametrize(
    "procedure",
    mostly_long(Procedure, each_time=[Procedure.LINKED_NETWORK, Procedure.LINK_ADDITION]),
    ids=[procedure.name for procedure in Procedure],
)
_ISSUING = [procedure for procedure in Procedure if procedure.has(Stage.ISSUE)]
each_with_a_new_id = pytest.mark.parametrize("procedure", _ISSUING, ids=[procedure.name for procedure in _ISSUING])


@each_procedure
async def test_y18_every_mail_can_be_written_in_every_procedure(
    environment: ActivityEnvironment, procedure: Procedure
) -> None:
    writer = await post(environment, procedure)
    await close(environment, writer.application_no)
    for kind in writer.kinds:
        mail = await writer.write(kind)
        assert mail.subject == kind.subject
        for leftover in ("{{", "}}", "{%", "%}", "{#", "None", "Undefined", "<", "\t", "\n\n\n"):
            assert leftover not in mail.body, kind
        assert f"申込番号：{writer.application_no}" in mail.body
        if kind.for_operators:
            # Nobody is in charge of this case; a supervisor there is.
            assert mail.recipient == (SUPERVISOR if kind is MailKind.OPERATOR_ESCALATION else DESK)
            assert f"http://desk.test/desk/cases/{writer.application_no}/1" in mail.body
        else:
            customer = writer.customer
            assert mail.recipient == (customer.yayoi_id if kind in TO_THE_PAIR else customer.mail_address)
            # What goes to the pair's own address opens the page of that pair alone.
            place = f"{writer.application_no}/offices/1" if kind in TO_THE_PAIR else writer.application_no
            assert f"http://web.test/applications/{place}?until=" in mail.body
            assert mail.body.count("http://web.test/applications/") == mail.body.count(f"/applications/{place}?until=")
            assert mail.body.endswith("弥生株式会社 カスタマーセンター\n")


async def test_y10_the_receipt_says_that_there_is_no_fee(environment: ActivityEnvironment) -> None:
    assert "お申し込みによる追加料金は発生しません。" in await (await post(environment)).body(MailKind.RECEIPT)


@each_procedure
async def test_y11_the_receipt_says_the_due_date(environment: ActivityEnvironment, procedure: Procedure) -> None:
    writer = await post(environment, procedure)
    async with environment.sessions.begin() as session:
        await session.execute(update(ApplicationRow).values(due_date=date(2026, 11, 20)))
    text = await writer.body(MailKind.RECEIPT)
    assert "完了予定日：2026年11月20日（金）\n" in text
    assert ("新しいサービス契約ID（お客様番号）を、上記の弥生ID" in text) == procedure.has(Stage.ISSUE)
    assert ("すでにお知らせした番号のままです" in text) == procedure.has(Stage.ATTACH)


@each_procedure
async def test_y12_the_receipt_says_what_not_to_do_meanwhile(
    environment: ActivityEnvironment, procedure: Procedure
) -> None:
    text = await (await post(environment, procedure)).body(MailKind.RECEIPT)
    warned = "お申し込みの事業所データでは「スマート取引取込」を利用しないでください。" in text
    assert warned == (procedure in LINKED)
    assert ("スマート取引取込" in text) == (procedure in LINKED)


async def test_y12_a_receipt_that_was_held_up_says_nothing_of_offices_that_have_ended(
    environment: ActivityEnvironment,
) -> None:
    """By then what it would ask for is over, and nothing is stopped for them any more."""
    writer = await post(environment)
    assert "弊社で停止しています。" in await writer.body(MailKind.RECEIPT)
    await close(environment, writer.application_no)
    assert "スマート取引取込" not in await writer.body(MailKind.RECEIPT)


@each_with_a_new_id
async def test_y16_the_notice_says_that_the_new_id_gives_no_support(
    environment: ActivityEnvironment, procedure: Procedure
) -> None:
    text = await (await post(environment, procedure)).body(MailKind.COMPLETION_NOTICE)
    assert "※この番号では、あんしん保守サポートの各種サービスを受けることはできません。" in text
    assert f"元々ご契約のお客様番号（{CUSTOMERS[procedure].contract}）をお使いください。" in text


@each_with_a_new_id
async def test_y17_the_notice_says_that_the_registered_name_stays(
    environment: ActivityEnvironment, procedure: Procedure
) -> None:
    text = await (await post(environment, procedure)).body(MailKind.COMPLETION_NOTICE)
    assert "※登録名義の変更は承っておりません。" in text


@each_procedure
async def test_y18_the_receipt_warns_of_the_mail_that_is_not_the_notice(
    environment: ActivityEnvironment, procedure: Procedure
) -> None:
    text = await (await post(environment, procedure)).body(MailKind.RECEIPT)
    assert AUTOMATIC_MAIL_SUBJECT == "【 弥生会計 24 ネットワーク 】ユーザ登録完了と「お客様番号」のお知らせ"
    assert f"　{AUTOMATIC_MAIL_SUBJECT}\n" in text
    assert "このお手続きの完了のお知らせではありません" in text


@each_with_a_new_id
async def test_y18_the_notice_gives_the_pair_all_it_needs(
    environment: ActivityEnvironment, procedure: Procedure
) -> None:
    writer = await post(environment, procedure)
    mail = await writer.write(MailKind.COMPLETION_NOTICE)
    assert mail.subject == NOTICE_SUBJECT
    assert NOTICE_SUBJECT == (
        "【弥生】『スマート証憑管理』複数事業所データ管理用「サービス契約 ID（お客様番号）」のお知らせ"
    )
    assert f" - 1 ({writer.customer.contract}) 様\n" in mail.body
    assert f"：{writer.customer.product}\n" in mail.body
    assert "サービス契約ID（お客様番号）：7500000\n" in mail.body
    assert f"お客様番号 7500000 と、ご登録メールアドレス {writer.customer.yayoi_id} を入力します。" in mail.body
    assert f"元々ご契約のお客様番号（{writer.customer.contract}）は入力しないでください。" in mail.body
    steps = ["事業グループの新規作成", *(["製品の登録"] if procedure in NETWORK else []), "保有製品の登録"]
    assert f"■STEP6　{'・'.join(steps)}\n" in mail.body
    assert "".join(f"{number}. {step}\n" for number, step in enumerate(steps, start=1)) in mail.body
    assert f"弥生ID {writer.customer.yayoi_id} でマイポータルにログインしてから" in mail.body
    assert "「ご登録電話番号」と「新規メールアドレス」は空欄のままにしてください。" in mail.body


@each_procedure
async def test_y9_only_linked_procedures_speak_of_smart_import(
    environment: ActivityEnvironment, procedure: Procedure
) -> None:
    writer = await post(environment, procedure)
    about_sharing = {MailKind.RELEASE_SHARING, MailKind.RELEASE_SHARING_REMINDER}  # none is sent where there is no link
    for kind in writer.kinds - about_sharing:
        text = (await writer.body(kind)).replace(POINT, "")
        for word in ("スマート取引取込", "再連携", "口座連携の設定", "会計事務所"):
            assert word not in text or procedure in LINKED
    thawed = "「スマート取引取込」の停止は、このお知らせをもって解除します。再びご利用いただけます。"
    assert (thawed in await writer.body(writer.notice)) == (procedure in LINKED)
    for kind in (MailKind.EXPIRED, MailKind.WITHDRAWN, MailKind.CANCELLED, MailKind.REJECTED):
        text = await writer.body(kind)
        restored = "「スマート取引取込」は、お申し込みの前と同じようにご利用いただけます。" in text
        assert restored == (procedure in LINKED)


async def test_y9_the_mail_on_an_added_link_names_the_id_issued_before(
    environment: ActivityEnvironment,
) -> None:
    writer = await post(environment, Procedure.LINK_ADDITION)
    text = await writer.body(MailKind.LINK_ADDED)
    assert "サービス契約ID 7500000 への会計連携の追加が完了しました。" in text
    assert f"・口座連携「{BANK}」" in text
    assert f"・Airレジ「{AIR}」" in text


async def test_y14_the_notice_lists_each_link_with_its_last_imported_day(environment: ActivityEnvironment) -> None:
    text = await (await post(environment)).body(MailKind.COMPLETION_NOTICE)
    assert f"・口座連携「{BANK}」\n　前回取り込んだ最後の日：2026年10月30日（金）\n" in text
    assert f"・Airレジ「{AIR}」\n　前回取り込んだ最後の日：2026年10月31日（土）\n" in text


async def test_y13_the_notice_names_whom_the_office_was_shared_with(environment: ActivityEnvironment) -> None:
    no = await environment.apply(form([OFFICE_C]))
    assert no == C.case_no
    for activity, message in (
        ("remember_links", STEP),
        ("end_sharing", RELEASED_FOR_THEM),
        ("issue_contract_id", STEP),
    ):
        await environment.activities()[activity](message)
    text = await Post(environment, no, CUSTOMERS[Procedure.LINKED_NETWORK], Procedure.LINKED_NETWORK).body(
        MailKind.COMPLETION_NOTICE
    )
    assert "次の会計事務所との共有は解除されています。" in text
    assert f"・{FIRM}\n" in text


async def test_y13_the_mail_says_whom_it_is_shared_with_and_how_to_release_it(
    environment: ActivityEnvironment,
) -> None:
    writer = await post(environment)
    for kind in (MailKind.RELEASE_SHARING, MailKind.RELEASE_SHARING_REMINDER):
        text = await writer.body(kind)
        assert f"・{FIRM}\n" in text
        assert "設定画面で［設定を解除する］をクリックします。" in text
        assert "期限：2026年11月27日（金）\n" in text
        assert "期限までに解除されない場合、この事業所データのお申し込みは期限切れになります。" in text


@pytest.mark.parametrize("outcome", Outcome)
async def test_y25_y27_the_last_mail_fits_however_it_ended(environment: ActivityEnvironment, outcome: Outcome) -> None:
    writer = await post(environment)
    ended = CloseOffice(case_no=writer.application_no, part=1, at=AT, outcome=outcome, open_points=(POINT,))
    await environment.activities()["close_office"](ended)
    text = await writer.body(MailKind.FINISHED)
    well = outcome in {Outcome.COMPLETED, Outcome.INCOMPLETE}
    assert f"■1 件目　事業所C：{outcome}\n" in text
    assert ("次の設定が、完了していません。" in text) == (outcome is Outcome.INCOMPLETE)
    assert ("証憑は、完全に削除することができません" in text) == well
    assert "\n\n\n" not in text


async def test_y27_a_pair_that_was_notified_of_its_id_is_notified_of_the_end_on_a_page_of_its_own(
    environment: ActivityEnvironment, smtp_inbox: SmtpInbox
) -> None:
    writer = await post(environment)
    activities = environment.activities()
    step = OfficeStep(case_no=writer.application_no, part=1, at=AT)
    mail = SendMail(case_no=writer.application_no, part=1, kind=MailKind.COMPLETION_NOTICE, at=AT)
    await activities["send_mail"](mail)
    for undo in ("revoke_contract_id", "restore_sharing"):
        await activities[undo](step)
    await activities["send_mail"](mail.model_copy(update={"kind": MailKind.CANCELLED}))
    _receipt, _notice, applicant, pair = smtp_inbox.mails
    assert (applicant["To"], pair["To"]) == (writer.customer.mail_address, writer.customer.yayoi_id)
    assert "/offices/1?" not in text_of(applicant)
    assert "/offices/1?" in text_of(pair)
    for sent in (applicant, pair):
        assert "お知らせしたサービス契約ID（7500000）は、ご利用いただけなくなりました。" in text_of(sent)
        assert "連携していたサービスは、お申し込みの前の状態に戻しました。" in text_of(sent)


async def test_y27_who_left_learns_what_became_of_the_sharing(environment: ActivityEnvironment) -> None:
    no = await environment.apply(form([OFFICE_C]))
    for activity, message in (("remember_links", STEP), ("end_sharing", RELEASED_FOR_THEM), ("restore_sharing", STEP)):
        await environment.activities()[activity](message)
    text = await Post(environment, no, CUSTOMERS[Procedure.LINKED_NETWORK], Procedure.LINKED_NETWORK).body(
        MailKind.WITHDRAWN
    )
    assert f"・弊社で解除した「{FIRM}」との共有は、お申し込みの前の状態に戻しました。" in text


async def test_what_customers_call_themselves_is_never_taken_for_a_template(environment: ActivityEnvironment) -> None:
    writer = await post(environment)
    name = "{{ contract.mail_address }}{% raw %}<b>"
    async with environment.sessions.begin() as session:
        await session.execute(update(ApplicationRow).values(family_name=name))
        await session.execute(update(ApplicationOfficeRow).values(office_name=name))
    text = await writer.body(MailKind.RECEIPT)
    assert f"{name} 太郎 様" in text
    assert f"1 件目：{name}（弥生ID：" in text
