"""Hosts and addresses of the web have one spelling, wherever they are compared, counted, signed or linked (Y8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.requests import Request

from models.common.contact import Contact
from models.common.web_addresses import address_of, host_spelled, web_address
from web.common.auth.rate_limits import client_address
from workers.commands.webhooks import subscriber_url
from workers.program import ClearError
from workers.settings import Settings
from workers.wiring.derived import desk_url, public_url

HOSTS = pytest.mark.robustness("hosts")


@HOSTS
@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("HTTPS://Apply.Example.co.jp", "https://apply.example.co.jp"),
        ("https://example.com./hook", "https://example.com/hook"),
        ("https://EXAMPLE.jp.:443/A?B=c#D", "https://example.jp/A?B=c#D"),
        ("http://example.jp:80", "http://example.jp"),
        ("http://example.jp:443", "http://example.jp:443"),
        ("http://[::0001]:8080/", "http://[::1]:8080/"),
        ("http://[2001:DB8:0:0::1]", "http://[2001:db8::1]"),
        ("http://[::ffff:10.0.0.1]/", "http://10.0.0.1/"),
        ("https://弥生.jp", "https://xn--j1t220c.jp"),
        ("https://ｅｘａｍｐｌｅ．ｊｐ/", "https://example.jp/"),
        ("https://my_service:8080/h", "https://my_service:8080/h"),
        ("https://EXAMPLE.JP.:0443/?q=%E5", "https://example.jp/?q=%E5"),
        ("https://[::FFFF:127.0.0.1]:443/", "https://127.0.0.1/"),
        ("https://[2001:0DB8:0000::0001]:8443", "https://[2001:db8::1]:8443"),
        ("https://例え。テスト", "https://xn--r8jz45g.xn--zckzah"),
        ("https://a\u2024jp:", "https://a.jp"),
    ],
)
def test_an_address_has_one_spelling(written: str, spelled: str) -> None:
    assert web_address(written) == web_address(spelled) == spelled
    assert Settings(contact_url=written).contact_url == spelled
    assert Contact(name="弥生", url=written).url == spelled


@HOSTS
@pytest.mark.parametrize(
    ("written", "other"),
    [
        ("https://example.jp/a", "https://example.jp/A"),
        ("https://example.jp/a", "https://example.jp/a/"),
        ("https://example.jp", "https://www.example.jp"),
        ("https://example.jp", "http://example.jp"),
        ("https://example.jp", "https://example.jp:8443"),
        ("http://[::1]", "http://127.0.0.1"),
    ],
)
def test_things_that_really_differ_stay_two(written: str, other: str) -> None:
    assert web_address(written) != web_address(other)


@HOSTS
@pytest.mark.parametrize(
    "written",
    [
        f"https://{'a' * 64}.example/hook",
        "https://" + "a2345678." * 29 + "jp",
        *("https://127.0.0.1:99999/", "https://example.jp:0/", "https://example.jp:eins/"),
        *("apply.example.co.jp", "https://", "https:///path", "ftp://example.jp", "//example.jp", ""),
        *("https://a:b@example.jp", "https://a b.jp", "https://example.jp/\u200b", "https://example.jp/\n"),
        *("https://x..jp", "https://.jp", "https://10.1", "https://0x7f", "https://[::1", "https://[fe80::1%25eth0]/"),
        *("https://[v1.a]", "https://[1.2.3.4]", "https://-a.jp", "https://a-.jp", "https://xn--.jp", "https:a.jp"),
        *("https://2130706433", "https://0177.0.0.1", "https://①.2.3.4", "https://a.jp:１", "https://a.jp:80:80"),
        *("https://@a.jp", "https://a／b.jp", "https://exam\u00adple.jp", " https://a.jp", "https://a.jp/\x7f"),
        *("https://%65xample.jp", "https://example.jp\\@evil.test", "https://exa<mple.jp"),
    ],
)
def test_what_no_browser_opens_is_refused_where_it_is_set(written: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        web_address(written)
    with pytest.raises(ClearError):
        subscriber_url(written, allow_private=True)
    if written:  # an empty variable is one that is not set
        with pytest.raises(ValidationError, match="public_url"):
            Settings(public_url=written)


@HOSTS
@pytest.mark.parametrize(
    ("written", "allow_private"),
    [
        ("https://10.0.0.1/", False),
        ("https://[::1]/", False),
        ("https://[::ffff:192.168.0.1]/", False),
        ("https://100.64.0.1/", False),
        ("https://169.254.169.254/latest", True),
        ("https://168.63.129.16/", True),
        ("https://[fd00:ec2::254]/", True),
        ("https://[64:ff9b::a00:1]/", True),
        ("https://0.0.0.0/", True),
        ("http://8.8.8.8/", True),
    ],
)
def test_an_address_that_nothing_is_ever_posted_to_is_refused_where_it_is_set(
    written: str, allow_private: bool
) -> None:
    with pytest.raises(ClearError, match="送信でき"):
        subscriber_url(written, allow_private=allow_private)
    for taken, private in (("https://10.0.0.1/", True), ("http://127.0.0.1:8080/", True), ("https://8.8.8.8/", False)):
        assert subscriber_url(taken, allow_private=private) == taken


@HOSTS
@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("::1", "http://[::1]:8080"),
        ("2001:db8::1", "http://[2001:db8::1]:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104
        ("::", "http://[::1]:8080"),
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("localhost", "http://localhost:8080"),
    ],
)
def test_links_lead_to_where_a_server_listens(host: str, reached: str) -> None:
    assert address_of(host, 8080) == reached
    assert public_url(Settings(web_host=host, web_port=8080)) == reached
    assert desk_url(Settings(desk_host=host, desk_port=8080)) == reached


@HOSTS
@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::2"),  # one line
        ("2001:DB8:0:0:1::", "2001:db8::9"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_a_client_is_counted_once_however_its_address_is_spelled(one: str, same: str) -> None:
    def counted(host: str) -> str:
        return client_address(Request({"type": "http", "client": (host, 1)}))

    assert counted(one) == counted(same)
    assert counted("::ffff:192.0.2.1") != counted("::ffff:192.0.2.2") != counted("::1")


@HOSTS
@given(st.text(max_size=30))
def test_a_spelled_host_is_spelled_so_again(text: str) -> None:
    try:
        spelled = host_spelled(text)
    except ValueError:
        return
    assert host_spelled(spelled) == spelled
    assert spelled.isascii()
