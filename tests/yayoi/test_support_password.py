"""STEP5 on its pages: who may set the password, what it must be, and what is disclosed to nobody (Y19)."""

import re
from email.message import EmailMessage

import httpx
import pytest
from sqlalchemy import select, text

from models.common.password_hashing import Hashing
from models.tables import EventRow, SetUpStepRow, SupportPasswordRow
from models.yayoi.mails import NOTICE_SUBJECT
from models.yayoi.procedures import SetUpStep
from models.yayoi.store.event_cases import EXISTING_CONTRACT, NOT_ONE_NOTICE
from tests.support.customer import SUPPORT_PASSWORD, Customer, errors_on, words
from tests.support.environment import OFFICE_B, YAYOI
from tests.support.matrices import mostly_long
from tests.support.secret_key import SECRET_KEYS
from tests.support.web import CROSS_SITE, elsewhere, hidden_fields
from web.common.auth.rate_limits import Limits, SharedLimit
from web.yayoi.customer import support_password
from web.yayoi.limits import YayoiGuess
from workers.stack.inbox import text_of

MOST = SharedLimit.GUESSES.value.most


async def kept(customer: Customer) -> str | None:
    rows = await customer.environment.rows(select(SupportPasswordRow.password_hash))
    return rows[0] if rows else None


async def test_y19_the_password_of_ones_own_notice_is_set_and_reported(customer: Customer) -> None:
    first = await customer.web.send("/support-password", customer.notice)
    assert customer.issued.registered_name in words(first)
    assert customer.issued.contract_id in words(first)
    done = await customer.set_support_password()
    assert (done.status_code, done.headers["location"]) == (303, "/support-password/done")
    assert "次は STEP6 です" in await customer.page("/support-password/done")
    steps = await customer.environment.rows(select(SetUpStepRow.step))
    assert steps == [SetUpStep.SUPPORT_PASSWORD]
    password_hash = await kept(customer)
    assert password_hash is not None
    assert password_hash.startswith("$argon2id$")
    # Letter case matters.
    assert await Hashing().verify(password_hash, SUPPORT_PASSWORD)
    assert not await Hashing().verify(password_hash, SUPPORT_PASSWORD.lower())


async def test_y19_the_password_is_nowhere_but_in_its_hash(customer: Customer) -> None:
    await customer.set_support_password()
    async with customer.environment.sessions() as session:
        dumped = str((await session.execute(text("select * from events"))).all())
    dumped += str(await customer.case.office().fetch_history())
    assert "support_password_set" in dumped
    assert SUPPORT_PASSWORD not in dumped


@pytest.mark.long
async def test_y19_number_and_address_must_be_of_one_notice_and_every_miss_reads_alike(customer: Customer) -> None:
    misses: list[dict[str, str]] = [
        {"yayoi_id": OFFICE_B[0]},
        {"contract_id": "7999999"},
        {"contract_id": "7999999", "yayoi_id": "nobody@example.jp"},
        # Somebody else's contract exists, which is nobody's to know.
        {"contract_id": "6000001"},
    ]
    for miss in misses:
        answer = await customer.web.send("/support-password", customer.notice | miss)
        assert errors_on(answer) == [f"サービス契約ID（お客様番号）：{NOT_ONE_NOTICE}"]
        assert customer.issued.registered_name not in words(answer)


async def test_y20_the_existing_contract_id_is_refused_with_the_reason(customer: Customer) -> None:
    answer = await customer.web.send("/support-password", customer.notice | {"contract_id": YAYOI})
    assert errors_on(answer) == [f"サービス契約ID（お客様番号）：{EXISTING_CONTRACT}"]


@pytest.mark.long
async def test_y19_a_revoked_id_counts_as_unknown(customer: Customer) -> None:
    async with customer.environment.sessions.begin() as session:
        await session.execute(text("update issued_contracts set revoked_at = now()"))
    answer = await customer.web.send("/support-password", customer.notice)
    assert errors_on(answer) == [f"サービス契約ID（お客様番号）：{NOT_ONE_NOTICE}"]


async def test_y19_phone_number_and_new_mail_address_stay_empty(customer: Customer) -> None:
    answer = await customer.web.send("/support-password", customer.notice | {"phone": "03-1234-5678"})
    assert errors_on(answer) == [f"ご登録電話番号：{support_password.LEAVE_PHONE_EMPTY}"]
    answer = await customer.set_support_password(new_mail="new@example.jp")
    assert errors_on(answer) == [f"新規メールアドレス：{support_password.LEAVE_NEW_MAIL_EMPTY}"]
    assert await kept(customer) is None


@pytest.mark.parametrize(
    "password",
    mostly_long(
        ["Ab345", "Abcdefghij123", "abcdefgh", "12345678", "abc-1234", "Ａｂｃ１２３", ""],
        each_time=["Abcdefghij123", ""],
    ),
)
async def test_y19_what_breaks_the_rule_is_refused_and_never_shown_again(customer: Customer, password: str) -> None:
    answer = await customer.set_support_password(password)
    error, *others = errors_on(answer)
    assert error.startswith("パスワード：")
    assert others == ([] if password else ["パスワード（再入力）：入力してください。"])  # in one round
    assert f'value="{password}"' not in answer.text or password == ""
    assert await kept(customer) is None


async def test_y19_both_entries_must_agree(customer: Customer) -> None:
    answer = await customer.set_support_password(password_again="Shien25")
    assert errors_on(answer) == [f"パスワード（再入力）：{support_password.NOT_THE_SAME}"]
    assert SUPPORT_PASSWORD not in answer.text


async def test_y8_what_is_typed_in_other_widths_is_taken(customer: Customer) -> None:
    wide = customer.issued.contract_id.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    answer = await customer.web.send(
        "/support-password", {"contract_id": f" {wide} ", "yayoi_id": customer.issued.yayoi_id.upper()}
    )
    assert answer.status_code == 200
    assert customer.issued.registered_name in words(answer)


async def test_a_double_click_is_one_step(customer: Customer) -> None:
    first = await customer.web.send("/support-password", customer.notice)
    typed = {"password": SUPPORT_PASSWORD, "password_again": SUPPORT_PASSWORD}
    fields = hidden_fields(first, "/support-password/set") | typed
    answers: list[httpx.Response] = [await customer.http.post("/support-password/set", data=fields) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    events = await customer.environment.rows(select(EventRow).where(EventRow.kind == "support_password_set"))
    assert len(events) == 1


@pytest.mark.long
async def test_y19_a_password_that_was_set_is_changed_only_by_its_own_yayoi_id(customer: Customer) -> None:
    await customer.set_support_password()
    before = await kept(customer)
    answer = await customer.web.send("/support-password", customer.notice)
    assert errors_on(answer) == [support_password.SET_BEFORE]
    await customer.web.sign_in(OFFICE_B[0])
    answer = await customer.web.send("/support-password", customer.notice)
    assert errors_on(answer) == [support_password.SET_BEFORE]
    assert await kept(customer) == before
    await customer.web.sign_in(customer.issued.yayoi_id)
    assert (await customer.set_support_password("Another9")).status_code == 303
    password_hash = await kept(customer)
    assert password_hash is not None
    assert await Hashing().verify(password_hash, "Another9")


async def test_guessing_which_address_goes_with_a_number_ends_soon_for_who_guesses(customer: Customer) -> None:
    async with elsewhere(customer.http) as stranger:
        wrong = customer.notice | {"yayoi_id": OFFICE_B[0]}
        answers = [await customer.web.send("/support-password", wrong, http=stranger) for _ in range(MOST + 1)]
        assert [answer.status_code for answer in answers] == [422] * MOST + [429]
        assert (await customer.web.send("/support-password", customer.notice, http=stranger)).status_code == 429
    assert (await customer.set_support_password()).status_code == 303


@pytest.mark.long
async def test_y19_mistakes_of_format_count_nowhere(customer: Customer) -> None:
    for _ in range(MOST + 1):
        refused = await customer.web.send("/support-password", customer.notice | {"contract_id": "700000"})
        assert refused.status_code == 422
        refused = await customer.set_support_password("short")
        assert refused.status_code == 422
    assert (await customer.set_support_password()).status_code == 303


@pytest.mark.long
@pytest.mark.parametrize("how", ["the link of the notice", "signed in"])
async def test_y19_what_strangers_have_tried_keeps_no_holder_of_the_notice_out(customer: Customer, how: str) -> None:
    limits = Limits(customer.environment.sessions, SECRET_KEYS)
    for _ in range(SharedLimit.GUESSES_OF_STRANGERS.value.most):
        await limits.count((SharedLimit.GUESSES_OF_STRANGERS, YayoiGuess.NOTICE.of(customer.issued.contract_id)))
    refused = await customer.web.send("/support-password", customer.notice)
    assert refused.status_code == 429
    assert "お知らせメールのリンクを開き" in refused.text
    if how == "signed in":
        await customer.web.sign_in(customer.issued.yayoi_id)
    else:
        [mail] = [each for each in customer.environment.inbox.to(customer.issued.yayoi_id) if is_notice(each)]
        [link] = set(re.findall(r"http://web\.test(/applications/\S+)", text_of(mail)))
        assert (await customer.http.get(link)).status_code == 200
    assert (await customer.set_support_password()).status_code == 303


def is_notice(mail: EmailMessage) -> bool:
    return str(mail["Subject"]) == NOTICE_SUBJECT


async def test_a_form_from_elsewhere_is_refused(customer: Customer) -> None:
    answer = await customer.http.post("/support-password", data=customer.notice, headers=CROSS_SITE)
    assert answer.status_code == 403
