"""Which forms are ours: each carries a token of its own browser."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest

from tests.doors.house import House
from tests.web_world import hidden_fields
from web.doors.doors import STALE_FORM, UNREADABLE_FORM
from web.doors.forms import VALID


async def test_a_form_that_was_shown_is_taken_also_from_whoever_is_not_signed_in(house: House) -> None:
    assert (await house.send_form(what="one")).text == "taken"
    await house.sign_in()
    assert (await house.send_form(what="two")).text == "taken"
    assert house.taken == ["one", "two"]


@pytest.mark.parametrize("token", [None, "", "x", "x.y.z", "鍵", "." * 3000])
async def test_a_form_without_our_token_is_refused_with_what_to_do(house: House, token: str | None) -> None:
    answer = await house.send_form(csrf=token)
    assert answer.status_code == 403
    assert STALE_FORM in answer.text
    assert "フォームをもう一度開いて" in answer.text
    assert house.taken == []


async def test_a_token_of_another_browser_does_not_fit(house: House) -> None:
    fields = hidden_fields(await house.http.get("/form"))
    house.http.cookies.clear()
    assert (await house.http.post("/form", data=fields)).status_code == 403  # no cookie at all
    await house.http.get("/form")
    assert (await house.http.post("/form", data=fields)).status_code == 403  # this browser's own


async def test_a_cookie_and_a_token_that_somebody_made_up_do_not_fit(house: House) -> None:
    """The double-submit cookie is signed: to plant one of one's own choice is not enough."""
    answer = await house.http.post("/form", data={"csrf": "mine"}, headers={"cookie": "form=mine"})
    assert answer.status_code == 403


async def test_a_form_opened_before_signing_in_or_out_is_stale_afterwards(house: House) -> None:
    before = hidden_fields(await house.http.get("/form"))
    await house.sign_in()
    assert (await house.http.post("/form", data=before)).status_code == 403
    signed_in = hidden_fields(await house.http.get("/form"))
    assert (await house.http.post("/sign-out", data=signed_in)).status_code == 303
    assert (await house.http.post("/form", data=signed_in)).status_code == 403


async def test_a_form_of_yesterday_is_stale(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = hidden_fields(await house.http.get("/form"))
    assert (await house.http.post("/form", data=fields)).status_code == 200
    signed_at = int(datetime.now(UTC).timestamp())
    for age, status in ((VALID - timedelta(minutes=1), 200), (VALID + timedelta(minutes=1), 403)):
        later = int(signed_at + age.total_seconds())
        monkeypatch.setattr("itsdangerous.timed.TimestampSigner.get_timestamp", lambda _, later=later: later)
        assert (await house.http.post("/form", data=fields)).status_code == status


@pytest.mark.parametrize(
    ("content_type", "content", "status"),
    [
        ("application/x-www-form-urlencoded", b"csrf=%ff", 403),
        ("application/json", b'{"csrf": "x"}', 403),
        ("text/plain", b"csrf=x", 403),
        ("multipart/form-data", b"x", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="csrf"; filename="a"\r\n\r\n',
            400,
        ),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(400)), 400),
    ],
)
async def test_whatever_else_is_sent_is_refused(house: House, content_type: str, content: bytes, status: int) -> None:
    answer = await house.http.post("/form", content=content, headers={"content-type": content_type})
    assert answer.status_code == status
    assert (STALE_FORM if status == HTTPStatus.FORBIDDEN else UNREADABLE_FORM) in answer.text
    assert house.taken == []


async def test_pages_that_are_only_read_need_no_token(house: House) -> None:
    assert (await house.http.get("/form")).status_code == 200
    assert (await house.http.head("/form")).status_code == 405  # no such page, and no refusal of the doors
