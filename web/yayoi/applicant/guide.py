"""The customer's guide: the six steps in their words, and which of them a procedure takes (Y9)."""

from dataclasses import dataclass

from models.yayoi.procedures import SET_UP_PATH, Procedure, SetUpStep


@dataclass(frozen=True)
class GuideStep:
    """One step; `where` names the page on which it is done."""

    name: str
    title: str
    text: str
    path: str
    where: str


PLAN = GuideStep(
    "STEP1",
    "使い方を決める",
    "どの事業所データを、どの弥生ID と事業グループで管理するかを決めます。"
    "新しい弥生ID がいくつ必要かも、ここで分かります。",
    "/plan",
    "計画を作る",
)
REGISTER = GuideStep(
    "STEP2",
    "弥生ID を登録する",
    "追加で管理する事業所データ 1 つにつき 1 つ、新しい弥生ID（メールアドレス）を登録します。"
    "登録済みで、どの事業グループにも参加していない弥生ID があれば、それを使うこともできます。",
    "/register",
    "弥生ID を登録する",
)
TOKEN = GuideStep(
    "STEP3",
    "事業所トークンを確認する",
    "弥生製品で、追加する事業所データを開き、その事業所トークンを確認します。",
    "/token",
    "確認方法を見る",
)
APPLY = GuideStep(
    "STEP4",
    "申し込む",
    "専用フォームで申し込みます。"
    "翌々週末の営業日までに、新しいサービス契約ID（お客様番号）を弥生ID ごとにメールでお知らせします。",
    "/apply",
    "申込フォームを開く",
)
PASSWORD = GuideStep(
    "STEP5",
    "サポート・サービスのパスワードを設定する",
    "お知らせのメールに記載された番号と弥生ID で、パスワードを設定します。",
    "/support-password",
    "パスワードを設定する",
)
SET_UP = GuideStep(
    "STEP6",
    "事業グループを作成し、製品を登録する",
    "その事業所データ用の弥生ID でログインし、事業グループの新規作成、製品の登録、保有製品の登録を、この順に行います。",
    SET_UP_PATH,
    "STEP6 を進める",
)
SET_UP_STANDALONE = GuideStep(
    "STEP6",
    "事業グループを作成し、保有製品を登録する",
    "その事業所データ用の弥生ID でログインし、事業グループの新規作成、保有製品の登録を、この順に行います。"
    "製品の登録は、ネットワーク製品だけの手続きのため不要です。",
    SET_UP_PATH,
    "STEP6 を進める",
)
RELINK = GuideStep(
    "再連携",
    "サービスを連携し直す",
    "スマート取引取込と連携していたサービスを、新しいサービス契約ID で連携し直します。"
    "抜けや重複の可能性がある日も、ここで分かります。",
    "/relink",
    "再連携の一覧を見る",
)
RELINK_ADDED = GuideStep(
    "再連携",
    "サービスを連携し直す",
    "スマート取引取込と連携していたサービスを、以前に発行されたサービス契約ID で連携し直します。"
    "抜けや重複の可能性がある日も、ここで分かります。",
    "/relink",
    "再連携の一覧を見る",
)
APPLY_FOR_LINK = GuideStep(
    "STEP4",
    "会計連携の追加を申し込む",
    "専用フォームで「会計連携の追加」を選び、以前に発行されたサービス契約ID を入力します。新しい番号は発行しません。",
    "/apply",
    "申込フォームを開く",
)


def steps_of(procedure: Procedure) -> tuple[GuideStep, ...]:
    """Return the steps of a procedure in their order."""
    if procedure is Procedure.LINK_ADDITION:
        return TOKEN, APPLY_FOR_LINK, RELINK_ADDED
    set_up = SET_UP if SetUpStep.PRODUCT in procedure.set_up_steps else SET_UP_STANDALONE
    if procedure.linked:
        return PLAN, REGISTER, TOKEN, APPLY, PASSWORD, set_up, RELINK
    return PLAN, REGISTER, APPLY, PASSWORD, set_up


def chosen_procedure(link: str, network: str) -> Procedure | None:
    """Return the procedure by the answers to the two questions; None while they are not both given."""
    if link == "addition":
        return Procedure.LINK_ADDITION
    if link not in {"true", "false"} or network not in {"true", "false"}:
        return None
    return Procedure.of(accounting_link=link == "true", network_product=network == "true")
