"""A mail server's reply ends a mail only if it is surely about the recipient; none is kept with an address."""

from email.headerregistry import Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.common.mail_replies import is_about_the_recipient, without_address

FINAL = pytest.mark.robustness("final only when sure")
TARO = Address("弥生 太郎", "taro.yayoi", "mail.example.jp")


@FINAL
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (550, "5.1.1 <taro@example.jp>: Recipient address rejected: User unknown in local recipient table"),
        (550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found"),
        (556, "5.1.10 null MX"),
        (550, "5.2.1 The email account that you tried to reach is disabled"),
        (551, "5.1.6 moved"),
        (553, "5.1.3 bad address syntax"),
        (550, "No such user here"),
        (550, "<taro@example.jp>... User unknown"),
        (550, "Requested action not taken: mailbox not found"),
        (553, "recipient does not exist"),
        (
            550,
            "5.1.1 The account that you tried to reach does not exist.\n5.1.1 Learn more at https://mail.example/5.1.1",
        ),
        (550, "Unknown user taro@docomo.example"),
        (550, "Invalid recipient [192.5.1.1]"),
        (521, "\n 5.1.10 nobody takes mail here"),
    ],
)
def test_what_is_surely_about_the_recipient_is_final(code: int, said: str) -> None:
    assert is_about_the_recipient(code, said)


@FINAL
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (550, "authentication required"),
        (550, ""),
        (550, "mailbox unavailable"),
        (550, "5.7.1 Unable to relay"),
        (554, "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"),
        (550, "5.7.26 unauthenticated mail is not accepted"),
        (550, "5.4.1 Recipient address rejected: Access denied"),
        (550, "5.1.0 Address rejected"),
        (552, "5.2.2 mailbox full"),
        (550, "No such user, or you are blocked"),
        (550, "unknown user: your sender is on a blacklist"),
        (553, "sorry, that domain isn't in my list of allowed rcpthosts"),
        (503, "5.5.1 Error: need MAIL command"),
        (530, "5.7.0 Must issue a STARTTLS command first"),
        (450, "4.1.1 User unknown"),
        (421, "No such user"),
        (550, "5.1.1 host mx.example said: 550 5.7.1 you are blocked"),
        (550, "5.1.1 checking the address failed\n4.4.1 no answer from mx.example"),
        (550, "SMTP; 550 5.7.1 unknown user"),
        (550, "unknown user - try again later"),
        (550, "Unknown user (too many of them)"),
        (550, "user not found: LDAP is down"),
        (550, "Unknown user; SPF check failed"),
        (550, "mailbox not found, a temporary failure"),
        (553, "invalid address in MAIL FROM"),
        (451, "5.1.1 no such user"),
        (252, "No such user"),
        (600, "5.1.1 no such user"),
    ],
)
def test_what_may_be_about_us_or_pass_is_tried_again(code: int, said: str) -> None:
    assert not is_about_the_recipient(code, said)


@FINAL
@pytest.mark.parametrize(
    "said",
    [
        "5.7.1 <taro.yayoi@mail.example.jp>: relay access denied",
        "Taro.Yayoi unknown, ask postmaster@mail.example.jp",
        "mailbox TARO.YAYOI at mail.example.jp is full",
        "弥生太郎 様宛のメールは受け付けません blocked",
        "see https://mail.example.jp/why?u=taro.yayoi",
    ],
)
def test_what_a_server_says_is_kept_without_the_address(said: str) -> None:
    kept = without_address(said, TARO)
    assert not any(part in kept.casefold() for part in ("taro", "yayoi", "@", "example", "弥生"))
    assert kept


@FINAL
@given(st.text())
def test_whatever_a_server_says_is_one_short_line(said: str) -> None:
    kept = without_address(said, TARO)
    assert len(kept) <= 100
    assert kept.isprintable()
    assert "@" not in kept
