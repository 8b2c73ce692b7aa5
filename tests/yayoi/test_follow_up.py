"""What is left to do after the notice, and in which order it is taken (Y19 to Y21)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.yayoi.follow_up import FollowUp
from models.yayoi.messages import Relinked, RememberedLink
from models.yayoi.procedures import Procedure, SetUpStep
from models.yayoi.service_links import NO_LINK, Coverage, LinkedService, LinkKind, ServiceNames

BANK = RememberedLink(number=1, kind=LinkKind.BANK_ACCOUNT, last_imported_on=date(2026, 10, 30))
AIR = RememberedLink(number=2, kind=LinkKind.AIR_REGI, last_imported_on=None)

procedures = st.sampled_from(Procedure)
tries = st.lists(st.sampled_from(SetUpStep), max_size=20)
links = st.lists(
    st.builds(
        RememberedLink,
        number=st.integers(1, 6),
        kind=st.sampled_from(LinkKind),
        last_imported_on=st.none(),
    ),
    unique_by=lambda link: link.number,
    max_size=5,
).map(tuple)
relink_tries = st.lists(st.integers(NO_LINK, 7), max_size=20)


def relinked(number: int, kind: LinkKind = LinkKind.BANK_ACCOUNT) -> Relinked:
    coverage = Coverage(last_imported_on=None, first_covered_on=date(2026, 11, 20))
    return Relinked(number=number, kind=kind, coverage=coverage)


@given(procedure=procedures, tried=tries)
def test_y20_whatever_is_tried_only_the_next_step_is_taken(procedure: Procedure, tried: list[SetUpStep]) -> None:
    follow_up = FollowUp(steps=procedure.set_up_steps)
    taken: list[SetUpStep] = []
    for step in tried:
        expected = step not in taken and step == next(iter(procedure.set_up_steps[len(taken) :]), None)
        assert (follow_up.refuse_step(step) is None) == expected
        if expected:
            follow_up.record_step(step)
            taken.append(step)
        assert follow_up.done == taken == list(procedure.set_up_steps[: len(taken)])
        assert follow_up.open_steps == list(procedure.set_up_steps[len(taken) :])
    assert follow_up.complete == (len(taken) == len(procedure.set_up_steps))


@given(remembered=links, tried=relink_tries)
def test_y21_every_lost_link_is_made_again_once_and_no_other(
    remembered: tuple[RememberedLink, ...], tried: list[int]
) -> None:
    follow_up = FollowUp(steps=(), links=remembered)
    left = {link.number for link in remembered}
    for link in tried:
        assert (follow_up.refuse_relink(link) is None) == (link in left)
        if link in left:
            follow_up.record_relink(relinked(link))
            left.remove(link)
        assert {link.number for link in follow_up.open_links} == left
    assert follow_up.complete == (not left)


def test_y19_step6_waits_for_step5() -> None:
    follow_up = FollowUp(steps=Procedure.LINKED_NETWORK.set_up_steps)
    assert follow_up.refuse_step(SetUpStep.BUSINESS_GROUP) == (
        "順番が違います。先に「STEP5 サポート・サービスのパスワード設定」が必要です。"
    )
    assert follow_up.refuse_step(SetUpStep.SUPPORT_PASSWORD) is None


def test_y20_a_step_is_done_once() -> None:
    follow_up = FollowUp(steps=Procedure.LINKED_NETWORK.set_up_steps)
    follow_up.record_step(SetUpStep.SUPPORT_PASSWORD)
    refusal = follow_up.refuse_step(SetUpStep.SUPPORT_PASSWORD)
    assert refusal == "STEP5 サポート・サービスのパスワード設定は、すでに記録されています。"


def test_y20_only_network_products_are_registered() -> None:
    follow_up = FollowUp(steps=Procedure.LINKED_STANDALONE.set_up_steps)
    refusal = follow_up.refuse_step(SetUpStep.PRODUCT)
    assert refusal == "STEP6 製品の登録は、ネットワーク製品だけの手続きです。このお申し込みでは不要です。"


NAMES = ServiceNames.of(
    {
        1: LinkedService(LinkKind.BANK_ACCOUNT, "みずうみ銀行 普通 7654321", None),
        2: LinkedService(LinkKind.AIR_REGI, "Airレジ 本店", None),
        12: LinkedService(LinkKind.AIR_REGI, "Airレジ 支店", None),
    }
)


@pytest.mark.parametrize(
    ("number", "refusal"),
    [
        (1, "口座連携「みずうみ銀行 普通 7654321」の再連携は、すでに記録されています。"),
        (
            NO_LINK,
            "このサービスは、以前の連携にありません。再連携を待っているサービス：Airレジ「Airレジ 本店」。",
        ),
    ],
)
def test_y21_a_refused_relink_says_what_is_awaited(number: int, refusal: str) -> None:
    follow_up = FollowUp(steps=(), links=(BANK, AIR))
    follow_up.record_relink(relinked(BANK.number))
    said = follow_up.refuse_relink(number)
    assert said is not None
    assert "7654321" not in said
    assert NAMES.named(said) == refusal


def test_services_are_named_by_their_whole_number() -> None:
    assert NAMES.named("Airレジ（連携12）、Airレジ（連携2）、Airレジ（連携3）") == (
        "Airレジ「Airレジ 支店」、Airレジ「Airレジ 本店」、Airレジ（連携3）"
    )


def test_y25_open_points_are_said_in_the_order_in_which_they_are_due() -> None:
    follow_up = FollowUp(steps=Procedure.LINKED_STANDALONE.set_up_steps, links=(BANK, AIR))
    follow_up.record_step(SetUpStep.SUPPORT_PASSWORD)
    follow_up.record_relink(relinked(BANK.number))
    assert follow_up.open_points == (
        "STEP6 事業グループの新規作成",
        "STEP6 保有製品の登録",
        "Airレジ（連携2）の再連携",
    )
    assert not follow_up.complete


def test_what_is_recorded_twice_counts_once() -> None:
    follow_up = FollowUp(steps=Procedure.LINKED_NETWORK.set_up_steps, links=(BANK,))
    for _ in range(2):
        follow_up.record_step(SetUpStep.SUPPORT_PASSWORD)
        follow_up.record_relink(relinked(BANK.number))
    assert (len(follow_up.done), len(follow_up.relinked)) == (1, 1)


def test_what_is_taken_back_twice_is_gone_once_and_the_customer_has_begun_all_the_same() -> None:
    """By two operators in one moment: an error here would be tried again without end."""
    follow_up = FollowUp(steps=Procedure.LINKED_NETWORK.set_up_steps, links=(BANK,))
    assert not follow_up.begun
    follow_up.record_step(SetUpStep.SUPPORT_PASSWORD)
    follow_up.record_relink(relinked(BANK.number))
    for _ in range(2):
        follow_up.retract_step(SetUpStep.SUPPORT_PASSWORD)
        follow_up.retract_relink(BANK.number)
    assert (follow_up.done, follow_up.relinked, follow_up.begun) == ([], [], True)
