"""The rules that a pair is checked against, and what is wrong with one in the applicant's words."""

from enum import StrEnum

from models.common.message import Message
from models.yayoi.procedures import SET_UP_PAGE

_GO_ON = (
    f"お申し込み済みの事業所データに設定が残っているときは、お知らせメールが届いた弥生ID で{SET_UP_PAGE}に"
    "ログインして、続けてください。"
)

YAYOI_ID, OFFICE_TOKEN, ISSUED_CONTRACT_ID = "yayoi_id", "office_token", "issued_contract_id"


class PairRule(StrEnum):
    """The value is the rule's number, as histories hold it and operators read it."""

    ONE_TO_ONE = "Y1"
    ID_EXISTS = "Y2"
    ID_IN_NO_GROUP = "Y3"
    TOKEN_OF_THE_CONTRACT = "Y5"  # noqa: S105 no password
    ID_ISSUED_BEFORE = "Y9"


class PairProblem(Message):
    """Why a pair cannot be processed. `rule` is the rule it breaks."""

    rule: PairRule
    fields: tuple[str, ...]
    """Which parts of the pair it may lie in, by their names in the form."""
    message: str
    for_operators: str = ""
    """What operators read beside it, and nobody else."""


NOT_REGISTERED = PairProblem(
    rule=PairRule.ID_EXISTS,
    fields=(YAYOI_ID,),
    message="入力されたメールアドレスは、弥生ID として登録されていません。STEP2 で登録してください。",
)
IN_ANOTHER_GROUP = PairProblem(
    rule=PairRule.ID_IN_NO_GROUP,
    fields=(YAYOI_ID,),
    message="入力された弥生ID は、すでに別の事業グループに参加しているため利用できません。"
    f"別のメールアドレスを準備して、STEP2 で登録してください。{_GO_ON}",
)
SET_UP_IS_LEFT = PairProblem(
    rule=PairRule.ID_IN_NO_GROUP,
    fields=(YAYOI_ID,),
    message=f"入力された弥生ID では、すでにお手続きが済み、設定だけが残っています。お申し込みは不要です。{_GO_ON}",
)
NOT_ISSUED_TO_IT = PairProblem(
    rule=PairRule.ID_ISSUED_BEFORE,
    fields=(YAYOI_ID, ISSUED_CONTRACT_ID),
    message="入力されたサービス契約ID は、このご契約で、この弥生ID に発行されたものではありません。",
)
MANAGES_ANOTHER_OFFICE = PairProblem(
    rule=PairRule.ID_ISSUED_BEFORE,
    fields=(YAYOI_ID, ISSUED_CONTRACT_ID),
    message="入力されたサービス契約ID では、すでに別の事業所データを管理しています。"
    "サービス契約ID と事業所データは 1 対 1 です。",
)
NOT_OF_THE_CONTRACT = PairProblem(
    rule=PairRule.TOKEN_OF_THE_CONTRACT,
    fields=(OFFICE_TOKEN,),
    message="入力された事業所トークンは、ご契約の事業所データのものではありません。STEP3 でもう一度確認してください。",
)
MANAGED_ALREADY = PairProblem(
    rule=PairRule.ONE_TO_ONE,
    fields=(OFFICE_TOKEN,),
    message=f"この事業所データは、すでに『スマート証憑管理』で管理されています。お申し込みは不要です。{_GO_ON}",
)


def yayoi_id_held(application_no: str | None) -> PairProblem:
    """Return that another application holds the Yayoi ID; with its number if it is the same customer's (Y1)."""
    which = f"手続き中のお申し込み（申込番号 {application_no}）" if application_no else "手続き中の別のお申し込み"
    return PairProblem(
        rule=PairRule.ONE_TO_ONE,
        fields=(YAYOI_ID,),
        message=f"この弥生ID は、{which}で使われています。別の弥生ID を入力してください。",
    )


def token_held(application_no: str | None) -> PairProblem:
    """The same of an office token."""
    which = (
        f"手続き中のお申し込み（申込番号 {application_no}）で使われています。改めてのお申し込みは不要です。"
        if application_no
        else "手続き中の別のお申し込みで使われています。事業所データを確認してください。"
    )
    return PairProblem(rule=PairRule.ONE_TO_ONE, fields=(OFFICE_TOKEN,), message=f"この事業所トークンは、{which}")
