"""The five procedures and what each consists of (Y9)."""

import pytest

from models.yayoi.procedures import Procedure, SetUpStep, Stage

LINKED = [
    "内容確認",
    "契約者の確認待ち",
    "訂正待ち",
    "連携の記録",
    "共有解除待ち",
    "契約IDの発行",
    "完了通知",
    "凍結の解除",
    "STEP5・6 待ち",
    "再連携待ち",
    "終了",
]
UNLINKED = ["内容確認", "契約者の確認待ち", "訂正待ち", "契約IDの発行", "完了通知", "STEP5・6 待ち", "終了"]
LINK_ADDITION = [
    "内容確認",
    "契約者の確認待ち",
    "訂正待ち",
    "連携の記録",
    "共有解除待ち",
    "会計連携の設定",
    "完了通知",
    "凍結の解除",
    "再連携待ち",
    "終了",
]
NETWORK = ["support_password", "business_group", "product", "owned_product"]
STANDALONE = ["support_password", "business_group", "owned_product"]


@pytest.mark.parametrize(
    ("accounting_link", "network_product", "name", "stages", "steps"),
    [
        (True, True, "会計連携あり・ネットワーク製品", LINKED, NETWORK),
        (True, False, "会計連携あり・ネットワーク製品以外", LINKED, STANDALONE),
        (False, True, "会計連携なし・ネットワーク製品", UNLINKED, NETWORK),
        (False, False, "会計連携なし・ネットワーク製品以外", UNLINKED, STANDALONE),
    ],
)
def test_y9_two_questions_make_four_procedures(
    accounting_link: bool, network_product: bool, name: str, stages: list[str], steps: list[str]
) -> None:
    procedure = Procedure.of(accounting_link=accounting_link, network_product=network_product)
    assert procedure == name
    assert procedure.linked is accounting_link
    assert list(procedure.stages) == stages
    assert list(procedure.set_up_steps) == steps


def test_y9_the_fifth_adds_the_link_to_an_id_that_was_issued_before() -> None:
    assert Procedure.LINK_ADDITION.value == "会計連携の追加"
    assert Procedure.LINK_ADDITION.linked
    assert list(Procedure.LINK_ADDITION.stages) == LINK_ADDITION
    assert Procedure.LINK_ADDITION.set_up_steps == ()


def test_y9_there_are_no_other_procedures() -> None:
    answers = [(link, network) for link in (True, False) for network in (True, False)]
    of_answers = {Procedure.of(accounting_link=link, network_product=network) for link, network in answers}
    assert len(of_answers) == 4
    assert of_answers | {Procedure.LINK_ADDITION} == set(Procedure)


def test_y9_no_stage_and_no_step_belongs_to_no_procedure() -> None:
    assert {stage for procedure in Procedure for stage in procedure.stages} == set(Stage)
    assert {step for procedure in Procedure for step in procedure.set_up_steps} == set(SetUpStep)


def test_y20_every_step_says_what_it_is() -> None:
    assert [step.label for step in SetUpStep] == [
        "STEP5 サポート・サービスのパスワード設定",
        "STEP6 事業グループの新規作成",
        "STEP6 製品の登録",
        "STEP6 保有製品の登録",
    ]
